using Fangs.Actors.Storage.Queries;

namespace Fangs.Http.Dashboard.Runs.Lineage;

/// <summary>Keeps the trees of the runs that were looked at last: who looks at one process will look at the next.</summary>
public sealed class RecentTrees
{
    private const int Kept = 8;

    private readonly Lock _gate = new();
    private readonly LinkedList<(string Key, ProcessTree Tree)> _trees = [];

    /// <summary>The tree of a run; that of a run that has not ended is made anew.</summary>
    /// <param name="run">The run.</param>
    /// <param name="most">How many events it is made of at most.</param>
    /// <param name="make">Makes it.</param>
    public ProcessTree Get(RunRow run, int most, Func<ProcessTree> make)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(make);
        if (!run.IsFinished) return make();
        // Late events come in before a run is judged, and retention takes them away later.
        var key = $"{run.Id} {run.AnalyzedAt} {most}";
        lock (_gate)
        {
            for (var node = _trees.First; node is not null; node = node.Next)
            {
                if (node.Value.Key != key) continue;
                _trees.Remove(node);
                _trees.AddFirst(node);
                return node.Value.Tree;
            }
        }

        var tree = make();
        lock (_gate)
        {
            _trees.AddFirst((key, tree));
            if (_trees.Count > Kept) _trees.RemoveLast();
        }

        return tree;
    }
}
