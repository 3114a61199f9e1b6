using System.Globalization;
using System.Text;
using Fangs.Actors.Hosting;
using Fangs.Actors.Ingest;
using Fangs.Actors.Packages;
using Fangs.Actors.Runs;
using Fangs.Actors.Storage;
using Fangs.Protocol;
using Fangs.Protocol.Events;
using Fangs.Tests.Ingest;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Storage;

/// <summary>A real database of either kind, with runs that arrive through the same stores as in the orchestrator, and no actors.</summary>
public sealed class LedgerFixture : IAsyncDisposable
{
    private readonly BatchPreparer _preparer = new();
    private readonly CoreSettings _settings;

    private readonly BackendDatabase _database;
    private readonly bool _ownsDatabase;
    private readonly TimeProvider _clock;

    public LedgerFixture(CoreSettings? settings = null, Backend backend = Backend.Sqlite, TimeProvider? clock = null)
        : this(BackendDatabase.Create(backend), settings, clock) => _ownsDatabase = true;

    /// <summary>Over a database that stays when this is disposed.</summary>
    internal LedgerFixture(BackendDatabase database, CoreSettings? settings = null, TimeProvider? clock = null)
    {
        _clock = clock ?? TimeProvider.System;
        _database = database;
        _settings = _database.On(settings ?? new CoreSettings());
        Store = new Store(_settings, _clock);
    }

    public string DatabasePath => _settings.SqlitePath;

    public Store Store { get; private set; }

    public PackageLedger Ledger => Store.Ledger;

    /// <summary>As after a restart.</summary>
    /// <param name="settings">Other settings; null for the same.</param>
    public async Task ReopenAsync(CoreSettings? settings = null)
    {
        await Store.DisposeAsync();
        Store = new Store(settings is null ? _settings : settings with { SqlitePath = DatabasePath }, _clock);
    }

    /// <summary>A run with its events in one batch and its result, not judged yet.</summary>
    public async Task<RunId> EndedAsync(string package, params string[] events) => await EndedAsync(package, ResultStatus.Ok, 0, events);

    public async Task<RunId> EndedAsync(string package, string status, ulong dropped, params string[] events)
    {
        var run = await QueuedAsync(package);
        await AppendAsync(run, 1, events);
        await EndAsync(run, events.Length, status, dropped);
        return run;
    }

    public async Task<RunId> QueuedAsync(string package)
    {
        var run = RunId.New(TimeProvider.System);
        await Store.Runs.EnsureAsync(new Job { RunId = run, Kind = JobKind.SensorOnly, PackageName = package, Version = "1.0.0" }, DateTimeOffset.UnixEpoch, null);
        return run;
    }

    public async Task AppendAsync(RunId run, ulong seq, params string[] events)
    {
        var json = $$"""{"seq":{{seq.ToString(CultureInfo.InvariantCulture)}},"events":[{{string.Join(',', events)}}]}""";
        using var reader = new EventBatchReader(Batches.Pipe(Encoding.UTF8.GetBytes(json)));
        using var batch = await reader.ReadAsync(CancellationToken.None);
        using var prepared = _preparer.Prepare(batch!, run);
        Assert.Null(Assert.Single(await Store.Events.AppendAsync([prepared])).Error);
    }

    public Task<RunRow> EndAsync(RunId run, long events, string status = ResultStatus.Ok, ulong dropped = 0)
    {
        var result = new ResultRequest { RunId = run, Status = status, EventsEmitted = events };
        return Store.Runs.FinishAsync(run, status == ResultStatus.Ok
            ? new RunEnd(RunStates.Analyzed, "", result, dropped, RunActor.DigestOf(result))
            : new RunEnd(RunStates.Failed, "npm ended with status 1", result, dropped, RunActor.DigestOf(result)));
    }

    /// <summary>A run of a package that did these, judged.</summary>
    public async Task<RunId> JudgedAsync(string package, params string[] events)
    {
        var run = await EndedAsync(package, events);
        Assert.NotNull(await Ledger.AnalyseAsync(run));
        return run;
    }

    public async Task<DecisionResponse> DecideAsync(DecisionRequest request)
    {
        var outcome = await Ledger.DecideAsync(request);
        Assert.True(outcome.Response is not null, outcome.Reason);
        return outcome.Response;
    }

    public Task<DecisionResponse> PromoteAsync(RunId run) => DecideAsync(new DecisionRequest { Action = DecisionAction.Promote, By = "op", RunId = run.ToString() });

    public string Text(string sql) => string.Join('\n', Rows(sql));

    public long Number(string sql) => Convert.ToInt64(Rows(sql)[0], CultureInfo.InvariantCulture);

    public IReadOnlyList<string> Rows(string sql) => _database.Rows(sql);

#pragma warning disable CA2100 // statements of tests
    public static IReadOnlyList<string> RowsOf(string path, string sql)
    {
        using var database = new SqliteConnection($"Data Source={path};Mode=ReadOnly;Pooling=False");
        database.Open();
        using var command = new SqliteCommand(sql, database);
        using var reader = command.ExecuteReader();
        var rows = new List<string>();
        while (reader.Read()) rows.Add(string.Join('|', Enumerable.Range(0, reader.FieldCount).Select(i => Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture))));
        return rows;
    }
#pragma warning restore CA2100

    public void Execute(string sql) => _database.Execute(sql);

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        if (_ownsDatabase) _database.Dispose();
    }
}

/// <summary>Events as a runner sends them, short.</summary>
internal static class Did
{
    internal static string Exec(string binary, string role = "script", string phase = "install", int ret = 0) =>
        $$$"""{"type":2,"payload":{"BinaryPathStr":{{{Json(binary)}}},"Role":"{{{role}}}","Phase":"{{{phase}}}","Ret":{{{ret}}} }}""";

    internal static string Read(string path, int tags = 0, string role = "script", int flags = 0, int ret = 3, string phase = "install") =>
        $$$"""{"type":1,"payload":{"Header":{"Tags":{{{tags}}} },"PathName":{{{Json(path)}}},"Flags":{{{flags}}},"Role":"{{{role}}}","Phase":"{{{phase}}}","Ret":{{{ret}}} }}""";

    internal static string Connect(string ip, int port) => $$$"""{"type":3,"payload":{"DestIP":"{{{ip}}}","DestPort":{{{port}}},"Role":"script","Phase":"install"}}""";

    internal static string Lookup(string name) => $$$"""{"type":4,"payload":{"QName":{{{Json(name)}}},"Role":"script","Phase":"install"}}""";

    internal static string Tls(string name) => $$$"""{"type":5,"payload":{"SNI":{{{Json(name)}}},"Role":"script","Phase":"install"}}""";

    private static string Json(string text) => System.Text.Json.JsonSerializer.Serialize(text);
}
