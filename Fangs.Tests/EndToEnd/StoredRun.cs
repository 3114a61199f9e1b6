using System.Text.Json;
using Fangs.Protocol;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.EndToEnd;

/// <summary>One event as it lies in the database.</summary>
internal sealed record StoredEvent(long Id, string Type, JsonElement Data)
{
    private JsonElement Header => Data.GetProperty(nameof(Header));

    internal long Pid => Header.GetProperty("PID").GetInt64();

    internal long Tid => Header.GetProperty("TID").GetInt64();

    internal long Ppid => Header.GetProperty("PPID").GetInt64();

    internal bool IsCredential => (Header.GetProperty("Tags").GetInt32() & (int)EventTags.Credential) != 0;

    internal ulong Cgroup => Header.GetProperty("CgroupID").GetUInt64();

    internal string Phase => Text(nameof(Phase));

    internal string Role => Text(nameof(Role));

    internal string Path => Text("PathName");

    internal string NewPath => Text("NewPathName");

    internal string Op => Text(nameof(Op));

    internal string Binary => Text("BinaryPathStr");

    /// <summary>The arguments with a space between them.</summary>
    internal string Argv => string.Join(' ', Data.GetProperty("ArgvStrs").EnumerateArray().Select(a => a.GetString()));

    /// <summary>The result of the system call; <see cref="long.MinValue"/> when the event has none.</summary>
    internal long Ret => Data.TryGetProperty(nameof(Ret), out var ret) ? ret.GetInt64() : long.MinValue;

    internal bool IsResolved => Data.TryGetProperty("ResolvedPath", out var resolved) && resolved.GetBoolean();

    /// <summary>Address and port of the other side.</summary>
    internal string Destination => $"{Text("DestIP")}:{Number("DestPort")}";

    internal string Text(string name) => Data.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    internal long Number(string name) => Data.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetInt64() : long.MinValue;

    public override string ToString() => $"{Type} {Data.GetRawText()}";
}

/// <summary>One fingerprint of a run as it lies in the database.</summary>
internal sealed record StoredFingerprint(string Category, string Value, string Role, string Phase, long Count, long FirstEvent, long Tags);

/// <summary>What a database file says about one run.</summary>
internal sealed class StoredRun(string database, string id)
{
    internal string Id => id;

    internal string State => Text("state");

    internal string Reason => Text("failure_reason");

    internal string Output => Text("output_tail");

    internal bool HasEnded => State is "done" or "failed";

    internal string Text(string column) => One($"SELECT coalesce({column}, '') FROM runs WHERE id = '{id}'")?.ToString() ?? "";

    /// <summary>The run that repeats this one, or null.</summary>
    internal StoredRun? Retry => One($"SELECT id FROM runs WHERE retry_of = '{id}'") is string retry ? new StoredRun(database, retry) : null;

    internal IReadOnlyList<StoredEvent> Events() => Rows(
        $"SELECT e.id, e.type, e.data FROM event_batches b JOIN events e ON e.id BETWEEN b.first_event_id AND b.first_event_id + b.events - 1 WHERE b.run_id = '{id}' ORDER BY e.id",
        row => new StoredEvent(row.GetInt64(0), row.GetString(1), JsonDocument.Parse(row.GetString(2)).RootElement));

    internal IReadOnlyList<StoredFingerprint> Fingerprints() => Rows(
        $"SELECT category, value, role, phase, count, first_event_id, tags FROM run_fingerprints WHERE run_id = '{id}'",
        row => new StoredFingerprint(row.GetString(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetInt64(4), row.GetInt64(5), row.GetInt64(6)));

    /// <summary>Waits until something is true of the run.</summary>
    internal async Task<StoredRun> UntilAsync(Func<StoredRun, bool> condition, string what, TimeSpan limit)
    {
        using var elapsed = new CancellationTokenSource(limit);
        while (!condition(this))
        {
            Assert.False(elapsed.IsCancellationRequested, $"run {id} is not {what} after {limit.TotalSeconds} s: {State} {Reason}");
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }

        return this;
    }

    internal Task<StoredRun> UntilEndedAsync(TimeSpan limit) => UntilAsync(run => run.HasEnded, "at its end", limit);

    internal void AssertDoneWithoutLoss()
    {
        Assert.True(State == "done", $"{State}: {Reason}\n{Output}");
        Assert.Equal(("1", "", "0", "0"), (Text("conclusive"), Text("inconclusive_reason"), Text("events_dropped"), Text("seq_gaps")));
    }

    private object? One(string sql) => Rows(sql, row => row.IsDBNull(0) ? null : row.GetValue(0)).FirstOrDefault();

#pragma warning disable CA2100 // ids that the orchestrator made
    private List<T> Rows<T>(string sql, Func<SqliteDataReader, T> read)
    {
        using var connection = new SqliteConnection($"Data Source={database};Mode=ReadOnly");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        using var rows = command.ExecuteReader();
        var list = new List<T>();
        while (rows.Read()) list.Add(read(rows));
        return list;
    }
#pragma warning restore CA2100
}
