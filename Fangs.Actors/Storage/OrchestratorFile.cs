using System.Net;

namespace Fangs.Actors.Storage;

/// <summary>
/// The file beside a database that says where the orchestrator that has it open can be reached, so that commands find it without a flag. What
/// it says may be out of date after a crash: only the lock of the database tells whether an orchestrator runs.
/// </summary>
public static class OrchestratorFile
{
    private const int MaxLength = 1024;

    /// <summary>Path of the file for a database.</summary>
    public static string PathFor(string databasePath) => Path.GetFullPath(databasePath) + ".orchestrator";

    /// <summary>Writes the address; one that means every address of the host becomes that of the host itself.</summary>
    /// <param name="databasePath">The database.</param>
    /// <param name="address">Where the orchestrator listens.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Write(string databasePath, Uri address)
    {
        // Whoever reads finds all of it or nothing.
        var file = PathFor(databasePath);
        File.WriteAllText(file + ".new", Reachable(address).AbsoluteUri + "\n");
        File.Move(file + ".new", file, overwrite: true);
    }

    /// <summary>The address to which a client on this host can connect: one that means every address becomes that of the host itself.</summary>
    public static Uri Reachable(Uri address)
    {
        ArgumentNullException.ThrowIfNull(address);
        if (!IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip)) return address;
        var reachable = ip.Equals(IPAddress.Any) ? "127.0.0.1" : ip.Equals(IPAddress.IPv6Any) ? "[::1]" : address.Host;
        return new UriBuilder(address) { Host = reachable }.Uri;
    }

    /// <summary>Reads the address; null when there is no file or it holds none.</summary>
    public static Uri? Read(string databasePath)
    {
        try
        {
            using var reader = new StreamReader(PathFor(databasePath));
            var text = new char[MaxLength];
            var length = reader.ReadBlock(text);
            return Uri.TryCreate(new string(text, 0, length).Trim(), UriKind.Absolute, out var address) && address.Scheme is "http" or "https" ? address : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Removes the file; without one nothing happens.</summary>
    public static void Remove(string databasePath)
    {
        try
        {
            File.Delete(PathFor(databasePath));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is harmless where it stays: the lock is what counts.
        }
    }
}
