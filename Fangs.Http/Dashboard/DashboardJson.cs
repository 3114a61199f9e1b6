using System.Text.Json;
using System.Text.Json.Serialization;
using Fangs.Actors.Analysis;
using Fangs.Actors.Reports;
using Fangs.Http.Dashboard.Overview;
using Fangs.Http.Dashboard.Packages;
using Fangs.Http.Dashboard.Runs;
using Fangs.Http.Dashboard.Runs.Lineage;
using Fangs.Http.Dashboard.Settings;

namespace Fangs.Http.Dashboard;

/// <summary>JSON form of the first page.</summary>
public sealed record OverviewJson(
    [property: JsonPropertyName("watched_packages")] long WatchedPackages,
    [property: JsonPropertyName("packages_with_runs")] long PackagesWithRuns,
    [property: JsonPropertyName("runs")] long Runs,
    [property: JsonPropertyName("runs_in_baseline")] long RunsInBaseline,
    [property: JsonPropertyName("events_dropped")] long EventsDropped,
    [property: JsonPropertyName("packages_affected")] long PackagesAffected,
    [property: JsonPropertyName("open_by_severity")] IReadOnlyDictionary<string, long> OpenBySeverity,
    [property: JsonPropertyName("coverage")] CoverageCountsJson Coverage,
    [property: JsonPropertyName("runners")] IReadOnlyList<RunnerLine>? Runners,
    [property: JsonPropertyName("queued")] int? Queued,
    [property: JsonPropertyName("hours")] IReadOnlyList<ActivityHour> Hours,
    [property: JsonPropertyName("latest_runs")] IReadOnlyList<RunJson> LatestRuns,
    [property: JsonPropertyName("latest_deviations")] IReadOnlyList<DeviationJson> LatestDeviations)
{
    /// <summary>The JSON form of a page.</summary>
    public static OverviewJson Of(OverviewModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var figures = model.Cards.Figures;
        return new OverviewJson(
            figures.Watched, figures.WithRuns, figures.Runs, figures.InBaseline, figures.Dropped, figures.Affected,
            model.Cards.Open.ToDictionary(row => row.Severity, row => row.Count), model.Cards.Coverage, model.Pool.Runners, model.Pool.Queued, model.Activity.Hours,
            [.. model.Runs.Select(RunJson.Of)], [.. model.Deviations.Select(found => DeviationJson.Of(found.Deviation))]);
    }
}

/// <summary>JSON form of the page of a run.</summary>
public sealed record RunPageJson(
    [property: JsonPropertyName("run")] RunJson Run,
    [property: JsonPropertyName("deviations")] IReadOnlyList<DeviationJson> Deviations,
    [property: JsonPropertyName("event_count")] long EventCount,
    [property: JsonPropertyName("events_by_type")] IReadOnlyDictionary<string, long> EventsByType,
    [property: JsonPropertyName("history")] IReadOnlyList<HistoryJson> History,
    [property: JsonPropertyName("output_tail")] string OutputTail,
    [property: JsonPropertyName("events")] IReadOnlyList<EventJson> Events)
{
    /// <summary>The JSON form of a page.</summary>
    public static RunPageJson Of(RunModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new RunPageJson(
            RunJson.Of(model.Run), [.. model.Deviations.Select(DeviationJson.Of)], model.Head.Counts.Sum(count => count.Count),
            model.Head.Counts.ToDictionary(count => count.Type, count => count.Count), [.. model.History.Select(entry => new HistoryJson(entry.At, entry.What, entry.Detail))],
            model.Run.OutputTail, [.. model.Events.Page.Items.Select(EventOf)]);
    }

    /// <summary>The JSON form of an event.</summary>
    internal static EventJson EventOf(Actors.Storage.Queries.EventRow row)
    {
        var payload = EventPayload.Parse(row.Data);
        return new EventJson(row.Id, row.TsNs, row.Type, EventWords.Describe(row.Type, payload), payload.Root);
    }
}

/// <summary>One process in JSON.</summary>
public sealed record ProcessTreeJson(
    [property: JsonPropertyName("pid")] long Pid,
    [property: JsonPropertyName("ppid")] long ParentPid,
    [property: JsonPropertyName("command")] string Command,
    [property: JsonPropertyName("role")] string Role,
    [property: JsonPropertyName("phase")] string Phase,
    [property: JsonPropertyName("events_by_type")] IReadOnlyDictionary<string, int> EventsByType,
    [property: JsonPropertyName("credential_accesses")] int Credentials);

/// <summary>JSON form of the processes of a run: a flat list, parents before their children.</summary>
public sealed record LineageJson(
    [property: JsonPropertyName("run_id")] string RunId,
    [property: JsonPropertyName("is_complete")] bool IsComplete,
    [property: JsonPropertyName("processes")] IReadOnlyList<ProcessTreeJson> Processes)
{
    /// <summary>The JSON form of a page.</summary>
    public static LineageJson Of(LineageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var list = new List<ProcessTreeJson>();
        var waiting = new Stack<ProcessNode>(model.Tree.Roots.Reverse());
        while (waiting.TryPop(out var node))
        {
            list.Add(new ProcessTreeJson(
                node.Pid, node.ParentPid, LineageText.Title(node), node.Role, node.Phase, node.Counts.ToDictionary(pair => pair.Key, pair => pair.Value), node.Credentials));
            foreach (var child in node.Children.Reverse()) waiting.Push(child);
        }

        return new LineageJson(model.Run.Id, !model.Tree.IsCut, list);
    }
}

