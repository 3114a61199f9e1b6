namespace Fangs.Actors.Storage.Queries;

/// <summary>Limits of lists.</summary>
internal static class RowLimit
{
    /// <summary>What SQLite takes for a limit of ours, where 0 stands for none.</summary>
    internal static int Of(int limit) => limit == 0 ? -1 : limit;
}
