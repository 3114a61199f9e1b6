using System.Text;
using System.Text.Json;
using Fangs.Actors.Reports;
using Fangs.Actors.Storage.Queries;
using Fangs.Protocol;

namespace Fangs.Http.Dashboard.Runs.Lineage;

/// <summary>The processes of a run by who started whom. Made of events only.</summary>
public sealed class ProcessTree
{
    private const int MaxDepth = 200;

    private readonly Dictionary<long, ProcessNode> _byPid = [];
    private readonly List<ProcessNode> _order = [];

    private ProcessTree()
    {
    }

    /// <summary>Processes whose parents did nothing that was recorded, by first appearance.</summary>
    public IReadOnlyList<ProcessNode> Roots { get; private set; } = [];

    /// <summary>Number of processes.</summary>
    public int Count => _order.Count;

    /// <summary>Number of events that it is made of.</summary>
    public int EventCount { get; private set; }

    /// <summary>Whether the run has more events.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Makes the tree of the first events of a run.</summary>
    /// <param name="events">Its events.</param>
    /// <param name="most">At most this many are taken.</param>
    public static ProcessTree Of(IEnumerable<EventRow> events, int most)
    {
        ArgumentNullException.ThrowIfNull(events);
        var tree = new ProcessTree();
        foreach (var row in events)
        {
            if (tree.EventCount == most)
            {
                tree.IsCut = true;
                break;
            }

            tree.Add(row);
        }

        tree.Link();
        return tree;
    }

    /// <summary>The process with an id; null when it did nothing that was recorded.</summary>
    public ProcessNode? Find(long pid) => _byPid.GetValueOrDefault(pid);

    /// <summary>The process that did an event; null when it is not in the tree.</summary>
    public ProcessNode? Of(long eventId) => _order.FirstOrDefault(node => node.EventList.Exists(e => e.Id == eventId));

    /// <summary>A process and those above it.</summary>
    public static IReadOnlySet<ProcessNode> PathTo(ProcessNode? node)
    {
        var path = new HashSet<ProcessNode>();
        for (; node is not null && path.Add(node); node = node.Parent)
        {
        }

        return path;
    }

    private void Add(EventRow row)
    {
        EventCount++;
        var facts = EventFacts.Of(row.Data);
        if (!_byPid.TryGetValue(facts.Pid, out var node))
        {
            node = new ProcessNode(facts.Pid);
            _byPid.Add(facts.Pid, node);
            _order.Add(node);
        }

        if (node.ParentPid == 0) node.ParentPid = facts.ParentPid;
        if (facts.Comm.Length > 0) node.Comm = facts.Comm;
        if (node.Role.Length == 0) node.Role = facts.Role;
        if (node.Phase.Length == 0) node.Phase = facts.Phase;
        if ((facts.Tags & EventTags.Credential) != 0) node.Credentials++;
        node.Count(row.Type);
        node.EventList.Add((row.Id, row.Type));
        if (row.Type == "exec") node.CommandList.Add(EventWords.CommandLine(EventPayload.Parse(row.Data)));
    }

    private void Link()
    {
        foreach (var node in _order)
        {
            // Process ids are chosen by whoever sends events: a ring must not become an endless tree.
            if (node.ParentPid == node.Pid || !_byPid.TryGetValue(node.ParentPid, out var parent) || IsBelow(parent, node)) continue;
            node.Parent = parent;
            parent.ChildList.Add(node);
        }

        Roots = [.. _order.Where(node => node.Parent is null)];
        foreach (var node in Enumerable.Reverse(_order.OrderBy(DepthOf))) if (node.Parent is { } parent) parent.Size += node.Size;
    }

    private static bool IsBelow(ProcessNode node, ProcessNode above)
    {
        var depth = 0;
        for (var at = node; at is not null; at = at.Parent)
        {
            if (at == above || ++depth > MaxDepth) return true;
        }

        return false;
    }

    private static int DepthOf(ProcessNode node)
    {
        var depth = 0;
        for (var at = node.Parent; at is not null; at = at.Parent) depth++;
        return depth;
    }

    /// <summary>The few members of a payload that a tree needs, read without building the rest.</summary>
    private readonly record struct EventFacts(long Pid, long ParentPid, EventTags Tags, string Comm, string Role, string Phase)
    {
        public static EventFacts Of(string json)
        {
            var bytes = new byte[Encoding.UTF8.GetMaxByteCount(json.Length)];
            var reader = new Utf8JsonReader(bytes.AsSpan(0, Encoding.UTF8.GetBytes(json, bytes)));
            var (pid, parent, tags) = (0L, 0L, 0L);
            var (comm, role, phase) = ("", "", "");
            var inHeader = false;
            try
            {
                while (reader.Read())
                {
                    if (reader.TokenType == JsonTokenType.EndObject) inHeader = false;
                    if (reader.TokenType != JsonTokenType.PropertyName) continue;
                    if (reader.CurrentDepth == 2 && inHeader)
                    {
                        if (reader.ValueTextEquals("PID")) pid = NumberOf(ref reader);
                        else if (reader.ValueTextEquals("PPID")) parent = NumberOf(ref reader);
                        else if (reader.ValueTextEquals("Tags")) tags = NumberOf(ref reader);
                        else Skip(ref reader);
                    }
                    else if (reader.ValueTextEquals("Header"))
                    {
                        inHeader = true; // its members come next
                    }
                    else if (reader.ValueTextEquals("CommStr"))
                    {
                        comm = TextOf(ref reader);
                    }
                    else if (reader.ValueTextEquals("Role"))
                    {
                        role = TextOf(ref reader);
                    }
                    else if (reader.ValueTextEquals("Phase"))
                    {
                        phase = TextOf(ref reader);
                    }
                    else if (reader.ValueTextEquals("PPID") && parent == 0)
                    {
                        parent = NumberOf(ref reader);
                    }
                    else
                    {
                        Skip(ref reader);
                    }
                }
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                // What was read so far counts; upstream stores whatever it is sent.
            }

            return new EventFacts(pid, parent, (EventTags)tags, comm, role, phase);
        }

        private static long NumberOf(ref Utf8JsonReader reader)
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var number)) return number;
            reader.TrySkip();
            return 0;
        }

        private static string TextOf(ref Utf8JsonReader reader)
        {
            reader.Read();
            if (reader.TokenType == JsonTokenType.String) return reader.GetString()!;
            reader.TrySkip();
            return "";
        }

        private static void Skip(ref Utf8JsonReader reader)
        {
            reader.Read();
            reader.TrySkip();
        }
    }
}
