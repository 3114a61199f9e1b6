using System.Text;
using Fangs.Actors.Hosting;
using Fangs.Actors.Ingest;
using Fangs.Actors.Storage;
using Fangs.Protocol;
using Fangs.Protocol.Events;
using Fangs.Tests.Ingest;
using Fangs.Tests.Storage;
using Microsoft.Extensions.Time.Testing;

namespace Fangs.Tests.Retention;

/// <summary>A real database with a clock that the test moves, and the steps of a run's life without HTTP and actors.</summary>
internal sealed class RetentionDatabase : IAsyncDisposable
{
    private readonly BackendDatabase _database;
    private readonly BatchPreparer _preparer = new();

    public RetentionDatabase(Backend backend = Backend.Sqlite)
    {
        _database = BackendDatabase.Create(backend);
        Store = new Store(_database.On(new CoreSettings()), Clock);
    }

    public FakeTimeProvider Clock { get; } = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public Store Store { get; }

    public IRetentionStore Retention => Store.Retention;

    public string DatabasePath => Store.Database.Name;

    public async Task<RunId> QueueAsync(string package = "left-thing")
    {
        var job = new Job { RunId = RunId.New(Clock), Kind = JobKind.SandboxScan, PackageName = package, Version = "1.0.0" };
        Clock.Advance(TimeSpan.FromMilliseconds(5));
        await Store.Runs.EnsureAsync(job, Clock.GetUtcNow(), null);
        return job.RunId;
    }

    /// <summary>Stores a batch; answers whether it was a repeat and how many of its events are stored.</summary>
    public async Task<AppendOutcome> AppendAsync(RunId run, long seq, params string[] events)
    {
        using var prepared = await PrepareAsync(run, seq, events);
        return (await Store.Events.AppendAsync([prepared]))[0];
    }

    public async Task<PreparedBatch> PrepareAsync(RunId run, long seq, params string[] events)
    {
        var json = $$"""{"seq":{{seq}},"events":[{{string.Join(',', events)}}]}""";
        using var reader = new EventBatchReader(Batches.Pipe(Encoding.UTF8.GetBytes(json), Encoding.UTF8.GetByteCount(json)));
        using var batch = await reader.ReadAsync(CancellationToken.None);
        return _preparer.Prepare(batch!, run);
    }

    /// <summary>Ends a run, and judges it unless told otherwise.</summary>
    public async Task EndAsync(RunId run, bool judged = true)
    {
        var result = new ResultRequest { RunId = run, Status = ResultStatus.Ok };
        await Store.Runs.FinishAsync(run, new RunEnd(RunStates.Analyzed, "", result, 0, "digest"));
        if (judged) await Store.Ledger.AnalyseAsync(run);
    }

    /// <summary>A run from its beginning to its verdict: one program, and files one batch each of <paramref name="perBatch"/> events.</summary>
    public async Task<RunId> RunAsync(int batches = 1, int perBatch = 1, string file = "/opt/x", string package = "left-thing")
    {
        var run = await QueueAsync(package);
        await AppendAsync(run, 1, Exec);
        for (var i = 0; i < batches; i++)
            await AppendAsync(run, i + 2, [.. Enumerable.Repeat(FileOf(file), perBatch)]);
        await EndAsync(run);
        return run;
    }

    public const string Exec = """{"type":2,"payload":{"BinaryPathStr":"/usr/bin/node","ArgvStrs":["node"]}}""";

    public static string FileOf(string path) => $$"""{"type":1,"payload":{"PathName":"{{path}}","Flags":0} }""";

    /// <summary>Everything that may go, as the actor does it; answers with the rows of each step.</summary>
    public async Task<List<int>> PruneAllAsync(DateTimeOffset cutoff, int maxRows = 5000)
    {
        var steps = new List<int>();
        PrunableRun? last = null;
        while (await Retention.FindRunsAsync(cutoff, last, 2) is { Count: > 0 } runs)
        {
            foreach (var run in runs)
            {
                for (var next = PrunePosition.Start; next is not null;)
                {
                    var step = await Retention.PruneRunAsync(run.Run, next, maxRows, TimeSpan.FromSeconds(1));
                    steps.Add(step.Rows);
                    Assert.True(steps.Count < 100_000, "a step without progress");
                    next = step.Next;
                }
            }

            last = runs[^1];
        }

        return steps;
    }

    public long Number(string sql) => long.Parse(Assert.Single(_database.Rows(sql)), System.Globalization.CultureInfo.InvariantCulture);

    public void Execute(string sql) => _database.Execute(sql);

    public long EventsOf(RunId run) => Number($"SELECT count(*) FROM events WHERE run_id = '{run}'");

    public long BatchesOf(RunId run) => Number($"SELECT count(*) FROM event_batches WHERE run_id = '{run}'");

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        _database.Dispose();
    }
}
