using System.Text.RegularExpressions;

namespace Fangs.Actors.Storage.Transfer;

/// <summary>A table as it stands in a file of an export.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Columns">Its columns, by name.</param>
/// <param name="Key">Columns of its primary key: the order of the rows.</param>
public sealed record PortableTable(string Name, IReadOnlyList<string> Columns, IReadOnlyList<string> Key)
{
    /// <summary>The tables of the dispatcher's journal, which Akka makes when an orchestrator starts for the first time.</summary>
    public static IReadOnlyList<string> Journal { get; } = ["journal", "snapshot"];

    /// <summary>Names of all tables of an installation.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. Postgres.PostgresMigrator.Known.SelectMany(m => Regex.Matches(m.Sql, @"^CREATE TABLE (\w+)", RegexOptions.Multiline)).Select(m => m.Groups[1].Value),
        .. Journal,
    ];

    /// <summary>The rows in order, which is that of bytes. Akka's texts have the order of the database's language otherwise.</summary>
    internal string SelectSql(SqlDialect dialect) => $"SELECT {string.Join(", ", Columns)} FROM {Name} ORDER BY "
        + string.Join(", ", Key.Select(column => dialect.IsPostgres && column == "persistence_id" ? column + " COLLATE \"C\"" : column));

    /// <summary>Whether a column holds instants: the names tell, in every table.</summary>
    internal static bool HoldsTime(string column) =>
        column == "at" || column.EndsWith("_at", StringComparison.Ordinal) || column.EndsWith("_since", StringComparison.Ordinal);

    /// <summary>Reads the tables of a database, those first that others refer to. A table that is not there is left out.</summary>
    internal static IReadOnlyList<PortableTable> Read(StoreSession session)
    {
        ArgumentNullException.ThrowIfNull(session);
        var tables = new Dictionary<string, PortableTable>(StringComparer.Ordinal);
        foreach (var name in Names)
        {
            var columns = session.Rows(session.Dialect.ColumnsOf, row => row.GetString(0), name);
            if (columns.Count > 0)
                tables.Add(name, new PortableTable(name, [.. columns.Order(StringComparer.Ordinal)], session.Rows(session.Dialect.KeyOf, row => row.GetString(0), name)));
        }

        var ordered = new List<PortableTable>();
        foreach (var name in tables.Keys.Order(StringComparer.Ordinal)) Place(name);
        return ordered;

        void Place(string name)
        {
            if (!tables.TryGetValue(name, out var table) || ordered.Contains(table)) return;
            foreach (var parent in session.Rows(session.Dialect.ParentsOf, row => row.GetString(0), name).Where(parent => parent != name).Order(StringComparer.Ordinal))
                Place(parent);
            ordered.Add(table);
        }
    }
}
