using Fangs.Protocol;

namespace Fangs.Http.Access;

/// <summary>Whom an endpoint is for.</summary>
public enum Audience
{
    /// <summary>Operators. Also what an endpoint is for that does not say.</summary>
    Operators,

    /// <summary>Runners, each for its own id.</summary>
    Runners,

    /// <summary>Everybody who gets a connection.</summary>
    Everybody,
}

/// <summary>Who may do what when clients have certificates. Pure: knows neither HTTP nor certificates.</summary>
/// <remarks>
/// A certificate that states its role has that role and no other. One that states none counts as a runner where it acts under its own name, and
/// from then on everywhere; otherwise as an operator.
/// </remarks>
public static class AccessPolicy
{
    /// <summary>Whether a client may use an endpoint at all.</summary>
    /// <param name="client">The client.</param>
    /// <param name="audience">Whom the endpoint is for.</param>
    /// <param name="isRegistered">Whether a runner has registered under one of the client's names.</param>
    /// <returns>Null when it may; otherwise why not and what to do.</returns>
    public static string? RefuseEndpoint(ClientIdentity client, Audience audience, bool isRegistered)
    {
        ArgumentNullException.ThrowIfNull(client);
        return (audience, client.Role) switch
        {
            (Audience.Everybody, _) => null,
            (Audience.Runners, ClientRole.Operator) =>
                "the client certificate is an operator's and this endpoint is for runners; use one made by fangs certs runner",
            (Audience.Runners, _) => null,
            (_, ClientRole.Operator) => null,
            (_, ClientRole.Unstated) when !isRegistered => null,
            _ => "the client certificate is a runner's and this endpoint is for operators; use one made by fangs certs operator",
        };
    }

    /// <summary>Whether a client may act as a runner.</summary>
    /// <returns>Null when it may; otherwise why not and what to do.</returns>
    public static string? RefuseRunner(ClientIdentity client, RunnerId runner)
    {
        ArgumentNullException.ThrowIfNull(client);
        return client.Names.Contains(runner.Value)
            ? null
            : $"the client certificate is not that of runner {runner}; use one whose common name is the runner id, as fangs certs runner makes it";
    }
}
