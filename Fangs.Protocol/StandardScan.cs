namespace Fangs.Protocol;

/// <summary>The scan of one release as the watcher and the command line ask for it.</summary>
public static class StandardScan
{
    /// <summary>Upper bound of a run.</summary>
    public static readonly TimeSpan Duration = TimeSpan.FromSeconds(60);

    /// <summary>A job with the standard sandbox; run, watched paths and time are for the caller or the orchestrator to fill.</summary>
    public static Job JobFor(string package, string version, TimeSpan duration) => new()
    {
        Kind = JobKind.SandboxScan,
        PackageName = package,
        Version = version,
        Duration = Nanoseconds.From(duration),
        // No command: a job that names package and version runs the built-in phases. No user: drivers default to an ordinary one.
        Sandbox = new SandboxSpec
        {
            Image = "node:20-slim",
            NetworkMode = "bridge",
            PullPolicy = "missing",
            GracePeriod = Nanoseconds.From(TimeSpan.FromSeconds(2)),
        },
    };
}
