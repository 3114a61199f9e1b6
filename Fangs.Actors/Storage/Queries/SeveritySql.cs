namespace Fangs.Actors.Storage.Queries;

/// <summary>The ranking of <see cref="Fangs.Actors.Analysis.Severity"/> in SQL.</summary>
internal static class SeveritySql
{
    /// <summary>The rank of the column <c>severity</c>.</summary>
    internal const string Rank =
        "CASE lower(severity) WHEN 'info' THEN 1 WHEN 'low' THEN 1 WHEN 'high' THEN 3 WHEN 'crit' THEN 4 WHEN 'critical' THEN 4 ELSE 2 END";
}
