using System.Globalization;
using System.Net;

namespace Fangs.Actors.Analysis;

/// <summary>A row of the allow list.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Kind">As stored.</param>
/// <param name="Value">As stored; upstream did not check it.</param>
/// <param name="PackageName">The package it is for; null for all.</param>
/// <param name="ExpiresAt">When it stops to count; null for never.</param>
public sealed record StoredAllowEntry(string Id, string Kind, string Value, string? PackageName, DateTimeOffset? ExpiresAt);

/// <summary>Decides what of a run's behaviour is declared to be noise: entries of the allow list and the ranges of content delivery networks. Pure.</summary>
public sealed class AllowFilter
{
    private static readonly Lazy<AddressRanges> BuiltIn = new(() => Ranges(CdnRanges.All.Select(range => range.Range)));

    private readonly AddressRanges _ranges = new();
    private readonly HashSet<string> _paths = new(StringComparer.Ordinal);
    private readonly Names _hosts = new();
    private readonly Names _lookups = new();
    private readonly IReadOnlyList<AddressRanges> _cdn;

    private AllowFilter(IReadOnlyList<AddressRanges> cdn) => _cdn = cdn;

    /// <summary>Entries that were left out because they are malformed or would hide everything; upstream stored what it was given.</summary>
    public IReadOnlyList<StoredAllowEntry> Unusable { get; private init; } = [];

    /// <summary>A filter that hides nothing.</summary>
    public static AllowFilter None { get; } = new([]);

    /// <summary>Makes the filter for runs of a package.</summary>
    /// <param name="entries">The allow list; entries for other packages and expired ones do not count.</param>
    /// <param name="packageName">The package.</param>
    /// <param name="now">The time.</param>
    /// <param name="settings">Whether and which ranges of content delivery networks count.</param>
    public static AllowFilter Create(IEnumerable<StoredAllowEntry> entries, string packageName, DateTimeOffset now, AnalysisSettings settings)
    {
        ArgumentNullException.ThrowIfNull(entries);
        ArgumentNullException.ThrowIfNull(settings);
        var unusable = new List<StoredAllowEntry>();
        var filter = new AllowFilter(settings.CdnEnabled ? [BuiltIn.Value, Ranges(settings.CdnExtra)] : []) { Unusable = unusable };
        foreach (var row in entries)
        {
            if (row.PackageName is { } package && package != packageName) continue;
            if (row.ExpiresAt is { } end && end <= now) continue;
            if (AllowEntry.TryCreate(row.Kind, row.Value, row.PackageName, out var entry) is not null) unusable.Add(row);
            else filter.Add(entry!);
        }

        return filter;
    }

    /// <summary>Of what a run did, that which is not hidden, in the same order.</summary>
    public IReadOnlyList<RunFingerprint> Apply(IReadOnlyList<RunFingerprint> fingerprints)
    {
        ArgumentNullException.ThrowIfNull(fingerprints);
        var showsHost = fingerprints.Any(f => f.Key.Category is FingerprintCategory.Dns or FingerprintCategory.HttpsHost);
        return [.. fingerprints.Where(f => !Hides(f, showsHost))];
    }

    /// <summary>Whether a behaviour is hidden.</summary>
    /// <param name="fingerprint">The behaviour.</param>
    /// <param name="showsHost">Whether its run also looked a name up or named a TLS server; without that a connection to a CDN is telling.</param>
    public bool Hides(RunFingerprint fingerprint, bool showsHost)
    {
        ArgumentNullException.ThrowIfNull(fingerprint);
        var value = fingerprint.Key.Value;
        return fingerprint.Key.Category switch
        {
            FingerprintCategory.PathRead or FingerprintCategory.PathWrite => !fingerprint.IsCredential && HidesPath(value),
            FingerprintCategory.Destination => HidesDestination(value, showsHost),
            FingerprintCategory.Dns => _lookups.Contain(value) || _hosts.Contain(value),
            FingerprintCategory.HttpsHost => _hosts.Contain(value),
            _ => false,
        };
    }

    private static AddressRanges Ranges(IEnumerable<string> texts)
    {
        var ranges = new AddressRanges();
        foreach (var text in texts) ranges.TryAdd(text);
        return ranges;
    }

    private void Add(AllowEntry entry)
    {
        switch (entry.Kind)
        {
            case AllowKind.Cidr:
                _ranges.TryAdd(entry.Value);
                break;
            case AllowKind.Path:
                _paths.Add(entry.Value.TrimEnd('/'));
                break;
            case AllowKind.Sni:
                _hosts.Add(entry.Value);
                break;
            default:
                _lookups.Add(entry.Value);
                break;
        }
    }

    // The path itself and each directory above it: an entry covers whole components only. Relative paths begin with no slash and match nothing.
    private bool HidesPath(string path)
    {
        if (_paths.Count == 0 || path.Length == 0 || path[0] != '/') return false;
        var known = _paths.GetAlternateLookup<ReadOnlySpan<char>>();
        if (known.Contains(path)) return true;
        for (var slash = path.LastIndexOf('/'); slash > 0; slash = path.LastIndexOf('/', slash - 1))
        {
            if (known.Contains(path.AsSpan(0, slash))) return true;
        }

        return false;
    }

    private bool HidesDestination(string value, bool showsHost)
    {
        if (!TryParseDestination(value, out var address, out var port)) return false;
        return _ranges.Contains(address) || (showsHost && port is 80 or 443 && _cdn.Any(ranges => ranges.Contains(address)));
    }

    private static bool TryParseDestination(string value, out IPAddress address, out int port)
    {
        (address, port) = (IPAddress.None, 0);
        var colon = value.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(value.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port)) return false;
        var host = value.AsSpan(0, colon);
        if (host[0] == '[') host = host[^1] == ']' ? host[1..^1] : [];
        if (!IPAddress.TryParse(host, out var parsed)) return false;
        address = parsed;
        return true;
    }

    /// <summary>Host names and, with a leading <c>*.</c>, domains whose names below are meant.</summary>
    private sealed class Names
    {
        private readonly HashSet<string> _exact = new(StringComparer.Ordinal);
        private readonly HashSet<string> _domains = new(StringComparer.Ordinal);

        internal void Add(string name)
        {
            if (name.StartsWith("*.", StringComparison.Ordinal)) _domains.Add(name[2..]);
            else _exact.Add(name);
        }

        internal bool Contain(string name)
        {
            if (_exact.Contains(name)) return true;
            if (_domains.Count == 0) return false;
            var domains = _domains.GetAlternateLookup<ReadOnlySpan<char>>();
            for (var dot = name.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = name.IndexOf('.', dot + 1))
            {
                if (dot > 0 && domains.Contains(name.AsSpan(dot + 1))) return true;
            }

            return false;
        }
    }
}
