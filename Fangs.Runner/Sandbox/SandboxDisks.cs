namespace Fangs.Runner.Sandbox;

/// <summary>Whether a sandbox has used up the space of its file systems.</summary>
internal static class SandboxDisks
{
    private const string FullInWords = "no space left on device"; // of the C library, and of node behind "ENOSPC"

    /// <summary>Which file systems are full, in words; empty when none is and the package has not met a full one.</summary>
    /// <param name="process">A process of the sandbox, by whose root its mounts are reached. When it is gone, so are they.</param>
    /// <param name="plan">Where the file systems are and how large.</param>
    /// <param name="output">What the package printed: npm removes what it could not install, and with it what filled the disk.</param>
    internal static string Exhaustion(int process, SandboxPlan plan, string output)
    {
        string[] full = [.. ((string[])["/tmp", "/var/tmp", SandboxPlan.ProjectDirectory, plan.Home]).Where(mount => IsFull($"/proc/{process}/root{mount}"))];
        if (full.Length > 0) return $"the disk quota of {OciConfiguration.QuotaOf(plan.Limits) >> 20} MiB of {string.Join(" and ", full)} is used up";
        return output.Contains(FullInWords, StringComparison.OrdinalIgnoreCase) ? "the output tells of a full disk quota" : "";
    }

    private static bool IsFull(string mount)
    {
        try
        {
            return new DriveInfo(mount).AvailableFreeSpace == 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
