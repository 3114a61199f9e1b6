using System.Text.Json;
using Fangs.Actors.Watching;
using Fangs.Cli;
using Fangs.Cli.Scans;

namespace Fangs.Fuzz.Targets;

/// <summary>A package's document as registries answer with it.</summary>
internal static class PackumentTarget
{
    private const long MaxBytes = 1 << 20;
    private const int MaxTokenBytes = 1 << 16;

    internal static FuzzTarget Target { get; } = new("packument", "a registry's document of a package (JSON), in any pieces", RunAsync);

    private static async Task RunAsync(ReadOnlyMemory<byte> input)
    {
        var whole = await ReadAsync(new MemoryStream(input.ToArray()));
        var pieces = await ReadAsync(Pieces.Stream(input));
        FindingException.Unless(whole == pieces, $"in pieces it reads otherwise:\n{whole}\n{pieces}");
        foreach (var version in new[] { "", "1.3.0" }) Validate(input, new PackageReference("left-pad", version));
    }

    // The commands look at the whole document, once.
    private static void Validate(ReadOnlyMemory<byte> input, PackageReference package)
    {
        try
        {
            using var document = JsonDocument.Parse(input);
            _ = NpmRegistry.Validate(document.RootElement, package);
            _ = NpmRegistry.Latest(document.RootElement, package.Name);
        }
        catch (Exception e) when (e is JsonException or CliException)
        {
            // As documented.
        }
    }

    private static async Task<string> ReadAsync(Stream body)
    {
        try
        {
            var document = await PackageDocumentReader.ReadAsync(body, MaxBytes, MaxTokenBytes, CancellationToken.None);
            FindingException.Unless(document.Releases.All(r => r is { Version.Length: > 0 } && !r.Version.Any(char.IsControl)), "a release without a version");
            FindingException.Unless(document.Releases.Select(r => r.Version).Distinct().Count() == document.Releases.Count, "a version twice");
            return $"{document.Latest} {document.HasTimes}\n{string.Join('\n', document.Releases)}";
        }
        catch (RegistryException)
        {
            return "refused";
        }
    }
}
