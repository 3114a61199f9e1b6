using System.Globalization;
using System.Net;
using Akka.Actor;
using Fangs.Actors.Analysis;
using Fangs.Actors.Jobs;
using Fangs.Actors.Packages;
using Fangs.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;

namespace Fangs.Http.Dashboard.Operators;

/// <summary>The form to sign in with.</summary>
/// <param name="To">Where to go then.</param>
/// <param name="Name">Name that was typed.</param>
/// <param name="Fault">What was wrong with the last attempt; empty for the first.</param>
public sealed record SignInModel(string To, string Name, string Fault);

/// <summary>What operators do from pages: sign in and out, decide, have releases scanned again. Through the same actors as commands.</summary>
public sealed partial class OperatorPages(
    DashboardPages pages, OperatorDesk desk, EdgeSettings edge, CoreActors actors, Func<AuditEntry, Task> audit, Func<HttpContext, bool> isServed, TimeProvider clock, ILogger log)
{
    private const long MaxForm = 32 * 1024;

    private readonly SignInThrottle _throttle = new(clock);

    /// <summary>Adds the routes.</summary>
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/ui/sign-in", (RequestDelegate)(context => Guarded(context, ShowSignIn)));
        routes.MapPost("/ui/sign-in", (RequestDelegate)(context => Guarded(context, SignIn)));
        routes.MapPost("/ui/sign-out", (RequestDelegate)(context => Guarded(context, SignOut)));
        routes.MapPost("/ui/actions/decide", (RequestDelegate)(context => Guarded(context, c => Act(c, Decide))));
        routes.MapPost("/ui/actions/rescan", (RequestDelegate)(context => Guarded(context, c => Act(c, Rescan))));
    }

    /// <summary>A path of ours to go to; anything else becomes the overview, so that a link cannot lead astray.</summary>
    public static string SafeTarget(string to)
    {
        ArgumentNullException.ThrowIfNull(to);
        return to.StartsWith("/ui/", StringComparison.Ordinal) && to.All(c => c is > ' ' and < '\x7f' and not '\\') ? to : Links.Overview;
    }

    private async Task Guarded(HttpContext context, Func<HttpContext, Task> handler)
    {
        if (!isServed(context))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        DashboardPages.Secure(context);
        try
        {
            await handler(context);
        }
        catch (PageException fault)
        {
            await pages.FaultAsync(context, fault, wantsJson: false);
        }
        catch (Exception e) when (e is InvalidDataException or BadHttpRequestException)
        {
            await pages.FaultAsync(context, new PageException(StatusCodes.Status400BadRequest, "The form cannot be read", "Go back, reload the page and try again."), wantsJson: false);
        }
    }

    private async Task ShowSignIn(HttpContext context)
    {
        var to = SafeTarget(context.Request.Query["to"].ToString());
        if (desk.Find(context) is not null) context.Response.Redirect(to);
        else await WriteFormAsync(context, new SignInModel(to, "", ""), StatusCodes.Status200OK);
    }

    private async Task SignIn(HttpContext context)
    {
        RefuseOtherSites(context);
        var form = await FormAsync(context);
        var (to, name, address) = (SafeTarget(Field(form, "to")), Field(form, "name").Trim(), context.Connection.RemoteIpAddress ?? IPAddress.None);
        if (_throttle.WaitOf(address) is { Ticks: > 0 } wait)
        {
            context.Response.Headers.RetryAfter = ((int)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
            Throttled(log, address);
            await WriteFormAsync(context, new SignInModel(to, name, $"Too many attempts failed. Try again in {Math.Ceiling(wait.TotalSeconds):0} s."), StatusCodes.Status429TooManyRequests);
            return;
        }

        if (!OperatorDesk.IsName(name))
        {
            await WriteFormAsync(context, new SignInModel(to, "", "A name of 1 to 80 characters is needed."), StatusCodes.Status400BadRequest);
            return;
        }

        if (!desk.IsToken(Field(form, "token")))
        {
            _throttle.Failed(address);
            WrongToken(log, address);
            await WriteFormAsync(context, new SignInModel(to, name, "That is not the token."), StatusCodes.Status401Unauthorized);
            return;
        }

        desk.SignIn(context, name);
        SignedIn(log, name, address);
        context.Response.Redirect(to);
    }

    private async Task SignOut(HttpContext context)
    {
        if (desk.Find(context) is { } who)
        {
            Check(who, await FormAsync(context), context);
            desk.SignOut(context);
        }

        context.Response.Redirect(Links.Overview);
    }

    private async Task Act(HttpContext context, Func<SignedInOperator, IFormCollection, Task<(PageNotice Notice, string? To)>> act)
    {
        if (desk.Find(context) is not { } who)
        {
            throw new PageException(StatusCodes.Status403Forbidden, "You may only look", desk.CanSignIn
                ? "Sign in first; the session may have ended."
                : "Changes are made with the fangs command, or from here when the orchestrator is started with -ui-token.");
        }

        var form = await FormAsync(context);
        Check(who, form, context);
        var (notice, to) = await act(who, form);
        desk.Leave(who, notice);
        context.Response.Redirect(to ?? SafeTarget(Field(form, "to")));
    }

    private static void Check(SignedInOperator who, IFormCollection form, HttpContext context)
    {
        RefuseOtherSites(context);
        if (!OperatorDesk.IsFormOf(who, Field(form, "form_token")))
            throw new PageException(StatusCodes.Status403Forbidden, "The form is not from this page", "It may be older than the orchestrator's last start. Nothing was changed: go back, reload the page and try again.");
    }

    // Browsers say so themselves where they can; the token in the form is what is relied on.
    private static void RefuseOtherSites(HttpContext context)
    {
        if (context.Request.Headers["Sec-Fetch-Site"].ToString() is "cross-site" or "same-site")
            throw new PageException(StatusCodes.Status403Forbidden, "The form is from another site", "Nothing was changed. Open the page here and try again.");
    }

    private async Task<(PageNotice, string?)> Decide(SignedInOperator who, IFormCollection form)
    {
        var (action, subject) = (Field(form, "action"), Field(form, "subject"));
        var request = new DecisionRequest
        {
            Action = action,
            By = who.Name,
            Note = Field(form, "note") is { Length: > 0 } note ? note : null,
            Force = Field(form, "force") == "yes",
            RunId = action is DecisionAction.Promote or DecisionAction.Demote or DecisionAction.Reanalyze ? subject : null,
            DeviationId = action is DecisionAction.Accept or DecisionAction.Reject ? subject : null,
            AllowId = action == DecisionAction.AllowRemove ? subject : null,
            Allow = action == DecisionAction.AllowAdd
                ? new AllowRequest { Kind = Field(form, "kind"), Value = Field(form, "value"), Package = Field(form, "package") is { Length: > 0 } package ? package : null }
                : null,
        };
        // Not cancelled with the client: a decision that has arrived is carried out.
        return (await actors.Packages.Ask<object>(new Decide(request), edge.DecisionTimeout) switch
        {
            DecisionOutcome { Response: { } response } => new PageNotice(true, Said(response)),
            DecisionOutcome refused => new PageNotice(false, "Nothing was changed: " + refused.Reason),
            _ => new PageNotice(false, "The database does not answer. Look whether the decision was carried out before you try again."),
        }, null);
    }

    private static string Said(DecisionResponse done)
    {
        if (!done.Changed && done.Action != DecisionAction.Reanalyze) return "Nothing had to be changed: the same had been decided before.";
        return done.Action switch
        {
            DecisionAction.Promote => $"Promoted: {Shared.Words.Count(done.FingerprintsMerged, "value is", "values are")} in the baseline of {done.Package} now.",
            DecisionAction.Demote => $"Taken out of the baseline: {Shared.Words.Count(done.FingerprintsRemoved, "value has", "values have")} left it.",
            DecisionAction.Accept => $"Accepted. {Left(done)}",
            DecisionAction.Reject => $"Rejected. {Left(done)}",
            DecisionAction.AllowAdd => $"Allowed: {Shared.Words.Count(done.DeviationsChanged, "deviation is", "deviations are")} hidden, {Shared.Words.Count(done.RunsAffected, "run was", "runs were")} judged again.",
            DecisionAction.AllowRemove => $"Removed: {Shared.Words.Count(done.RunsAffected, "run was", "runs were")} judged again.",
            _ => $"Judged again: {Shared.Words.Count(done.DeviationsOpen, "deviation is", "deviations are")} open.",
        };
    }

    private static string Left(DecisionResponse done) => done.DeviationsOpen == 0
        ? "Nothing of this run waits for a decision any more."
        : $"{Shared.Words.Count(done.DeviationsOpen, "deviation of this run waits", "deviations of this run wait")} still.";

    private async Task<(PageNotice, string?)> Rescan(SignedInOperator who, IFormCollection form)
    {
        var (package, version) = (Field(form, "package"), Field(form, "version"));
        var request = new ScanRequest { TargetRunner = RunnerId.Any.Value, Job = StandardScan.JobFor(package, version, StandardScan.Duration) };
        if (ScanRules.Check(request, edge.MaxJobDuration) is { } wrong) return (new PageNotice(false, "Nothing was queued: " + wrong), null);
        var job = Endpoints.ScanEndpoints.Complete(request.Job!, edge, clock);
        await audit(Decisions.Audit(new DecisionContext(who.Name, clock.GetUtcNow(), "", Force: false), "scan.submit", job.RunId.ToString(), ("package", package), ("version", version)));
        return await actors.Dispatcher.Ask<object>(new QueueJob(job, RunnerId.Any), edge.AskTimeout) switch
        {
            ScanAccepted accepted => (new PageNotice(true, $"Queued: {package}@{version} is scanned by the next free runner."), Links.Run(accepted.RunId.ToString())),
            _ => (new PageNotice(false, "The scan could not be queued; try again in a moment."), null),
        };
    }

    private async Task WriteFormAsync(HttpContext context, SignInModel model, int status)
    {
        if (!desk.CanSignIn) throw PageException.NotFound("There is nothing to sign in with", "The orchestrator was started without -ui-token: its pages are read-only. Changes are made with the fangs command.");
        await pages.WriteAsync(context, PageAnswer.Of<SignInPage, SignInModel>(model) with { Status = status }, await pages.FrameAsync(context));
    }

    private static async Task<IFormCollection> FormAsync(HttpContext context)
    {
        if (!context.Request.HasFormContentType || context.Request.ContentLength is null or > MaxForm) throw new InvalidDataException("not a form of ours");
        return await context.Request.ReadFormAsync(context.RequestAborted);
    }

    private static string Field(IFormCollection form, string name) => form[name] is [{ } text, ..] ? text : "";

    [LoggerMessage(Level = LogLevel.Information, Message = "{Name} has signed in to the dashboard from {Remote}")]
    private static partial void SignedIn(ILogger logger, string name, IPAddress remote);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An attempt to sign in to the dashboard from {Remote} has failed")]
    private static partial void WrongToken(ILogger logger, IPAddress remote);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Too many attempts to sign in to the dashboard from {Remote} have failed")]
    private static partial void Throttled(ILogger logger, IPAddress remote);
}
