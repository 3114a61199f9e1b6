using Fangs.Actors.Configuration;

namespace Fangs.Fuzz.Targets;

/// <summary>The orchestrator's configuration file.</summary>
internal static class ConfigTarget
{
    internal static FuzzTarget Target { get; } = new("config", "the configuration file of the orchestrator (YAML)", RunAsync);

    private static Task RunAsync(ReadOnlyMemory<byte> input)
    {
        var result = ConfigurationParser.Parse(input.Span);
        FindingException.Unless(result.Errors.All(e => e is { Line: >= 1, Column: >= 1, Remedy.Length: > 0 }), "an error without a place or a remedy");
        if (!result.IsSound) return Task.CompletedTask;
        var again = ConfigurationParser.Parse(input.Span);
        FindingException.Unless(again.IsSound && result.Settings.Allow.SequenceEqual(again.Settings.Allow), "the same file says something else the second time");
        FindingException.Unless(result.Settings.Lines.Values.All(line => line >= 1), "a setting without a line");
        return Task.CompletedTask;
    }
}