/// <summary>JSON form of the page of a package.</summary>
public sealed record PackagePageJson(
    [property: JsonPropertyName("package")] string Package,
    [property: JsonPropertyName("watched")] bool IsWatched,
    [property: JsonPropertyName("releases")] IReadOnlyList<ReleaseFateJson> Releases,
    [property: JsonPropertyName("runs")] IReadOnlyList<RunJson> Runs,
    [property: JsonPropertyName("baseline")] IReadOnlyList<BaselineJson> Baseline)
{
    /// <summary>The JSON form of a page.</summary>
    public static PackagePageJson Of(PackageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new PackagePageJson(
            model.Name, model.Watch is not null,
            [.. model.Releases.Select(release => new ReleaseFateJson(
                release.Version, release.PublishedAt, release.DiscoveredAt, release.State, release.SkipReason, release.Runs, release.LatestRunId,
                release.LatestRunId is { } id && model.LatestRuns.TryGetValue(id, out var run) ? RunVerdict.Standing(run) : null))],
            [.. model.Runs.Select(RunJson.Of)], [.. model.Baseline.Select(BaselineJson.Of)]);
    }
}

/// <summary>One release and what became of it, in JSON.</summary>
public sealed record ReleaseFateJson(
    [property: JsonPropertyName("version")] string Version,
    [property: JsonPropertyName("published_at")] string? PublishedAt,
    [property: JsonPropertyName("discovered_at")] string? DiscoveredAt,
    [property: JsonPropertyName("state")] string State,
    [property: JsonPropertyName("skip_reason")] string SkipReason,
    [property: JsonPropertyName("runs")] long Runs,
    [property: JsonPropertyName("latest_run")] string? LatestRun,
    [property: JsonPropertyName("verdict")] string? Verdict);

/// <summary>JSON form of a comparison.</summary>
public sealed record DiffPageJson(
    [property: JsonPropertyName("a")] RunJson? A,
    [property: JsonPropertyName("b")] RunJson? B,
    [property: JsonPropertyName("only_a")] IReadOnlyList<DifferenceJson> OnlyA,
    [property: JsonPropertyName("only_b")] IReadOnlyList<DifferenceJson> OnlyB,
    [property: JsonPropertyName("common")] IReadOnlyList<DifferenceJson> Common,
    [property: JsonPropertyName("hidden_count")] int HiddenCount)
{
    /// <summary>The JSON form of a page.</summary>
    public static DiffPageJson Of(DiffModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new DiffPageJson(
            model.A is { } a ? RunJson.Of(a) : null, model.B is { } b ? RunJson.Of(b) : null, Values(model.OnlyA), Values(model.OnlyB), Values(model.Common), model.Hidden);
    }

    private static List<DifferenceJson> Values(IReadOnlyList<RunFingerprint> values) =>
        [.. values.Select(value => new DifferenceJson(
            value.Key.Category, value.Key.Value, value.Severity, value.Role, value.Phase, value.Tally.Count, value.IsCredential, value.Tally.FirstEvent, null))];
}

/// <summary>JSON form of the rules.</summary>
public sealed record RulesJson(
    [property: JsonPropertyName("version")] int Version,
    [property: JsonPropertyName("paths")] IReadOnlyList<RuleJson> Paths,
    [property: JsonPropertyName("cdn_version")] string CdnVersion,
    [property: JsonPropertyName("cdn")] IReadOnlyList<CdnRange> Cdn)
{
    /// <summary>The JSON form of a page.</summary>
    public static RulesJson Of(RulesModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return new RulesJson(
            PathRules.Version, [.. PathRules.All.Select(rule => new RuleJson(rule.Id, rule.Meaning, rule.Pattern, rule.Replacement))], CdnRanges.Version,
            [.. CdnRanges.All, .. model.Settings.CdnExtra.Select(range => new CdnRange("configuration", range))]);
    }
}

/// <summary>One rewriting of paths, in JSON.</summary>
public sealed record RuleJson(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("meaning")] string Meaning,
    [property: JsonPropertyName("pattern")] string Pattern,
    [property: JsonPropertyName("replacement")] string Replacement);

/// <summary>Source-generated JSON of the pages. Use <see cref="Wire"/>, which also sets the encoder.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(OverviewJson))]
[JsonSerializable(typeof(IReadOnlyList<RunJson>))]
[JsonSerializable(typeof(RunPageJson))]
[JsonSerializable(typeof(LineageJson))]
[JsonSerializable(typeof(IReadOnlyList<DeviationJson>))]
[JsonSerializable(typeof(DeviationShowJson))]
[JsonSerializable(typeof(EvidenceJson))]
[JsonSerializable(typeof(IReadOnlyList<PendingJson>))]
[JsonSerializable(typeof(IReadOnlyList<PackageSummaryJson>))]
[JsonSerializable(typeof(PackagePageJson))]
[JsonSerializable(typeof(DiffPageJson))]
[JsonSerializable(typeof(IReadOnlyList<AllowEntryJson>))]
[JsonSerializable(typeof(IReadOnlyList<NotifierJson>))]
[JsonSerializable(typeof(IReadOnlyList<ShownSetting>))]
[JsonSerializable(typeof(RulesJson))]
[JsonSerializable(typeof(CoverageJson))]
public sealed partial class DashboardJson : JsonSerializerContext
{
    /// <summary>The context to use: what could act on a terminal is escaped, as in the output of commands.</summary>
    public static DashboardJson Wire => Holder.Instance;

    // A class of its own: the generated Default must be initialised first.
    private static class Holder
    {
        internal static readonly DashboardJson Instance = new(new JsonSerializerOptions(Default.Options!) { Encoder = TerminalText.Json });
    }
}
