using System.Net;
using System.Net.Sockets;

namespace Fangs.Actors.Analysis;

/// <summary>Kinds of entries of the allow list.</summary>
public static class AllowKind
{
    /// <summary>An address range; hides destinations inside it, whatever the port.</summary>
    public const string Cidr = "cidr";

    /// <summary>A path and everything below it; hides files read or written there, never credential accesses.</summary>
    public const string Path = "path";

    /// <summary>A TLS server name, or <c>*.</c> and a domain; hides the host and the look-up of its name.</summary>
    public const string Sni = "sni";

    /// <summary>A name, or <c>*.</c> and a domain; hides the look-up.</summary>
    public const string Dns = "dns";

    /// <summary>All kinds.</summary>
    public static IReadOnlyList<string> All { get; } = [Cidr, Path, Sni, Dns];
}

/// <summary>One entry of the allow list: behaviour that is declared to be noise. Make it with <see cref="TryCreate"/>, which checks it.</summary>
/// <param name="Kind">A value of <see cref="AllowKind"/>.</param>
/// <param name="Value">In its canonical form.</param>
/// <param name="PackageName">The package it is for; null for all.</param>
public sealed record AllowEntry(string Kind, string Value, string? PackageName)
{
    private const int MaxLength = 1024;

    // A range of this many leading bits still hides whole providers, but not the whole network by mistake.
    private const int ShortestPrefix4 = 8;
    private const int ShortestPrefix6 = 16;

    /// <summary>Checks an entry and brings its value into canonical form.</summary>
    /// <param name="kind">A value of <see cref="AllowKind"/>.</param>
    /// <param name="value">What to allow.</param>
    /// <param name="packageName">The package it is for; null or empty for all.</param>
    /// <param name="entry">The entry, when it is sound.</param>
    /// <returns>What is wrong with it and what to write instead; null when it is sound.</returns>
    public static string? TryCreate(string? kind, string? value, string? packageName, out AllowEntry? entry)
    {
        entry = null;
        value = value?.Trim() ?? "";
        if (value.Length == 0) return "value: required";
        if (value.Length > MaxLength) return $"value: longer than {MaxLength} characters";
        if (value.Any(char.IsControl)) return "value: must not hold control characters";
        string? fault;
        (fault, value) = kind switch
        {
            AllowKind.Cidr => Cidr(value),
            AllowKind.Path => Path(value),
            AllowKind.Sni or AllowKind.Dns => Name(value),
            _ => ($"kind: expected one of {string.Join(", ", AllowKind.All)}", value),
        };
        if (fault is not null) return fault;
        entry = new AllowEntry(kind!, value, string.IsNullOrEmpty(packageName) ? null : packageName);
        return null;
    }

    private static (string? Fault, string Value) Cidr(string value)
    {
        var slash = value.IndexOf('/', StringComparison.Ordinal);
        var text = slash < 0 ? value : value[..slash];
        // The class library also takes 192.0.2 and 3221225986, which mean something else to most people.
        if (!IPAddress.TryParse(text, out var address) || (address.AddressFamily == AddressFamily.InterNetwork && text.Count(c => c == '.') != 3)) return ($"value: {value} is no address range such as 192.0.2.0/24", value);
        var bits = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var length = bits;
        if (slash >= 0 && (!int.TryParse(value.AsSpan(slash + 1), System.Globalization.NumberStyles.None, null, out length) || length > bits))
            return ($"value: the prefix length of {value} must be from 0 to {bits}", value);
        var shortest = bits == 32 ? ShortestPrefix4 : ShortestPrefix6;
        if (length < shortest) return ($"value: {value} would hide a large part of the network; a prefix of at least /{shortest} is needed", value);
        var bytes = address.GetAddressBytes();
        for (var bit = length; bit < bits; bit++) bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        return (null, $"{new IPAddress(bytes)}/{length}");
    }

    private static (string? Fault, string Value) Path(string value)
    {
        if (value[0] != '/') return ($"value: the path must begin with /, and {value} does not", value);
        var path = PathRules.Normalise(value);
        if (path.Trim('/').Length == 0) return ("value: / would hide every file; name a directory", value);
        // "/x /." stands for "/x ", which would be read as "/x" when the stored entry is looked at again.
        return char.IsWhiteSpace(path[^1]) ? ($"value: {value} stands for a path that ends in white space, which cannot be kept", value) : (null, path);
    }

    private static (string? Fault, string Value) Name(string value)
    {
        var name = value.ToLowerInvariant().TrimEnd('.');
        var domain = name.StartsWith("*.", StringComparison.Ordinal) ? name[2..] : name;
        if (domain.Length is 0 or > 253 || domain.Contains('*', StringComparison.Ordinal) || domain.Any(char.IsWhiteSpace) || domain.Split('.').Any(label => label.Length == 0))
            return ($"value: {value} is no host name; a * is only allowed as the whole first label, as in *.example.com", value);
        return name != domain && !domain.Contains('.', StringComparison.Ordinal)
            ? ($"value: {value} would hide every name below a top-level domain; name a domain", value)
            : (null, name);
    }
}
