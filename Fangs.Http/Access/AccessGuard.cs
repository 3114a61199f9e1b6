using System.Collections.Concurrent;
using System.Formats.Asn1;
using System.Net;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using Fangs.Actors.Runs;
using Fangs.Protocol;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fangs.Http.Access;

/// <summary>Applies <see cref="AccessPolicy"/> to requests. Without client certificates it lets everything pass.</summary>
/// <param name="bindsIdentity">Whether clients have to show certificates.</param>
/// <param name="log">Where refusals go.</param>
public sealed partial class AccessGuard(bool bindsIdentity, ILogger log)
{
    // Reading a certificate takes longer than a heartbeat; connections last, so it is done once for each.
    private readonly ConditionalWeakTable<X509Certificate2, ClientIdentity> _identities = [];

    // For the life of the process, so that a runner cannot become an operator by falling silent. Only names of certificates get in here.
    private readonly ConcurrentDictionary<string, bool> _registered = new(StringComparer.Ordinal);

    /// <summary>Puts the check of the endpoint's audience into the pipeline, behind the routing.</summary>
    public void Use(IApplicationBuilder app)
    {
        if (!bindsIdentity) return;
        app.Use((context, next) =>
        {
            CheckAudience(context);
            return next(context);
        });
    }

    /// <summary>Refuses a client that may not act as a runner.</summary>
    /// <exception cref="WireException">403.</exception>
    public void CheckRunner(HttpContext context, RunnerId runner)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (IdentityOf(context) is { } client && AccessPolicy.RefuseRunner(client, runner) is { } reason) throw Refuse(context, client, reason);
    }

    /// <summary>Remembers that a client has registered as a runner.</summary>
    public void NoteRegistered(HttpContext context, RunnerId runner)
    {
        if (IdentityOf(context) is not null) _registered.TryAdd(runner.Value, true);
    }

    /// <summary>Who sends something about a run; null when connections prove nothing.</summary>
    public RunSender? SenderOf(HttpContext context) => IdentityOf(context) is { } client ? new RunSender(client.Names) : null;

    /// <summary>The name under which an operator's decision is recorded; null when connections prove nothing, and then the client's word is all there is.</summary>
    public string? NameOf(HttpContext context) =>
        IdentityOf(context) is { } client ? client.Names.Order(StringComparer.Ordinal).FirstOrDefault() ?? client.Subject : null;

    /// <summary>The name of the operator to whom the client certificate belongs; null when connections prove nothing or the client is none.</summary>
    public string? OperatorOf(HttpContext context)
    {
        if (!bindsIdentity || Dashboard.UiListener.Serves(context) || IdentityOf(context) is not { } client) return null;
        return AccessPolicy.RefuseEndpoint(client, Audience.Operators, client.Names.Any(_registered.ContainsKey)) is null ? NameOf(context) : null;
    }

    /// <summary>The answer to a client that has not got the run.</summary>
    /// <returns>403.</returns>
    public WireException RefuseRun(HttpContext context, NotTheRunner refusal)
    {
        ArgumentNullException.ThrowIfNull(refusal);
        // Not named: who has which run is no business of the others. The log has it.
        var reason = $"run {refusal.RunId} was not handed to this client; only the runner that polled its job may send its events and result";
        NotTheHolder(log, refusal.RunId, refusal.Holder?.Value ?? "nobody");
        return IdentityOf(context) is { } client ? Refuse(context, client, reason) : new WireException(StatusCodes.Status403Forbidden, reason);
    }

    private void CheckAudience(HttpContext context)
    {
        if (HealthListener.Serves(context) || Dashboard.UiListener.Serves(context)) return; // have no certificates, and nothing that needs one
        var audience = context.GetEndpoint()?.Metadata.GetMetadata<AudienceMetadata>()?.Audience ?? Audience.Operators;
        var client = IdentityOf(context)!;
        if (AccessPolicy.RefuseEndpoint(client, audience, client.Names.Any(_registered.ContainsKey)) is { } reason) throw Refuse(context, client, reason);
    }

    private ClientIdentity? IdentityOf(HttpContext context)
    {
        if (!bindsIdentity) return null;
        var certificate = context.Connection.ClientCertificate
            ?? throw new WireException(StatusCodes.Status403Forbidden, "a client certificate is needed; make one with fangs certs");
        try
        {
            return _identities.GetValue(certificate, ClientIdentity.Of);
        }
        catch (AsnContentException e)
        {
            Malformed(log, e, context.Connection.RemoteIpAddress);
            throw new WireException(StatusCodes.Status403Forbidden, "the names in the client certificate are malformed; make another one, for instance with fangs certs");
        }
    }

    private WireException Refuse(HttpContext context, ClientIdentity client, string reason)
    {
        Refused(log, context.Request.Method, context.Request.Path, client.Subject, context.Connection.RemoteIpAddress, reason);
        return new WireException(StatusCodes.Status403Forbidden, reason);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Refused {Method} {Path} of {Subject} from {Remote}: {Reason}")]
    private static partial void Refused(ILogger logger, string method, string path, string subject, IPAddress? remote, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A client sends for run {Run}, which was handed to {Holder}")]
    private static partial void NotTheHolder(ILogger logger, RunId run, string holder);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The names in the client certificate from {Remote} are malformed")]
    private static partial void Malformed(ILogger logger, Exception cause, IPAddress? remote);
}

/// <summary>Says on an endpoint whom it is for.</summary>
/// <param name="Audience">Whom.</param>
public sealed record AudienceMetadata(Audience Audience);

/// <summary>Adds <see cref="AudienceMetadata"/>.</summary>
public static class AudienceExtensions
{
    /// <summary>Says whom the endpoint is for. An endpoint that says nothing is for operators.</summary>
    public static TBuilder For<TBuilder>(this TBuilder endpoint, Audience audience) where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new AudienceMetadata(audience));
}
