using Fangs.Actors.Analysis;
using Fangs.Actors.Reports;
using Fangs.Actors.Storage.Queries;
using Fangs.Http.Dashboard.Runs.Lineage;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Dashboard.Runs;

/// <summary>Pages of runs.</summary>
public sealed class RunPages(DashboardPages pages)
{
    /// <summary>Rows of a page of the list.</summary>
    public const int ListRows = 50;

    private const int MaxDeviations = 1_000;
    private const int EventRows = 100;
    private const int MaxEventsLookedAt = 4_000;
    private const int LineageEvents = 10_000;
    private const int AllLineageEvents = 500_000;
    private const int ProcessEvents = 100;
    private const int MaxChoices = 50;

    private readonly RecentTrees _trees = new();

    /// <summary>Adds the routes.</summary>
    public void Map(IEndpointRouteBuilder routes)
    {
        pages.Map(routes, "/ui/runs", List);
        pages.Map(routes, "/ui/runs/{id}", Show);
        pages.Map(routes, "/ui/runs/{id}/lineage", ShowLineage);
    }

    /// <summary>The verdict of a run; null when there is no such run.</summary>
    public static RunHead? HeadOf(ReadOnlyDatabase database, string id) =>
        RunQueries.ById(database, id) is { } run ? HeadOf(database, run, DeviationPageQueries.OfRun(database, id, MaxDeviations)) : null;

    /// <summary>The run that a full id or a prefix names.</summary>
    /// <exception cref="PageException">None or several fit.</exception>
    public static RunRow Find(ReadOnlyDatabase database, string id)
    {
        var match = IdPrefix.Run(database, id);
        if (match.IsAmbiguous)
        {
            var choices = RunPageQueries.WithPrefix(database, id, MaxChoices);
            throw new PageException(StatusCodes.Status400BadRequest, "Several runs begin with these digits", "Choose one:")
            {
                Choices = [.. choices.Select(run => new PageChoice(run.Id, $"{Shared.Words.Release(run)}, {RunVerdict.Standing(run)}, {TimeText.Absolute(run.StartedAt)}", Links.Run(run.Id)))],
            };
        }

        return match.Id is { } full && RunQueries.ById(database, full) is { } found
            ? found
            : throw new PageException(StatusCodes.Status404NotFound, "There is no such run", $"No run begins with {TerminalText.Cut(id, 40)}. Ids are lower-case hex digits; a few of the first ones are enough. The list of runs has them all:") { Command = "fangs run list" };
    }

    private static RunHead HeadOf(ReadOnlyDatabase database, RunRow run, IReadOnlyList<DeviationRow> deviations)
    {
        var open = deviations.Where(d => d.Status == "open").ToList();
        return new RunHead(run, EventQueries.CountsByType(database, run.Id), Severity.Highest(open.Select(d => d.Severity)) ?? "", open.Count(d => d.Credential));
    }

    private static long OriginOf(IReadOnlyList<PhaseRow> phases) => phases.Select(phase => phase.FirstKtimeNs).Where(time => time > 0).DefaultIfEmpty(0).Min();

    private static async Task<PageAnswer> List(PageRequest request)
    {
        var standing = request.Query("state");
        var filter = new RunFilter
        {
            Package = request.Query("package"),
            Version = request.Query("version"),
            Runner = request.Query("runner"),
            Standing = RunFilter.Standings.Contains(standing) ? standing : "",
        };
        var position = request.Position(ListRows);
        var page = await request.ReadAsync(database => RunPageQueries.Read(database, filter, position));
        var model = new RunsModel(
            page.Items, filter,
            page.HasPrevious && page.Items.Count > 0 ? request.With(("before", page.Items[0].Id)) : null,
            page.HasNext && page.Items.Count > 0 ? request.With(("after", page.Items[^1].Id)) : null,
            filter == new RunFilter() && position == PagePosition.First(ListRows));
        return PageAnswer.Of<RunsPage, RunsModel, IReadOnlyList<RunJson>>(model, m => [.. m.Runs.Select(RunJson.Of)], DashboardJson.Wire.IReadOnlyListRunJson)
            with
        { Previous = model.Previous, Next = model.Next };
    }

