namespace Fangs.Http.Dashboard.Runs.Lineage;

/// <summary>One process of a run and what it did.</summary>
/// <param name="pid">Its id.</param>
public sealed class ProcessNode(long pid)
{
    private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);

    /// <summary>Its id.</summary>
    public long Pid { get; } = pid;

    /// <summary>Id of its parent; 0 when unknown.</summary>
    public long ParentPid { get; internal set; }

    /// <summary>Its parent; null for one whose parent did nothing that was recorded.</summary>
    public ProcessNode? Parent { get; internal set; }

    /// <summary>The command lines that it has run, the last of which it is. Escaped.</summary>
    public IReadOnlyList<string> Commands => CommandList;

    /// <summary>Its name in the kernel.</summary>
    public string Comm { get; internal set; } = "";

    /// <summary>Who it is: npm, a lifecycle script, imported code; empty when unknown.</summary>
    public string Role { get; internal set; } = "";

    /// <summary>Phase in which it was seen first; empty when unknown.</summary>
    public string Phase { get; internal set; } = "";

    /// <summary>Its children by first appearance.</summary>
    public IReadOnlyList<ProcessNode> Children => ChildList;

    /// <summary>Ids of its events, in order, each with its type.</summary>
    public IReadOnlyList<(long Id, string Type)> Events => EventList;

    /// <summary>Events that touched credentials.</summary>
    public int Credentials { get; internal set; }

    /// <summary>It and all below it.</summary>
    public int Size { get; internal set; } = 1;

    internal List<string> CommandList { get; } = [];

    internal List<ProcessNode> ChildList { get; } = [];

    internal List<(long Id, string Type)> EventList { get; } = [];

    /// <summary>Number of its events of a type.</summary>
    public int CountOf(string type) => _counts.GetValueOrDefault(type);

    /// <summary>Its events by type.</summary>
    public IEnumerable<KeyValuePair<string, int>> Counts => _counts.OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal);

    internal void Count(string type) => _counts[type] = _counts.GetValueOrDefault(type) + 1;
}
