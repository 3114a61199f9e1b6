using System.Net;
using Fangs.Protocol;

namespace Fangs.Runner.Agent;

/// <summary>What an operator can set about a runner.</summary>
public sealed record RunnerSettings
{
    /// <summary>Most slots that a runner may have.</summary>
    public const int MaxSlots = 64;

    /// <summary>Address of the orchestrator, <c>http</c> or <c>https</c>; a path is a prefix of every endpoint.</summary>
    public Uri Orchestrator { get; init; } = new("http://127.0.0.1:8443");

    /// <summary>Name under which the runner registers; by default the host name.</summary>
    public RunnerId RunnerId { get; init; } = new(Dns.GetHostName());

    /// <summary>How long a control call such as the registration may take.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How many jobs the runner does at once, 1 to <see cref="MaxSlots"/>.</summary>
    public int Slots { get; init; } = 1;

    /// <summary>PEM file of the authorities that the orchestrator's certificate must chain to; null: the system's.</summary>
    public string? TlsCa { get; init; }

    /// <summary>PEM file of the runner's certificate, followed by intermediate ones; needs <see cref="TlsKey"/>.</summary>
    public string? TlsCert { get; init; }

    /// <summary>PEM file of the key of <see cref="TlsCert"/>.</summary>
    public string? TlsKey { get; init; }

    /// <summary>Events per batch at most, 1 to 1,024.</summary>
    public int BatchEvents { get; init; } = 64;

    /// <summary>Bytes per batch at most, 1 KiB to 8 MiB. An event that does not fit alone is lost.</summary>
    public int BatchBytes { get; init; } = 8 << 20;

    /// <summary>Bytes of batches that a run may keep waiting for the orchestrator. Beyond it the sensor's queue fills and counts its losses.</summary>
    public int QueuedBytes { get; init; } = 32 << 20;

    /// <summary>Waits and limits.</summary>
    public AgentTimings Timings { get; init; } = new();

    /// <summary>Checks the settings.</summary>
    /// <returns>What is wrong, one sentence each with the remedy; empty when all is well.</returns>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        if (!IsWeb(Orchestrator))
            faults.Add($"-orchestrator must be an absolute http or https address, not '{Orchestrator}'.");
        else if (Orchestrator.Query.Length + Orchestrator.Fragment.Length + Orchestrator.UserInfo.Length > 0)
            faults.Add("-orchestrator must not have a user, a query or a fragment.");
        else if (Orchestrator.Scheme == Uri.UriSchemeHttp && (TlsCa ?? TlsCert ?? TlsKey) is not null)
            faults.Add("-tls-ca, -tls-cert and -tls-key need an -orchestrator that begins with https://.");
        // Dot segments disappear from addresses however they are escaped, so these two names cannot be addressed.
        if (!RunnerId.TryParse(RunnerId.Value, out _) || RunnerId.Value is "." or "..")
            faults.Add($"-runner-id must have 1 to {RunnerId.MaxLength} characters, no control characters, and not be '*', '.' or '..'.");
        if (Timeout <= TimeSpan.Zero || Timeout > TimeSpan.FromHours(1)) faults.Add("-timeout must be more than 0 and at most 1h.");
        if (Slots is < 1 or > MaxSlots) faults.Add($"-slots must be from 1 to {MaxSlots}, not {Slots}.");
        if (TlsCert is null != TlsKey is null) faults.Add("-tls-cert and -tls-key must be given together.");
        foreach (var (flag, file) in new[] { ("-tls-ca", TlsCa), ("-tls-cert", TlsCert), ("-tls-key", TlsKey) })
        {
            if (file is not null && !File.Exists(file)) faults.Add($"{flag} names '{file}', which does not exist.");
        }

        if (BatchEvents is < 1 or > 1024) faults.Add("A batch must have room for 1 to 1,024 events.");
        if (BatchBytes is < 1 << 10 or > 8 << 20) faults.Add("A batch must have room for 1 KiB to 8 MiB.");
        if (QueuedBytes < 1) faults.Add("The queue of a run must have room for at least one byte.");
        return faults;
    }

    private static bool IsWeb(Uri? uri) => uri is { IsAbsoluteUri: true } && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps);
}
