using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>A part of the events of a run.</summary>
/// <param name="Items">Those that fit, in the order in which they arrived.</param>
/// <param name="HasPrevious">Whether events come before the part that was searched.</param>
/// <param name="HasNext">Whether events follow.</param>
/// <param name="First">Id of the first event that was looked at; 0 when there is none.</param>
/// <param name="Last">Id of the last event that was looked at; 0 when there is none.</param>
/// <param name="IsCut">Whether the search ended because it had looked at very many, and not because the page was full.</param>
public sealed record EventPage(IReadOnlyList<EventRow> Items, bool HasPrevious, bool HasNext, long First, long Last, bool IsCut);

/// <summary>Reads the events of a run in parts, in the order of their ids.</summary>
public static class EventPageQueries
{
    private const string Columns = "SELECT e.id AS Id, e.ts_ns AS TsNs, e.type AS Type, CAST(e.data AS TEXT) AS Data FROM events e";

    /// <summary>One part.</summary>
    /// <param name="database">The database.</param>
    /// <param name="runId">Full id.</param>
    /// <param name="type">Only this stored type name; empty for all.</param>
    /// <param name="fits">Which of those are wanted.</param>
    /// <param name="after">Only events behind this id.</param>
    /// <param name="before">Only events before this id, read backwards; 0 reads forwards.</param>
    /// <param name="limit">Events of a page.</param>
    /// <param name="most">At most this many events are looked at.</param>
    public static EventPage Read(
        ReadOnlyDatabase database, string runId, string type, Func<EventRow, bool> fits, long after, long before, int limit, int most)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(type);
        ArgumentNullException.ThrowIfNull(fits);
        var items = new List<EventRow>();
        var (looked, edge, isCut) = (0, 0L, false);
        var isBackward = before > 0;
        var ranges = Ranges(database, runId);
        foreach (var row in Rows(database, runId, type, ranges, after, isBackward ? before : long.MaxValue, isBackward))
        {
            if (items.Count == limit || looked == most)
            {
                isCut = items.Count < limit;
                return PageOf(isMore: true);
            }

            looked++;
            edge = row.Id;
            if (fits(row)) items.Add(row);
        }

        return PageOf(isMore: false);

        EventPage PageOf(bool isMore)
        {
            if (isBackward) items.Reverse();
            var (first, last) = isBackward ? (edge, before - 1) : (after + 1, edge);
            var hasPrevious = isBackward ? isMore : after > 0 && ranges.Count > 0 && ranges[0].First <= after;
            return new EventPage(items, hasPrevious, isBackward || isMore, first, last, isCut);
        }
    }

    /// <summary>Streams all events of a run, without holding them in memory.</summary>
    public static IEnumerable<EventRow> All(ReadOnlyDatabase database, string runId)
    {
        ArgumentNullException.ThrowIfNull(database);
        return Rows(database, runId, "", Ranges(database, runId), 0, long.MaxValue, isBackward: false);
    }

    /// <summary>Events by their ids, in order.</summary>
    public static IReadOnlyList<EventRow> ByIds(ReadOnlyDatabase database, IReadOnlyCollection<long> ids)
    {
        ArgumentNullException.ThrowIfNull(database);
        return ids is { Count: 0 } ? [] : database.Connection.Query<EventRow>($"{Columns} WHERE {database.IsOneOf("e.id", "ids")} ORDER BY e.id", new { ids = ids.ToArray() }).AsList();
    }

    /// <summary>The run of an event; null when the event is gone.</summary>
    public static string? RunOf(ReadOnlyDatabase database, long id)
    {
        ArgumentNullException.ThrowIfNull(database);
        return database.Connection.ExecuteScalar<string?>("SELECT run_id FROM events WHERE id = @id", new { id });
    }

    private static IEnumerable<EventRow> Rows(
        ReadOnlyDatabase database, string runId, string type, List<Range> ranges, long after, long before, bool isBackward)
    {
        var ofType = type.Length == 0 ? "" : "AND e.type = @type";
        var order = isBackward ? "DESC" : "ASC";
        // The comparison of run_id is a safeguard, should ids of another run ever lie in the range.
        var sql = $"{Columns} WHERE e.id >= @first AND e.id <= @last AND e.run_id = @runId {ofType} ORDER BY e.id {order}";
        foreach (var range in isBackward ? Enumerable.Reverse(ranges) : ranges)
        {
            var (first, last) = (Math.Max(range.First, after + 1), Math.Min(range.Last, before - 1));
            if (first > last) continue;
            foreach (var row in database.Connection.Query<EventRow>(sql, new { runId, type, first, last }, buffered: false)) yield return row;
        }
    }

    // Batches that follow each other are one range: a run that had the writer to itself is one.
    private static List<Range> Ranges(ReadOnlyDatabase database, string runId)
    {
        const string Batches = "SELECT first_event_id AS First, first_event_id + events - 1 AS Last FROM event_batches WHERE run_id = @runId AND events > 0 ORDER BY first_event_id";
        const string Loose = "SELECT coalesce(MIN(id), 0) AS First, coalesce(MAX(id), 0) AS Last FROM events WHERE run_id = @runId";
        var ranges = new List<Range>();
        foreach (var batch in database.Connection.Query<Range>(Batches, new { runId }))
        {
            if (ranges.Count > 0 && ranges[^1].Last + 1 == batch.First) ranges[^1].Last = batch.Last;
            else ranges.Add(batch);
        }

        if (ranges.Count == 0 && EventQueries.MayHoldLooseEvents(database)) ranges.AddRange(database.Connection.Query<Range>(Loose, new { runId }).Where(range => range.First > 0));
        return ranges;
    }

    private sealed class Range
    {
        public long First { get; set; }

        public long Last { get; set; }
    }
}