    private static async Task<PageAnswer> Show(PageRequest request)
    {
        var choice = new EventChoice(request.Query("type"), request.Query("phase"), request.Query("text"));
        var (after, before) = (request.Number("after", 0, 0, long.MaxValue - 1), request.Number("before", 0, 0, long.MaxValue - 1));
        var model = await request.ReadAsync(database =>
        {
            var run = Find(database, request.Route("id"));
            var deviations = DeviationPageQueries.OfRun(database, run.Id, MaxDeviations);
            var head = HeadOf(database, run, deviations);
            var phases = RunPageQueries.Phases(database, run.Id);
            var page = EventPageQueries.Read(database, run.Id, choice.Type, choice.Fits, after, before, EventRows, MaxEventsLookedAt);
            var types = head.Counts.Select(count => (count.Type, count.Count, request.With(("type", count.Type)))).Prepend(("", head.Counts.Sum(count => count.Count), request.With(("type", ""))));
            var events = new EventsPart(
                choice, page, [.. types], page.HasPrevious ? request.With(("before", $"{page.First}")) : null, page.HasNext ? request.With(("after", $"{page.Last}")) : null,
                OriginOf(phases));
            return new RunModel(
                head, deviations, phases, RunQueries.History(database, run.Id), events, NotifierQueries.OfRun(database, run.Id),
                RunPageQueries.BaselineRunBefore(database, run), AuditQueries.OfSubject(database, run.Id, 20));
        });
        return PageAnswer.Of<RunPage, RunModel, RunPageJson>(model, RunPageJson.Of, DashboardJson.Wire.RunPageJson) with { Previous = model.Events.Previous, Next = model.Events.Next };
    }

    private async Task<PageAnswer> ShowLineage(PageRequest request)
    {
        var (pid, eventId) = (request.Number("process", 0, 0, long.MaxValue - 1), request.Number("event", 0, 0, long.MaxValue - 1));
        var (type, page) = (request.Query("type"), (int)request.Number("page", 1, 1, 100_000));
        var wantsAll = request.Query("all") == "yes";
        var model = await request.ReadAsync(database =>
        {
            var run = Find(database, request.Route("id"));
            var most = wantsAll ? AllLineageEvents : LineageEvents;
            var tree = _trees.Get(run, most, () => ProcessTree.Of(EventPageQueries.All(database, run.Id), most));
            var selected = eventId > 0 ? tree.Of(eventId) : pid > 0 ? tree.Find(pid) : tree.Roots is [var first, ..] ? first : null;
            if (selected is null && pid > 0)
                throw PageException.NotFound("There is no such process", $"Process {pid} did nothing in run {TerminalText.ShortId(run.Id)} that was recorded{(tree.IsCut ? ", or not in its first events" : "")}.");
            var events = selected is null ? [] : selected.Events.Where(e => type.Length == 0 || e.Type == type).Select(e => e.Id).ToList();
            // An event that was asked for is to be seen.
            if (eventId > 0 && request.Query("page").Length == 0 && events.IndexOf(eventId) is >= 0 and var at) page = (at / ProcessEvents) + 1;
            var rows = EventPageQueries.ByIds(database, [.. events.Skip((page - 1) * ProcessEvents).Take(ProcessEvents)]);
            var path = ProcessTree.PathTo(selected);
            return new LineageModel(
                run, tree, path.Count > 6 ? selected!.Parent?.Parent : null, selected, path, eventId, rows, type,
                page > 1 ? request.With(("page", $"{page - 1}")) : null, events.Count > page * ProcessEvents ? request.With(("page", $"{page + 1}")) : null,
                tree.IsCut ? request.With(("all", "yes")) : null,
                OriginOf(RunPageQueries.Phases(database, run.Id)));
        });
        return PageAnswer.Of<LineagePage, LineageModel, LineageJson>(model, LineageJson.Of, DashboardJson.Wire.LineageJson) with { Previous = model.Previous, Next = model.Next };
    }
}
