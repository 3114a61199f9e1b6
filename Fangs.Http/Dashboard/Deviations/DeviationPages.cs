using Fangs.Actors.Analysis;
using Fangs.Actors.Reports;
using Fangs.Actors.Storage.Queries;
using Fangs.Http.Dashboard.Runs;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Fangs.Http.Dashboard.Deviations;

/// <summary>Pages of deviations, of their evidence, and of what waits for a decision.</summary>
public static class DeviationPages
{
    /// <summary>Rows of a page.</summary>
    public const int ListRows = 50;

    private const int MaxChoices = 50;
    private static readonly string[] Statuses = ["open", "note", "accepted", "rejected"];

    /// <summary>Adds the routes.</summary>
    public static void MapDeviations(this IEndpointRouteBuilder routes, DashboardPages pages)
    {
        ArgumentNullException.ThrowIfNull(pages);
        pages.Map(routes, "/ui/deviations", List);
        pages.Map(routes, "/ui/deviations/{id}", Show);
        pages.Map(routes, "/ui/events/{id:long}", ShowEvent);
        pages.Map(routes, "/ui/pending", ListPending);
    }

    /// <summary>Words of the common ranking, worst first.</summary>
    public static IReadOnlyList<string> SeverityWords { get; } = ["crit", "high", "warn", "info"];

    private static async Task<PageAnswer> List(PageRequest request)
    {
        var severity = Severity.TryRank(request.Query("severity"), out var rank) ? PendingWords.SeverityOf(rank) : "";
        var status = Statuses.Contains(request.Query("status")) ? request.Query("status") : "";
        var (package, category, position) = (request.Query("package"), request.Query("category"), request.Position(ListRows));
        var model = await request.ReadAsync(database =>
        {
            var run = request.Query("run") is { Length: > 0 } prefix ? RunPages.Find(database, prefix).Id : "";
            var filter = new DeviationFilter { Package = package, RunId = run, Status = status, Severities = WordsOf(rank) };
            var page = DeviationPageQueries.Read(database, filter, category, position);
            return new DeviationsModel(
                page.Items, package, severity, status, category, run,
                page.HasPrevious && page.Items.Count > 0 ? request.With(("before", page.Items[0].Deviation.Id)) : null,
                page.HasNext && page.Items.Count > 0 ? request.With(("after", page.Items[^1].Deviation.Id)) : null);
        });
        return PageAnswer.Of<DeviationsPage, DeviationsModel, IReadOnlyList<DeviationJson>>(
            model, m => [.. m.Rows.Select(row => DeviationJson.Of(row.Deviation))], DashboardJson.Wire.IReadOnlyListDeviationJson) with
        { Previous = model.Previous, Next = model.Next };
    }

    private static string[] WordsOf(int rank) => rank switch { 1 => ["info", "low"], 2 => ["warn", "medium"], 3 => ["high"], 4 => ["crit", "critical"], _ => [] };

    private static async Task<PageAnswer> Show(PageRequest request)
    {
        var model = await request.ReadAsync(database =>
        {
            var deviation = Find(database, request.Route("id"));
            return new DeviationModel(
                deviation, RunQueries.ById(database, deviation.RunId), EventQueries.ById(database, deviation.EvidenceEventId), AuditQueries.OfSubject(database, deviation.Id, 50));
        });
        return PageAnswer.Of<DeviationPage, DeviationModel, DeviationShowJson>(
            model, m => new DeviationShowJson { Deviation = DeviationJson.Of(m.Deviation), EvidenceEvent = m.Evidence is { } e ? EvidenceJson.Of(e) : null }, DashboardJson.Wire.DeviationShowJson);
    }

    private static DeviationRow Find(ReadOnlyDatabase database, string id)
    {
        var match = IdPrefix.Deviation(database, id);
        if (match.IsAmbiguous)
        {
            throw new PageException(StatusCodes.Status400BadRequest, "Several deviations begin with these digits", "Choose one:")
            {
                Choices = [.. DeviationPageQueries.WithPrefix(database, id, MaxChoices).Select(d => new PageChoice(d.Id, $"{d.Severity}, {Shared.Words.Category(d.Category)}: {d.Value}", Links.Deviation(d.Id)))],
            };
        }

        return match.Id is { } full && DeviationQueries.ById(database, full) is { } found
            ? found
            : throw new PageException(StatusCodes.Status404NotFound, "There is no such deviation", $"No deviation begins with {TerminalText.Cut(id, 40)}. It may have vanished when its run was judged again. The list of deviations has those that there are:") { Command = "fangs deviation list" };
    }

    private static async Task<PageAnswer> ShowEvent(PageRequest request)
    {
        _ = long.TryParse(request.Route("id"), out var id);
        var model = await request.ReadAsync(database =>
            EventQueries.ById(database, id) is { } row && EventPageQueries.RunOf(database, id) is { } run
                ? new EventModel(row, run, PayloadText.Of(row))
                : throw PageException.NotFound("There is no such event", $"Event {id} is not stored: either it never was, or retention has deleted it. Events that prove a deviation are kept."));
        return PageAnswer.Of<EventPage, EventModel, EvidenceJson>(model, m => EvidenceJson.Of(m.Event), DashboardJson.Wire.EvidenceJson);
    }

    private static async Task<PageAnswer> ListPending(PageRequest request)
    {
        var word = Severity.TryRank(request.Query("min-severity"), out var rank) ? PendingWords.SeverityOf(rank) : "";
        var (package, page, limit) = (request.Query("package"), (int)request.Number("page", 1, 1, 10_000), (int)request.Number("limit", ListRows, 1, 1000));
        var rows = await request.ReadAsync(database => DeviationPageQueries.Pending(database, package, rank, page, limit));
        var model = new PendingModel(
            rows.Items, package, word, rows.HasPrevious ? request.With(("page", page == 2 ? "" : $"{page - 1}")) : null, rows.HasNext ? request.With(("page", $"{page + 1}")) : null,
            page == 1 && rank == 0 && package.Length == 0 && limit == ListRows);
        return PageAnswer.Of<PendingPage, PendingModel, IReadOnlyList<PendingJson>>(model, m => [.. m.Rows.Select(PendingWords.ToJson)], DashboardJson.Wire.IReadOnlyListPendingJson)
            with
        { Previous = model.Previous, Next = model.Next };
    }
}
