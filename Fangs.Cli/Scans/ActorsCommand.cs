using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;
using Spectre.Console;

namespace Fangs.Cli.Scans;

/// <summary><c>fangs actors</c>: the live actor tree of a running orchestrator.</summary>
public static class ActorsCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("actors", "Show the live actors of the orchestrator", OrchestratorClient.Flags)
    {
        Examples = ["actors", "actors -orchestrator http://127.0.0.1:9000", "-json actors"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => () => call.RunAsync(async () =>
    {
        using var client = OrchestratorClient.FromFlags(call.Line);
        var actors = await client.GetActorsAsync(call.Stop);
        if (call.IsJson) CliJson.Write(call, actors, CliJson.Wire.IReadOnlyListActorJson);
        else if (actors.Count == 0) call.Say("(none)");
        else call.Environment.Console.Write(TreeOf(actors));
        return ExitCode.Success;
    });

    private static Tree TreeOf(IReadOnlyList<ActorJson> actors)
    {
        var root = new Tree(new Text("/"));
        var nodes = new Dictionary<string, IHasTreeNodes>(StringComparer.Ordinal) { [""] = root };
        foreach (var actor in actors.OrderBy(actor => actor.Path, StringComparer.Ordinal)) NodeOf(actor.Path.Trim('/'), actor);
        return root;

        IHasTreeNodes NodeOf(string path, ActorJson? actor)
        {
            if (nodes.TryGetValue(path, out var known)) return known;
            var slash = path.LastIndexOf('/');
            var parent = NodeOf(slash < 0 ? "" : path[..slash], null);
            return nodes[path] = parent.AddNode(new Text(Label(path[(slash + 1)..], actor)));
        }
    }

    private static string Label(string name, ActorJson? actor)
    {
        var state = actor is { State.Length: > 0 } ? "  " + TerminalText.Cut(actor.State, 200) : "";
        var children = actor is { Children: > 0 } ? $"  [{actor.Children}]" : "";
        return TerminalText.Cut(name, 120) + children + state;
    }
}
