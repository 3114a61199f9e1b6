using System.Text;
using Dapper;
using Fangs.Actors.Analysis;
using Fangs.Actors.Ingest;
using Fangs.Protocol;

namespace Fangs.Actors.Storage.Queries;

/// <summary>Reads what runs did.</summary>
public static class FingerprintQueries
{
    private const int EventsAtOnce = 2_000;

    /// <summary>What a run did, one per category and value. Computed from its events when it was not counted while they arrived, as upstream's were not.</summary>
    /// <exception cref="StorageException">A payload cannot be read.</exception>
    public static IReadOnlyList<RunFingerprint> OfRun(ReadOnlyDatabase database, string runId)
    {
        ArgumentNullException.ThrowIfNull(database);
        var counted = RunFingerprint.Merge(Counted(database, runId));
        return counted.Count > 0 ? counted : RunFingerprint.Merge(Replayed(database, runId));
    }

    private static IEnumerable<(Fingerprint Fingerprint, FingerprintTally Tally)> Counted(ReadOnlyDatabase database, string runId)
    {
        const string Sql =
            """
            SELECT category AS Category, value AS Value, role AS Role, phase AS Phase, count AS Count, first_event_id AS FirstEventId,
                   first_ktime_ns AS FirstKtimeNs, tags AS Tags
            FROM run_fingerprints WHERE run_id = @runId
            """;
        return database.HasIngest
            ? database.Connection.Query<Row>(Sql, new { runId }, buffered: false).Select(row => (
                new Fingerprint(row.Category, row.Value, row.Role, row.Phase),
                new FingerprintTally(row.Count, row.FirstEventId, row.FirstKtimeNs, (EventTags)row.Tags)))
            : [];
    }

    private static IEnumerable<(Fingerprint Fingerprint, FingerprintTally Tally)> Replayed(ReadOnlyDatabase database, string runId)
    {
        if (!RunId.TryParse(runId, out var id)) return [];
        var replay = new EventReplay(new BatchPreparer(), id);
        // Upstream stores whatever JSON it is sent.
        foreach (var part in EventQueries.All(database, runId).Where(row => row.Data.AsSpan().TrimStart().StartsWith("{")).Chunk(EventsAtOnce))
            replay.Add([.. part.Select(row => new StoredEvent(row.Id, EventType.NumberOf(row.Type), Encoding.UTF8.GetBytes(row.Data.Trim())))]);
        return replay.Fingerprints.Select(pair => (pair.Key, pair.Value));
    }

    private sealed record Row
    {
        public string Category { get; init; } = "";

        public string Value { get; init; } = "";

        public string Role { get; init; } = "";

        public string Phase { get; init; } = "";

        public long Count { get; init; }

        public long FirstEventId { get; init; }

        public long FirstKtimeNs { get; init; }

        public long Tags { get; init; }
    }
}
