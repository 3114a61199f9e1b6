using Fangs.Protocol;

namespace Fangs.Runner.Sandbox;

/// <summary>Makes sandboxes of one kind.</summary>
public interface ISandboxDriver
{
    /// <summary>The capability to advertise, see <see cref="Protocol.Capability"/>.</summary>
    string Capability { get; }

    /// <summary>Finds out whether the host has what the driver needs.</summary>
    /// <returns>What is missing, one sentence each with the remedy; empty when all is there.</returns>
    Task<IReadOnlyList<string>> ProbeAsync(CancellationToken cancellationToken);

    /// <summary>Removes what crashed runners with the same runner id left behind: sandboxes, cgroups, network namespaces, directories.</summary>
    /// <returns>What was removed, one line each.</returns>
    Task<IReadOnlyList<string>> SweepAsync(CancellationToken cancellationToken);

    /// <summary>Makes a sandbox up to the point where its first instruction could run. Its cgroup exists afterwards.</summary>
    /// <exception cref="SandboxException">The job asks for something that this driver does not have, or the runtime fails; the message is shown to operators.</exception>
    Task<ISandbox> CreateAsync(Job job, CancellationToken cancellationToken);
}

/// <summary>A sandbox could not be made or run. The message goes into the run's failure reason.</summary>
public sealed class SandboxException : Exception
{
    /// <summary>Creates the exception.</summary>
    public SandboxException(string message) : base(message) { }

    /// <summary>Creates the exception with its cause.</summary>
    public SandboxException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>One sandbox. Disposing kills what still runs in it and removes every trace.</summary>
public interface ISandbox : IAsyncDisposable
{
    /// <summary>Absolute path of its cgroup v2 directory.</summary>
    string CgroupPath { get; }

    /// <summary>What this sandbox's layout wants watched in addition to the job's paths: its work and home directories, and its decoy credentials, tagged.</summary>
    IReadOnlyList<WatchedPath> WatchedPaths { get; }

    /// <summary>
    /// Runs the phases one after another. Before each, calls <paramref name="expectPhase"/> with the phase's name and its fresh nonce and
    /// then executes a program with the arguments <c>fangs-phase {nonce} {phase}</c> inside, so that the sensor sees the border.
    /// The first phase is announced before anything runs inside.
    /// What the package left running goes on until the sandbox is disposed, so that a grace period can be recorded.
    /// </summary>
    /// <param name="expectPhase">Tells the sensor; see <c>ISensorSession.ExpectPhase</c>.</param>
    /// <param name="cancellationToken">Ends the run at its deadline; what runs is killed.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="SandboxException">The runtime failed.</exception>
    Task<SandboxOutcome> RunAsync(Action<string, string> expectPhase, CancellationToken cancellationToken);

    /// <summary>The last output so far, at most 4,096 characters, also after a cancelled run.</summary>
    string OutputTail { get; }

    /// <summary>Which limits have been hit so far, in words for operators, also after a cancelled run; empty when none has.</summary>
    string LimitsHit { get; }
}

/// <summary>How the command of a sandbox ended.</summary>
/// <param name="ExitCode">npm's exit status (128 + signal when killed), or the command's for jobs with a command.</param>
/// <param name="FailureReason">Why the run is to count as failed, in words for operators; null when all went well.</param>
/// <param name="NodeVersion">Version of node inside, when known.</param>
/// <param name="NpmVersion">Version of npm inside, when known.</param>
/// <param name="ImageDigest">What identifies the root file system, when known.</param>
public sealed record SandboxOutcome(int ExitCode, string? FailureReason, string? NodeVersion, string? NpmVersion, string? ImageDigest)
{
    /// <summary>Subresource integrity of the package as npm recorded what it installed; null when it was not installed or npm recorded none.</summary>
    public string? Integrity { get; init; }
}
