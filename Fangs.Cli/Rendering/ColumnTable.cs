using Spectre.Console;

namespace Fangs.Cli.Rendering;

/// <summary>A plain table: header in capitals, columns two spaces apart, no borders.</summary>
public sealed class ColumnTable
{
    private readonly Table _table;
    private readonly int _columns;

    /// <summary>Creates a table.</summary>
    /// <param name="headers">Column names.</param>
    public ColumnTable(params string[] headers)
    {
        ArgumentNullException.ThrowIfNull(headers);
        _columns = headers.Length;
        _table = new Table().NoBorder().Collapse();
        for (var i = 0; i < headers.Length; i++)
        {
            var padding = new Padding(0, 0, i == headers.Length - 1 ? 0 : 2, 0);
            _table.AddColumn(new TableColumn(new Text(headers[i])) { NoWrap = true, Padding = padding });
        }
    }

    /// <summary>Whether it has no rows.</summary>
    public bool IsEmpty => _table.Rows.Count == 0;

    /// <summary>Adds a row of texts that are already safe to print.</summary>
    public void Add(params string[] cells)
    {
        ArgumentNullException.ThrowIfNull(cells);
        if (cells.Length != _columns) throw new ArgumentException($"{_columns} cells expected", nameof(cells));
        _table.AddRow(cells.Select(cell => new Text(cell, StyleOf(cell))));
    }

    /// <summary>Prints the table, or <c>(none)</c>.</summary>
    public void Print(CliEnvironment environment)
    {
        ArgumentNullException.ThrowIfNull(environment);
        if (IsEmpty) environment.Out.WriteLine("(none)");
        else environment.Console.Write(_table);
    }

    // The few words that deserve attention wherever they stand alone in a cell.
    private static Style StyleOf(string cell) => cell switch
    {
        "failed" or "crit" => new Style(Color.Red),
        "done" => new Style(Color.Green),
        "inconclusive" or "warn" => new Style(Color.Yellow),
        _ => Style.Plain,
    };
}
