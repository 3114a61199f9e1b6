using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Fangs.Protocol;
using Microsoft.Win32.SafeHandles;

namespace Fangs.Runner.Sandbox;

/// <summary>What npm recorded about the package that it installed, in the hidden lock file of <c>node_modules</c>.</summary>
/// <remarks>
/// npm verifies the tarball against this value before it unpacks it. The file lies where the package may write, so a script that the package left
/// running can change it between npm's end and this look: the comparison catches a registry that serves different contents to different clients,
/// not one that in addition publishes a package that covers up for it.
/// </remarks>
/// <param name="Integrity">Subresource integrity; null when there is none.</param>
/// <param name="Fault">Why there is none; null when there is.</param>
internal sealed record NpmRecord(string? Integrity, string? Fault)
{
    private const string File = "node_modules/.package-lock.json";
    private const int MaxBytes = 16 << 20;
    private const nint OpenAt2 = 437; // the same on every architecture
    private const ulong Flags = 0x80000 /* O_CLOEXEC */ | 0x800 /* O_NONBLOCK: a pipe in its place must not hold us */ | 0x100 /* O_NOCTTY */;
    private const ulong NeverLeave = 0x08 /* RESOLVE_BENEATH */ | 0x04 /* RESOLVE_NO_SYMLINKS */ | 0x02 /* RESOLVE_NO_MAGICLINKS */;

    /// <summary>Reads the record in the file system of a sandbox.</summary>
    /// <param name="root">Its root directory, as the host sees it.</param>
    /// <param name="package">The package.</param>
    /// <param name="version">Its version.</param>
    internal static NpmRecord Read(string root, string package, string version)
    {
        try
        {
            using var file = Open(root, SandboxPlan.ProjectDirectory.TrimStart('/') + "/" + File);
            var length = RandomAccess.GetLength(file); // throws for pipes and devices
            if (length > MaxBytes) return new NpmRecord(null, $"npm's record has {length} bytes");
            var bytes = new byte[length];
            var read = 0;
            while (read < bytes.Length && RandomAccess.Read(file, bytes.AsSpan(read), read) is var more and > 0) read += more;
            return Parse(bytes.AsMemory(0, read), package, version);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or JsonException or InvalidOperationException)
        {
            return new NpmRecord(null, $"npm's record cannot be read: {e.Message}");
        }
    }

    /// <summary>Finds the package in the text of the record.</summary>
    /// <exception cref="JsonException">It is not JSON.</exception>
    /// <exception cref="InvalidOperationException">A string is not text.</exception>
    internal static NpmRecord Parse(ReadOnlyMemory<byte> json, string package, string version)
    {
        using var document = JsonDocument.Parse(json);
        var entry = JsonMember.Find(JsonMember.Find(document.RootElement, "packages"), "node_modules/" + package);
        if (entry.ValueKind != JsonValueKind.Object) return new NpmRecord(null, "npm's record does not have the package");
        var installed = Text(JsonMember.Find(entry, "version"));
        // npm leaves build metadata out.
        if (installed is null || installed.Split('+')[0] != version.Split('+')[0]) return new NpmRecord(null, $"npm's record has version {Short(installed)}");
        var integrity = Text(JsonMember.Find(entry, "integrity"));
        if (integrity is null) return new NpmRecord(null, "npm's record has no digest of it");
        return PackageIntegrity.Clean(integrity) is { } clean ? new NpmRecord(clean, null) : new NpmRecord(null, $"npm's record has the digest {Short(integrity)}");
    }

    // The root of another mount namespace holds whatever the package put there: links in it would be followed on the host, so none is.
    private static unsafe SafeFileHandle Open(string root, string path)
    {
        fixed (byte* rootName = Encoding.UTF8.GetBytes(root + "\0"))
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0"))
        {
            using var directory = new SafeFileHandle(Native.Open(rootName, 0x200000 /* O_PATH */ | Native.CloseOnExec), ownsHandle: true);
            if (directory.IsInvalid) throw new IOException("the sandbox is gone");
            var how = new Native.OpenHow { Flags = Flags, Resolve = NeverLeave };
            var file = (int)Native.OpenAt2(OpenAt2, directory.DangerousGetHandle(), name, &how, (nuint)sizeof(Native.OpenHow));
            return file >= 0 ? new SafeFileHandle(file, ownsHandle: true) : throw new IOException(Marshal.GetLastPInvokeErrorMessage());
        }
    }

    private static string? Text(JsonElement element) => element.ValueKind == JsonValueKind.String ? element.GetString() : null;

    private static string Short(string? text) => text is null ? "(none)" : text.Length > 100 ? text[..100] + "…" : text;
}
