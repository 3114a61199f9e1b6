using Akka.Actor;
using Fangs.Actors.Hosting;
using Fangs.Actors.Storage.Queries;
using Fangs.Http.Access;
using Fangs.Http.Dashboard.Deviations;
using Fangs.Http.Dashboard.Live;
using Fangs.Http.Dashboard.Operations;
using Fangs.Http.Dashboard.Operators;
using Fangs.Http.Dashboard.Overview;
using Fangs.Http.Dashboard.Packages;
using Fangs.Http.Dashboard.Runs;
using Fangs.Http.Dashboard.Settings;
using Fangs.Http.Dashboard.Shared;
using Fangs.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fangs.Http.Dashboard;

/// <summary>The dashboard of an orchestrator: what its pages need, for as long as it runs.</summary>
public sealed class DashboardServer : IAsyncDisposable
{
    private readonly DashboardDatabase _database;
    private readonly LiveHub _hub;

    private DashboardServer(DashboardDatabase database, LiveHub hub) => (_database, _hub) = (database, hub);

    /// <summary>Adds the routes.</summary>
    public static DashboardServer Map(
        WebApplication app, OrchestratorSettings settings, Store store, CoreActors actors, AccessGuard guard, TimeProvider clock, CancellationToken stopping)
    {
        ArgumentNullException.ThrowIfNull(app);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(actors);
        var logs = app.Services.GetRequiredService<ILoggerFactory>();
        var log = logs.CreateLogger<DashboardServer>();
        var hasOwnAddress = settings.Dashboard.Address is not null;
        bool IsServed(HttpContext context) => UiListener.Serves(context) == hasOwnAddress;

        var database = new DashboardDatabase(() => ReadOnlyDatabase.Open(store.Database.Target));
        var desk = new OperatorDesk(settings.Dashboard, guard, clock);
        var pages = new DashboardPages(settings.Dashboard, settings.Edge, database, new PageRenderer(app.Services, logs), desk, IsServed, clock, log);
        var overview = new OverviewReader(database, actors, clock);
        var regions = new LiveRegions(overview, database, pages);
        var hub = new LiveHub(
            regions.Find, (region, model) => pages.RenderAsync(region.Component, model, pages.FragmentFrame()), settings.Dashboard.LookEvery, clock, log);

        app.MapAssets(IsServed);
        app.MapGet("/", (RequestDelegate)(context =>
        {
            if (IsServed(context)) context.Response.Redirect(Links.Overview);
            else context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }));
        pages.Map(app, "/ui", async _ => PageAnswer.Of<OverviewPage, OverviewModel, OverviewJson>(await overview.ReadAsync(), OverviewJson.Of, DashboardJson.Wire.OverviewJson), json: "/ui/overview.json");
        new RunPages(pages).Map(app);
        app.MapDeviations(pages);
        app.MapPackages(pages, store.Upkeep.Analysis);
        app.MapSettings(pages, store.Upkeep.Analysis, settings.Configuration, settings.Dashboard.Shown);
        app.MapOperations(pages, overview, app.Services.GetRequiredService<ActorSystem>);
        new OperatorPages(pages, desk, settings.Edge, actors, store.Analysis.AddAuditAsync, IsServed, clock, log).Map(app);
        app.MapLive(hub, context => IsServed(context) && (!settings.Dashboard.MustSignInToRead || desk.Find(context) is not null), clock, stopping);
        app.MapMethods("/ui/{**rest}", [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)(context => pages.ServeAsync(
            context, request => throw PageException.NotFound("There is no such page", $"Nothing is at {Actors.Reports.TerminalText.Cut(request.Path, 200)}."), DashboardPages.WantsJson(context))))
            .Add(endpoint => ((Microsoft.AspNetCore.Routing.RouteEndpointBuilder)endpoint).Order = int.MaxValue);
        return new DashboardServer(database, hub);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        _database.Dispose();
    }

    /// <summary>What pages keep up to date.</summary>
    private sealed class LiveRegions(OverviewReader overview, DashboardDatabase database, DashboardPages pages)
    {
        private const string OfRun = "run-";

        public LiveRegion? Find(string name) => name switch
        {
            "badge" => Of<PendingBadge>(name, async () => await pages.PendingAsync()),
            "cards" => Of<CardsView>(name, async () => await overview.CardsAsync()),
            "pool" => Of<PoolView>(name, async () => await overview.PoolAsync()),
            "activity" => Of<ActivityView>(name, async () => await overview.ActivityAsync()),
            "latest-runs" => Of<LatestRunsView>(name, async () => (await overview.ListsAsync()).Runs),
            "latest-deviations" => Of<LatestDeviationsView>(name, async () => (await overview.ListsAsync()).Deviations),
            "runs" => Of<RunsTable>(name, async () => await ReadAsync(d => RunPageQueries.Read(d, new RunFilter(), PagePosition.First(RunPages.ListRows)).Items)),
            "pending" => Of<PendingTable>(name, async () => await ReadAsync(d => DeviationPageQueries.Pending(d, "", 0, 1, DeviationPages.ListRows).Items)),
            _ when name.StartsWith(OfRun, StringComparison.Ordinal) && RunId.TryParse(name[OfRun.Length..], out var run) =>
                Of<RunHeadView>(name, async () => await ReadAsync<object?>(d => RunPages.HeadOf(d, run.ToString()))),
            _ => null,
        };

        private Task<T> ReadAsync<T>(Func<ReadOnlyDatabase, T> read) => database.ReadAsync(read, CancellationToken.None);

        private static LiveRegion Of<TComponent>(string name, Func<Task<object?>> load) => new(name, typeof(TComponent), load);
    }
}
