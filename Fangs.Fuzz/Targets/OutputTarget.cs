using System.Text.Json;
using Fangs.Actors.Reports;
using Fangs.Protocol;
using Fangs.Runner.Agent;
using Fangs.Runner.Sandbox;

namespace Fangs.Fuzz.Targets;

/// <summary>What a package prints: the tail that is kept, npm's words in it, and the result that carries both to the orchestrator and to terminals.</summary>
internal static class OutputTarget
{
    private const string Mark = "3f1c";

    internal static FuzzTarget Target { get; } = new("output", "what a package prints: the tail, npm's words, the result that reports them, terminals", RunAsync);

    private static async Task RunAsync(ReadOnlyMemory<byte> input)
    {
        var tail = new OutputTail(limit: 1 << 15);
        var seen = tail.Expect(Mark);
        await tail.ReadAsync(Pieces.Stream(input), CancellationToken.None);
        FindingException.Unless(tail.IsExceeded == input.Length > 1 << 15, "the limit counts otherwise");
        FindingException.Unless(seen.IsCompleted, "nobody waits for the mark any more, or for ever");
        var text = tail.Text;
        FindingException.Unless(text.Length <= OutputTail.MaxCharacters && text.All(c => c is '\n' or '\t' || !char.IsControl(c)), "control characters in the tail");

        var result = new ResultRequest
        {
            RunId = RunId.Parse("0102030405060708090a0b0c0d0e0f10"),
            Status = ResultStatus.Failed,
            Reason = NpmFailure.Describe(input.Length % 256, text, ""),
            Details = new ResultDetails { OutputTail = text, NodeVersion = text, NpmVersion = text, ImageDigest = text },
        };
        byte[] written = ResultReporter.Write(result);
        FindingException.Unless(written.Length <= ResultReporter.MaxBytes, "a result that the orchestrator does not read");
        var read = JsonSerializer.Deserialize(written, ProtocolJson.Wire.ResultRequest)!;
        FindingException.Unless(read.Reason is { Length: > 0 } reason && !reason.Any(char.IsControl), "a reason of several lines");
        FindingException.Unless(!TerminalText.Escape(read.Details?.OutputTail).Any(char.IsControl), "control characters on a terminal");
    }
}
