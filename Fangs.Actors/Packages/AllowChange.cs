using Fangs.Actors.Analysis;
using Fangs.Actors.Storage;

namespace Fangs.Actors.Packages;

/// <summary>A change of the allow list that is stored, and the runs that it concerns.</summary>
/// <param name="Action">A value of <see cref="Protocol.DecisionAction"/>.</param>
/// <param name="Entry">The entry that came or went.</param>
/// <param name="Runs">Runs to be judged again.</param>
public sealed record AllowChange(string Action, StoredAllowEntry Entry, IReadOnlyList<AffectedRun> Runs);
