using System.Net;
using Fangs.Protocol;

namespace Fangs.Actors.Analysis;

/// <summary>Tells what an event says about the package: at most one fingerprint. Pure; it only remembers texts it has seen. Safe for concurrent use.</summary>
public sealed class FingerprintExtractor
{
    // O_WRONLY, O_RDWR, O_CREAT on x86_64, which is what the wire carries.
    private const long WriteFlags = 1 | 2 | 64;

    // Filled with placeholders that each hold up to 512 characters twice, one cache takes about 16 MB; in practice less than 2.
    private const int Capacity = 4096;

    // Ends of names that kernel buffers and system calls leave: white space, NUL, and what stands for NUL in stored text.
    private const string Padding = " \t\r\n\v\f\0\u2400\u0085\u00a0";

    private readonly BoundedCache _paths = new(Capacity, PathRules.Normalise);
    private readonly BoundedCache _names = new(Capacity, static name => name);

    /// <summary>The fingerprint of an event; false when it has none.</summary>
    public bool TryExtract(in EventFacts facts, out Fingerprint fingerprint)
    {
        var category = facts.Role == EventRole.Harness ? null : CategoryOf(facts);
        var value = category is null ? "" : ValueOf(category, facts);
        fingerprint = value.Length == 0 ? default : new Fingerprint(category!, value, facts.Role ?? "", facts.Phase ?? "");
        return value.Length != 0;
    }

    /// <summary>A text as one shared object, so that equal texts of many events take memory once.</summary>
    public string Share(ReadOnlySpan<char> text) => text.IsEmpty ? "" : _names.Get(text);

    private static string? CategoryOf(in EventFacts facts) => facts.Type switch
    {
        EventType.FileAccess when facts.Role == EventRole.Npm => null,
        // What failed did not happen; but asking for credentials is telling even when there are none.
        EventType.FileAccess when facts.Ret < 0 && (facts.Tags & EventTags.Credential) == 0 => null,
        EventType.FileAccess => IsWrite(facts) ? FingerprintCategory.PathWrite : FingerprintCategory.PathRead,
        EventType.Exec when facts.Ret < 0 => null,
        EventType.Exec => FingerprintCategory.Exec,
        // Refused and unfinished connections count: whom a package wants to reach is the fact, and sandboxes refuse on purpose.
        EventType.NetConnect => FingerprintCategory.Destination,
        EventType.DnsQuery => FingerprintCategory.Dns,
        EventType.TlsSni => FingerprintCategory.HttpsHost,
        _ => null,
    };

    private static bool IsOpen(in EventFacts facts) => facts.Op.IsEmpty || facts.Op is "open";

    private static bool IsWrite(in EventFacts facts) => !IsOpen(facts) || (facts.Flags & WriteFlags) != 0;

    private string ValueOf(string category, in EventFacts facts) => category switch
    {
        FingerprintCategory.PathRead or FingerprintCategory.PathWrite => PathOf(facts),
        FingerprintCategory.Exec => Share(Storable(facts.Binary.Trim(Padding))),
        FingerprintCategory.Destination => DestinationOf(facts.DestIP.Trim(Padding), facts.DestPort),
        FingerprintCategory.Dns => NameOf(facts.Name, isDns: true),
        _ => NameOf(facts.Name, isDns: false),
    };

    private string PathOf(in EventFacts facts)
    {
        var path = !IsOpen(facts) && !facts.NewPath.IsEmpty ? facts.NewPath : facts.Path;
        return path.IsEmpty ? "" : _paths.Get(Storable(path));
    }

    private string NameOf(ReadOnlySpan<char> name, bool isDns)
    {
        name = name.Trim(Padding);
        if (isDns && name.EndsWith('.')) name = name[..^1];
        if (name.IsEmpty) return "";
        Span<char> lower = name.Length <= 256 ? stackalloc char[name.Length] : new char[name.Length];
        _ = name.ToLowerInvariant(lower);
        return Share(Storable(lower));
    }

    private string DestinationOf(ReadOnlySpan<char> ip, int port)
    {
        if (ip.IsEmpty) return "";
        if (!ip.Contains(':'))
        {
            Span<char> plain = stackalloc char[64];
            return plain.TryWrite($"{ip}:{port}", out var length) ? Share(Storable(plain[..length])) : "";
        }

        var text = ip.ToString();
        if (!IPAddress.TryParse(text, out var address)) return Share(Storable($"[{text.ToLowerInvariant()}]:{port}"));
        return Share(address.IsIPv4MappedToIPv6 ? $"{address.MapToIPv4()}:{port}" : $"[{address}]:{port}");
    }

    // Databases refuse U+0000.
    private static ReadOnlySpan<char> Storable(ReadOnlySpan<char> text) =>
        text.Contains('\0') ? text.ToString().Replace('\0', '\u2400') : text;
}
