using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Fangs.Actors.Analysis;
using Fangs.Protocol;

namespace Fangs.Actors.Configuration;

/// <summary>An allow-list entry that the configuration file owns.</summary>
/// <param name="Entry">What it allows, for all packages; checked and in canonical form.</param>
/// <param name="Note">Why.</param>
public sealed record ConfiguredAllowEntry(AllowEntry Entry, string Note)
{
    /// <summary>What all ids of the configuration begin with; ids of operators are hex digits only.</summary>
    public const string IdPrefix = "cfg";

    /// <summary>Id of its row: <c>cfg</c> and the first 12 hex digits of SHA-256 of <c>kind|value</c>.</summary>
    public string Id { get; } =
        IdPrefix + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{Entry.Kind}|{Entry.Value}")))[..12];
}

/// <summary>What can be set in the configuration file. Null means that the file does not set it, so that the default counts.</summary>
public sealed record FileSettings
{
    /// <summary>Paths to watch when a job names none.</summary>
    public IReadOnlyList<WatchedPath>? WatchedPaths { get; init; }

    /// <summary>Entries of the allow list that the file owns.</summary>
    public IReadOnlyList<ConfiguredAllowEntry> Allow { get; init; } = [];

    /// <summary>How many conclusive runs must agree before they become the baseline.</summary>
    public int? MinRuns { get; init; }

    /// <summary>Events of a run beyond this are counted, not stored.</summary>
    public int? MaxEventsPerRun { get; init; }

    /// <summary>Longest job duration accepted.</summary>
    public TimeSpan? MaxJobDuration { get; init; }

    /// <summary>Silence on an event stream longer than this ends it.</summary>
    public TimeSpan? StreamIdleTimeout { get; init; }

    /// <summary>How long after duration and grace period a result may still come in.</summary>
    public TimeSpan? ResultSlack { get; init; }

    /// <summary>Whether the built-in CDN ranges hide destinations.</summary>
    public bool? CdnEnabled { get; init; }

    /// <summary>Further CDN ranges in canonical form.</summary>
    public IReadOnlyList<string>? CdnExtra { get; init; }

    /// <summary>Whether alerts may go to addresses inside the operator's own networks.</summary>
    public bool? AllowPrivateNotifiers { get; init; }

    /// <summary>Whether the package's entry points are loaded after the installation.</summary>
    public bool? ImportPhase { get; init; }

    /// <summary>Where in the sandbox packages are installed.</summary>
    public string? SandboxLayout { get; init; }

    /// <summary>Lines, counted from 1, of the fields that the file sets, by their full names such as <c>baseline.min_runs</c>.</summary>
    public ImmutableSortedDictionary<string, int> Lines { get; init; } = ImmutableSortedDictionary.Create<string, int>(StringComparer.Ordinal);
}
