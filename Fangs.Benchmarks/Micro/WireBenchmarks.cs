using System.Text;
using System.Text.Json;
using BenchmarkDotNet.Attributes;
using Fangs.Protocol;

namespace Fangs.Benchmarks.Micro;

/// <summary>JSON of the endpoints: what they read and what they answer.</summary>
[MemoryDiagnoser]
public class WireBenchmarks
{
    private static readonly byte[] Register = Bytes("""{"runner_id":"runner-1","hostname":"h","capabilities":["sensor","drops.per-run"],"kernel_version":"6.1","proto_version":1}""");
    private static readonly byte[] Heartbeat = Bytes("""{"active_run_id":"019ac0000000000000000000000000ff","status":"running","events_queued":12}""");
    private static readonly byte[] Scan = Bytes("""{"target_runner":"*","Job":{"kind":"sensor_only","package_name":"left-thing","version":"1.0.0","watched_paths":[{"prefix":"/etc/"}],"duration":60000000000}}""");
    private static readonly byte[] Result = Bytes("""{"run_id":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16],"status":"ok","events_emitted":1200,"events_dropped":0,"duration":1000000000}""");

    private readonly Job _job = JsonSerializer.Deserialize(Scan, ProtocolJson.Wire.ScanRequest)!.Job! with { RunId = RunId.New(TimeProvider.System) };
    private readonly HeartbeatResponse _alive = new() { Ok = true };
    private readonly EventsResponse _stored = new() { ReceivedBatches = 1, ReceivedEvents = 64, Persisted = 64 };

    [Benchmark]
    public RegisterRequest? ReadRegister() => JsonSerializer.Deserialize(Register, ProtocolJson.Wire.RegisterRequest);

    [Benchmark]
    public HeartbeatRequest? ReadHeartbeat() => JsonSerializer.Deserialize(Heartbeat, ProtocolJson.Wire.HeartbeatRequest);

    [Benchmark]
    public byte[] WriteHeartbeat() => JsonSerializer.SerializeToUtf8Bytes(_alive, ProtocolJson.Wire.HeartbeatResponse);

    [Benchmark]
    public ScanRequest? ReadScan() => JsonSerializer.Deserialize(Scan, ProtocolJson.Wire.ScanRequest);

    [Benchmark]
    public byte[] WriteJob() => JsonSerializer.SerializeToUtf8Bytes(_job, ProtocolJson.Wire.Job);

    [Benchmark]
    public byte[] WriteEvents() => JsonSerializer.SerializeToUtf8Bytes(_stored, ProtocolJson.Wire.EventsResponse);

    [Benchmark]
    public ResultRequest? ReadResult() => JsonSerializer.Deserialize(Result, ProtocolJson.Wire.ResultRequest);

    private static byte[] Bytes(string json) => Encoding.UTF8.GetBytes(json);
}
