namespace Fangs.Actors.Storage.Queries;

/// <summary>Which part of a long list is wanted: what follows one row, what precedes one, or the beginning.</summary>
/// <param name="After">Key of the last row of the page before; empty for the beginning.</param>
/// <param name="Before">Key of the first row of the page behind; empty unless a page back is wanted.</param>
/// <param name="Limit">Rows of a page, at least 1.</param>
public sealed record PagePosition(string After, string Before, int Limit)
{
    /// <summary>The first page.</summary>
    public static PagePosition First(int limit) => new("", "", limit);

    /// <summary>Whether the rows before <see cref="Before"/> are wanted.</summary>
    internal bool IsBackward => Before.Length > 0;

    /// <summary>The row that the page borders on; empty for the beginning.</summary>
    internal string Border => IsBackward ? Before : After;
}

/// <summary>A part of a long list.</summary>
/// <param name="Items">Its rows in order.</param>
/// <param name="HasPrevious">Whether there are rows before them.</param>
/// <param name="HasNext">Whether there are rows behind them.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, bool HasPrevious, bool HasNext);

/// <summary>Makes pages.</summary>
internal static class Page
{
    /// <summary>A page from one row more than it holds, read away from the border of the position.</summary>
    internal static Page<T> Of<T>(List<T> rows, PagePosition position)
    {
        var isMore = rows.Count > position.Limit;
        if (isMore) rows.RemoveAt(rows.Count - 1);
        if (!position.IsBackward) return new Page<T>(rows, position.After.Length > 0, isMore);
        rows.Reverse();
        return new Page<T>(rows, isMore, HasNext: true);
    }

    /// <summary>One page of a list that is numbered from 1, from one row more than it holds.</summary>
    internal static Page<T> Numbered<T>(List<T> rows, int page, int limit)
    {
        var isMore = rows.Count > limit;
        if (isMore) rows.RemoveAt(rows.Count - 1);
        return new Page<T>(rows, page > 1, isMore);
    }
}
