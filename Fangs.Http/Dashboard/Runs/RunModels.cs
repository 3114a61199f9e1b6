using Fangs.Actors.Storage.Queries;
using Fangs.Http.Dashboard.Runs.Lineage;

namespace Fangs.Http.Dashboard.Runs;

/// <summary>The list of runs.</summary>
/// <param name="Runs">Its rows.</param>
/// <param name="Filter">Which ones were asked for.</param>
/// <param name="Previous">The page before; null when there is none.</param>
/// <param name="Next">The next page; null when there is none.</param>
/// <param name="IsNewest">Whether these are the newest of all, so that new ones may come in.</param>
public sealed record RunsModel(IReadOnlyList<RunRow> Runs, RunFilter Filter, string? Previous, string? Next, bool IsNewest);

/// <summary>The verdict of a run and what it rests on.</summary>
/// <param name="Run">The run.</param>
/// <param name="Counts">Its events by type.</param>
/// <param name="Worst">Worst severity of its open deviations; empty when there are none.</param>
/// <param name="Credentials">Open deviations that touch credentials.</param>
public sealed record RunHead(RunRow Run, IReadOnlyList<EventCountRow> Counts, string Worst, int Credentials);

/// <summary>Which events of a run are wanted. What is empty does not matter.</summary>
/// <param name="Type">Stored name of their type.</param>
/// <param name="Phase">Their phase.</param>
/// <param name="Text">What their payload contains.</param>
public sealed record EventChoice(string Type, string Phase, string Text)
{
    /// <summary>Whether all are.</summary>
    public bool IsAll => Type.Length + Phase.Length + Text.Length == 0;

    /// <summary>Whether an event of the type is among them. The payload is looked at as it is stored.</summary>
    public bool Fits(EventRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return (Text.Length == 0 || row.Data.Contains(Text, StringComparison.OrdinalIgnoreCase))
            && (Phase.Length == 0 || (row.Data.Contains(Phase, StringComparison.Ordinal) && Actors.Reports.EventPayload.Parse(row.Data).Phase == Phase));
    }
}

/// <summary>A part of the events of a run.</summary>
/// <param name="Choice">Which ones were asked for.</param>
/// <param name="Page">They.</param>
/// <param name="Types">Links to the events of one type each, with the name and number; the first is that to all.</param>
/// <param name="Previous">The part before; null when there is none.</param>
/// <param name="Next">The next part; null when there is none.</param>
/// <param name="OriginNs">Kernel time of the first event of the run, in nanoseconds since boot.</param>
public sealed record EventsPart(
    EventChoice Choice, EventPage Page, IReadOnlyList<(string Type, long Count, string Url)> Types, string? Previous, string? Next, long OriginNs);

/// <summary>One run.</summary>
/// <param name="Head">Its verdict.</param>
/// <param name="Deviations">Its deviations, worst first.</param>
/// <param name="Phases">What it did, by phase and by who did it.</param>
/// <param name="History">Its changes of state.</param>
/// <param name="Events">A part of its events.</param>
/// <param name="Deliveries">Attempts to tell of it.</param>
/// <param name="Compared">The run to compare it with; null when there is none.</param>
/// <param name="Decisions">What operators have decided about it.</param>
public sealed record RunModel(
    RunHead Head, IReadOnlyList<DeviationRow> Deviations, IReadOnlyList<PhaseRow> Phases, IReadOnlyList<HistoryRow> History, EventsPart Events,
    IReadOnlyList<NotificationRow> Deliveries, RunRow? Compared, IReadOnlyList<AuditRow> Decisions)
{
    /// <summary>The run.</summary>
    public RunRow Run => Head.Run;
}

/// <summary>The processes of a run.</summary>
/// <param name="Run">The run.</param>
/// <param name="Tree">They.</param>
/// <param name="Root">The process that the tree begins with; null for all.</param>
/// <param name="Selected">The process that is shown in particular; null for none.</param>
/// <param name="Focus">Processes on the way to the selected one.</param>
/// <param name="Event">The event that led here; 0 for none.</param>
/// <param name="Events">What the selected process did, a part of it.</param>
/// <param name="Type">Only this type of events; empty for all.</param>
/// <param name="Previous">The part before; null when there is none.</param>
/// <param name="Next">The next part; null when there is none.</param>
/// <param name="All">The same with all events of the run; null when they are all in.</param>
/// <param name="OriginNs">Kernel time of the first event of the run, in nanoseconds since boot; 0 when unknown.</param>
public sealed record LineageModel(
    RunRow Run, ProcessTree Tree, ProcessNode? Root, ProcessNode? Selected, IReadOnlySet<ProcessNode> Focus, long Event, IReadOnlyList<EventRow> Events,
    string Type, string? Previous, string? Next, string? All, long OriginNs);
