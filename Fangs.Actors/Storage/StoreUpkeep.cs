using System.Data.Common;
using Fangs.Actors.Analysis;
using Fangs.Actors.Configuration;

namespace Fangs.Actors.Storage;

/// <summary>What was put in order when the store was opened, before anything else looks at it.</summary>
/// <param name="Baselines">The rewriting of baselines that older rules have left.</param>
/// <param name="AllowList">The reconciling of the allow list with the configuration; null when there was none to reconcile with.</param>
/// <param name="Analysis">The settings by which runs are judged.</param>
/// <param name="RunsDue">Runs to be judged again because these have changed.</param>
public sealed record StoreUpkeep(BaselineRewriteOutcome Baselines, AllowListOutcome? AllowList, AnalysisSettings Analysis, int RunsDue)
{
    /// <summary>Does the upkeep in one transaction.</summary>
    /// <param name="database">The migrated database.</param>
    /// <param name="allow">Entries of the configuration; null leaves the allow list as it is.</param>
    /// <param name="analysis">Settings of the analysis; null takes those that the database keeps.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="StorageUnusableException">The database refused it; nothing was changed.</exception>
    internal static StoreUpkeep Run(StoreDatabase database, IReadOnlyList<ConfiguredAllowEntry>? allow, AnalysisSettings? analysis, DateTimeOffset now)
    {
        try
        {
            // Not the connection with the lock: that one is for the writer.
            using var session = database.Target.OpenSession();
            session.Begin();
            var upkeep = new StoreUpkeep(
                BaselineRewrite.Run(session),
                allow is null ? null : AllowListReconciler.Run(session, allow, now),
                analysis ?? SettingsReconciler.Read(session),
                analysis is null ? 0 : SettingsReconciler.Write(session, analysis, now));
            session.Commit();
            return upkeep;
        }
        catch (DbException e)
        {
            throw new StorageUnusableException($"The database {database.Name} could not be brought up to date: {e.Message}", e);
        }
    }
}
