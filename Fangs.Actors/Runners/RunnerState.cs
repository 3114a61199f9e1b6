using System.Globalization;
using Fangs.Protocol;

namespace Fangs.Actors.Runners;

/// <summary>What is known about one runner. Held in memory only: runners register again after a restart.</summary>
public sealed record RunnerState(RunnerId Runner)
{
    /// <summary>Host name as reported.</summary>
    public string Hostname { get; init; } = "";

    /// <summary>Kernel release as reported.</summary>
    public string KernelVersion { get; init; } = "";

    /// <summary>Capabilities as reported.</summary>
    public IReadOnlyList<string> Capabilities { get; init; } = [];

    /// <summary>Random id of its process; empty when it reports none.</summary>
    public string Instance { get; init; } = "";

    /// <summary>When it registered last.</summary>
    public DateTimeOffset RegisteredAt { get; init; }

    /// <summary>When it was heard last.</summary>
    public DateTimeOffset LastSeenAt { get; init; }

    /// <summary>Runs that its last heartbeat named.</summary>
    public IReadOnlyList<RunId> ActiveRuns { get; init; } = [];

    /// <summary>Status of the last heartbeat that had one.</summary>
    public string Status { get; init; } = RunnerStatus.Idle;

    /// <summary>Events waiting in its memory.</summary>
    public int EventsQueued { get; init; }

    /// <summary>How many jobs it takes at once.</summary>
    public int Slots
    {
        get
        {
            var slots = Capabilities.FirstOrDefault(c => c.StartsWith(Capability.SlotsPrefix, StringComparison.Ordinal));
            return slots is not null && int.TryParse(slots.AsSpan(Capability.SlotsPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var n)
                ? Math.Clamp(n, 1, 256)
                : 1;
        }
    }
}
