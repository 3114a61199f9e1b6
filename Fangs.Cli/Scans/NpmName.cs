using System.Text.RegularExpressions;
using Fangs.Protocol;

namespace Fangs.Cli.Scans;

/// <summary>A package and, when given, its exact version.</summary>
/// <param name="Name">A name that npm accepts.</param>
/// <param name="Version">Exact semantic version; empty means the registry's latest.</param>
public sealed record PackageReference(string Name, string Version)
{
    /// <summary>What the registry announces for this version, so that the runner can tell whether it installed that; null when it was not asked or has none.</summary>
    public string? Integrity { get; init; }

    /// <summary>The same for releases that are older than integrity strings: 40 hex digits.</summary>
    public string? TarballSha1 { get; init; }

    /// <summary>This version with what the registry announces for it, as far as it is well-formed.</summary>
    public PackageReference Announced(string integrity, string sha1) =>
        this with { Integrity = PackageIntegrity.Clean(integrity), TarballSha1 = PackageIntegrity.IsSha1(sha1) ? sha1 : null };

    /// <summary>Reads <c>name@version</c>, <c>@scope/name@version</c> or a name alone.</summary>
    /// <exception cref="CliException">Name or version has a form that npm does not accept.</exception>
    public static PackageReference Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var at = text.LastIndexOf('@');
        var reference = at > 0 ? new PackageReference(text[..at], text[(at + 1)..]) : new PackageReference(text, "");
        if (at > 0 && reference.Version.Length == 0) throw new Arguments.UsageException($"'{text}': a version is missing behind the @");
        reference.Check();
        return reference;
    }

    /// <summary>Refuses names and versions that npm would not accept, before they go anywhere.</summary>
    /// <exception cref="Arguments.UsageException">The form is wrong.</exception>
    public void Check()
    {
        if (!NpmName.IsName(Name))
            throw new Arguments.UsageException($"'{Name}' is not a package name: lower-case letters, digits, - . _, at most 214 characters, optionally @scope/ in front");
        if (Version.Length > 0 && !NpmName.IsVersion(Version))
            throw new Arguments.UsageException($"'{Version}' is not an exact version such as 1.2.3");
    }

    /// <summary><c>name@version</c>.</summary>
    public override string ToString() => Version.Length == 0 ? Name : $"{Name}@{Version}";
}

/// <summary>npm's rules for names and versions.</summary>
public static partial class NpmName
{
    private const int MaxNameLength = 214;
    private const int MaxVersionLength = 256;

    /// <summary>Whether a text is a package name: lower case, URL-safe, not beginning with a dot or underscore, optionally scoped.</summary>
    public static bool IsName(string text) => text is { Length: > 0 and <= MaxNameLength } && Name().IsMatch(text) && text is not ("node_modules" or "favicon.ico");

    /// <summary>Whether a text is an exact semantic version.</summary>
    public static bool IsVersion(string text) => text is { Length: > 0 and <= MaxVersionLength } && Version().IsMatch(text);

    [GeneratedRegex(@"^(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*\z", RegexOptions.NonBacktracking)]
    private static partial Regex Name();

    [GeneratedRegex(
        @"^(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)(?:-(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?\z",
        RegexOptions.NonBacktracking)]
    private static partial Regex Version();
}
