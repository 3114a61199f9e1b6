namespace Fangs.Actors.Storage.Queries;

/// <summary>Limits of lists.</summary>
internal static class RowLimit
{
    /// <summary>The limit for SQL of a limit of ours, where 0 stands for none.</summary>
    internal static long Of(int limit) => limit == 0 ? long.MaxValue : limit;
}
