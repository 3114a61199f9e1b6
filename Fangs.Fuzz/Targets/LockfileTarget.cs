using System.Text;
using System.Text.Json;
using Fangs.Protocol;
using Fangs.Runner.Sandbox;

namespace Fangs.Fuzz.Targets;

/// <summary>npm's hidden lock file, which lies where the package under test may write.</summary>
internal static class LockfileTarget
{
    internal static FuzzTarget Target { get; } = new("lockfile", "npm's record of what it installed (JSON), and digests in it", RunAsync);

    private static Task RunAsync(ReadOnlyMemory<byte> input)
    {
        try
        {
            var record = NpmRecord.Parse(input, "left-pad", "1.3.0");
            FindingException.Unless(record.Integrity is null != record.Fault is null, "neither a digest nor a reason, or both");
            if (record.Integrity is { } integrity) Check(integrity);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // As documented; the caller says that the record cannot be read.
        }

        if (PackageIntegrity.Clean(Encoding.UTF8.GetString(input.Span)) is { } clean) Check(clean);
        return Task.CompletedTask;
    }

    private static void Check(string integrity)
    {
        FindingException.Unless(PackageIntegrity.IsWellFormed(integrity) && PackageIntegrity.Clean(integrity) == integrity, "a clean digest is not clean");
        FindingException.Unless(PackageIntegrity.Mismatch(integrity, null, integrity) is null, "a digest does not agree with itself");
    }
}
