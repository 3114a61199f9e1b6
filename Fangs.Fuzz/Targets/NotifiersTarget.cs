using Fangs.Actors.Notifiers;

namespace Fangs.Fuzz.Targets;

/// <summary>The file of alert targets.</summary>
internal static class NotifiersTarget
{
    internal static FuzzTarget Target { get; } = new("notifiers", "the file of alert targets (JSON), and what is stored of it", RunAsync);

    private static Task RunAsync(ReadOnlyMemory<byte> input)
    {
        var (targets, errors) = NotifiersFile.Parse(input.Span);
        FindingException.Unless(targets.Count == 0 || errors.Count == 0, "targets of a file with errors");
        FindingException.Unless(errors.All(e => e is { Line: >= 1, Remedy.Length: > 0 }), "an error without a place or a remedy");
        foreach (var target in targets)
        {
            FindingException.Unless(NotifierRules.CheckName(target.Name) is null && NotifierRules.CheckUrl(target.Url) is null, "a target that breaks the rules");
            FindingException.Unless(target.Headers is null || NotifierRules.ReadHeaders(target.Headers) is not null, "stored headers cannot be read");
        }

        return Task.CompletedTask;
    }
}
