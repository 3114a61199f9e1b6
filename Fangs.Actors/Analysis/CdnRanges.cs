namespace Fangs.Actors.Analysis;

/// <summary>Addresses of a content delivery network: which of them answers says nothing about a package, when the name was seen.</summary>
/// <param name="Provider">Whose they are.</param>
/// <param name="Range">Address range in canonical form.</param>
public sealed record CdnRange(string Provider, string Range);

/// <summary>The built-in ranges. They count only for ports 80 and 443, and only when the run also showed a host name.</summary>
public static class CdnRanges
{
    /// <summary>Version of the list: the day on which it was reviewed.</summary>
    public const string Version = "2026-05-22";

    /// <summary>All ranges, by provider.</summary>
    public static IReadOnlyList<CdnRange> All { get; } =
    [
        .. Of("Cloudflare",
            "103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "104.16.0.0/13", "104.24.0.0/14", "108.162.192.0/18", "131.0.72.0/22",
            "141.101.64.0/18", "162.158.0.0/15", "172.64.0.0/13", "173.245.48.0/20", "188.114.96.0/20", "190.93.240.0/20", "197.234.240.0/22",
            "198.41.128.0/17"),
        .. Of("GitHub", "140.82.112.0/20", "143.55.64.0/20", "185.199.108.0/22", "192.30.252.0/22"),
        .. Of("Google", "142.250.0.0/15", "172.217.0.0/16", "216.58.192.0/19", "172.253.0.0/16", "74.125.0.0/16"),
        .. Of("Fastly", "151.101.0.0/16", "199.232.0.0/16"),
        .. Of("CloudFront",
            "13.32.0.0/15", "13.224.0.0/14", "52.84.0.0/15", "54.182.0.0/16", "54.192.0.0/16", "54.230.0.0/16", "99.86.0.0/16",
            "204.246.164.0/22"),
    ];

    private static IEnumerable<CdnRange> Of(string provider, params string[] ranges) => ranges.Select(range => new CdnRange(provider, range));
}
