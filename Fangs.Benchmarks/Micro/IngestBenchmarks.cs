using System.Buffers;
using System.IO.Pipelines;
using BenchmarkDotNet.Attributes;
using Fangs.Actors.Ingest;
using Fangs.Benchmarks.Load;
using Fangs.Protocol;
using Fangs.Protocol.Events;

namespace Fangs.Benchmarks.Micro;

/// <summary>A batch of 64 events from its bytes to what is stored. Both steps together are what ingest computes.</summary>
[MemoryDiagnoser]
public class IngestBenchmarks
{
    private readonly BatchPreparer _preparer = new();
    private RunId _run;
    private ReadOnlyMemory<byte> _json;
    private EventBatch _batch = null!;

    /// <summary>Whether the events carry the kernel's byte buffers as upstream's runner sends them.</summary>
    [Params(false, true)]
    public bool IsFull { get; set; }

    [GlobalSetup]
    public async Task SetUp()
    {
        _run = RunId.New(TimeProvider.System);
        _json = new EventLoad(_run.ToString(), IsFull ? PayloadKind.Full : PayloadKind.Slim).Body(1);
        _batch = await ReadAsync();
    }

    [GlobalCleanup]
    public void CleanUp() => _batch.Dispose();

    /// <summary>Finds the batch and its events; payloads are delimited only.</summary>
    [Benchmark]
    public async Task<int> Parse()
    {
        using var batch = await ReadAsync();
        return batch.Events.Length;
    }

    /// <summary>Checks the payloads, leaves out what is there twice, takes the fingerprints.</summary>
    [Benchmark]
    public int Prepare()
    {
        using var prepared = _preparer.Prepare(_batch, _run);
        return prepared.PayloadBytes;
    }

    private async Task<EventBatch> ReadAsync()
    {
        using var reader = new EventBatchReader(PipeReader.Create(new ReadOnlySequence<byte>(_json)));
        return await reader.ReadAsync(CancellationToken.None) ?? throw new LoadException("A batch was empty.");
    }
}
