using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Fangs.Protocol;
using Fangs.Runner.Agent;

namespace Fangs.Fuzz.Targets;

/// <summary>What an orchestrator answers to a runner. The first byte says to which call.</summary>
internal static class AnswersTarget
{
    private static readonly AgentTimings Timings = new();

    internal static FuzzTarget Target { get; } = new("answers", "the orchestrator's answers as the runner reads them: jobs, acknowledgements, errors (JSON)", RunAsync);

    private static Task RunAsync(ReadOnlyMemory<byte> input)
    {
        if (input.IsEmpty) return Task.CompletedTask;
        var body = input.Span[1..];
        switch (input.Span[0])
        {
            case (byte)'r': Read(body, ProtocolJson.Wire.RegisterResponse); break;
            case (byte)'h': Read(body, ProtocolJson.Wire.HeartbeatResponse); break;
            case (byte)'e': Read(body, ProtocolJson.Wire.EventsResponse); break;
            case (byte)'x': Read(body, ProtocolJson.Wire.ResultResponse); break;
            case (byte)'f': Read(body, ProtocolJson.Wire.ErrorResponse); break;
            case (byte)'d': Read(body, ProtocolJson.Wire.DecisionResponse); break;
            default: Job(body); break;
        }

        return Task.CompletedTask;
    }

    private static void Job(ReadOnlySpan<byte> body)
    {
        var polled = PolledJob.Read(body);
        FindingException.Unless(polled.Job is null != polled.Fault is null, "neither a job nor a fault, or both");
        if (polled.Job is not { } job) return;
        var (plan, reason) = JobPlan.Make(job, Timings);
        FindingException.Unless(plan is null == reason.Length > 0, "neither a plan nor a reason, or both");
    }

    // As OrchestratorClient does, which catches no more than this.
    private static void Read<T>(ReadOnlySpan<byte> body, JsonTypeInfo<T> type)
    {
        T? answer;
        try
        {
            answer = JsonSerializer.Deserialize(body, type);
        }
        catch (JsonException)
        {
            return;
        }

        if (answer is null) return;
        byte[] written = JsonSerializer.SerializeToUtf8Bytes(answer, type);
        FindingException.Unless(JsonSerializer.SerializeToUtf8Bytes(JsonSerializer.Deserialize(written, type)!, type).AsSpan().SequenceEqual(written), "written and read it is another answer");
    }
}
