using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Fangs.Protocol;
using Fangs.Runner.Bpf;
using Fangs.Runner.Sandbox.Network;
using Microsoft.Extensions.Logging;

namespace Fangs.Runner.Sandbox;

/// <summary>Makes sandboxes with runc: no daemon, no image store, no change to the host's network.</summary>
/// <remarks>
/// Everything of one runner lies below <c>{StateDirectory}/{hash of the runner id}</c> and in the cgroups <c>/fangs/{run}</c>; both are
/// enough for a later runner with the same id to clean up after a crash.
/// </remarks>
public sealed partial class OciSandboxDriver : ISandboxDriver
{
    private const string RuntimeDirectory = "runc";
    private const UnixFileMode Searchable = (UnixFileMode)0b111_001_001; // 0711: sandboxes run as other users

    private readonly OciSandboxSettings _settings;
    private readonly ILogger<OciSandboxDriver> _logger;
    private readonly TimeProvider _clock;
    private readonly string _directory;
    private readonly ConcurrentDictionary<RunId, bool> _live = new();

    /// <summary>Creates the driver; nothing happens on the host yet.</summary>
    public OciSandboxDriver(OciSandboxSettings settings, ILogger<OciSandboxDriver> logger, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(settings);
        (_settings, _logger, _clock) = (settings, logger, clock);
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(settings.RunnerId.Value)))[..16];
        _directory = Path.Combine(settings.StateDirectory, key);
    }

    /// <inheritdoc/>
    public string Capability => "sandbox.oci";

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> ProbeAsync(CancellationToken cancellationToken)
    {
        var missing = new List<string>();
        if (Native.EffectiveUserId() != 0) return ["The oci sandbox driver needs root: start the runner as root."];
        if (CommandLine.Find("runc") is null) missing.Add("runc is not installed (Debian package runc).");
        if (CgroupHost.Find() is { } host)
            missing.AddRange(host.MissingControllers().Select(c => $"No cgroup hierarchy offers the '{c}' controller, which limits sandboxes: enable it in the kernel's command line."));
        else missing.Add("cgroup v2 is not mounted: mount -t cgroup2 none /sys/fs/cgroup/unified, or boot with systemd.unified_cgroup_hierarchy=1.");
        if (!File.Exists("/proc/self/ns/user")) missing.Add("The kernel has no user namespaces (CONFIG_USER_NS).");
        foreach (var root in _settings.Images.Select(i => i.Directory).Distinct())
        {
            try
            {
                _ = await Toolchain.FindAsync(root, cancellationToken);
            }
            catch (SandboxException e)
            {
                missing.Add(e.Message);
            }
        }

        try
        {
            await using var gateway = Gateway.Start(new AllowList(_settings.Registry, _settings.AllowedHosts), answersNames: true, _clock);
        }
        catch (Exception e) when (e is SandboxException or BpfException)
        {
            missing.Add(e.Message);
        }

        return missing;
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> SweepAsync(CancellationToken cancellationToken)
    {
        var removed = new List<string>();
        if (!Directory.Exists(_directory) || CgroupHost.Find() is not { } host) return removed;
        var runtime = FindRuntime();
        foreach (var directory in Directory.GetDirectories(_directory))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (!RunId.TryParse(Path.GetFileName(directory), out var run) || _live.ContainsKey(run)) continue;
            var left = await RemoveTracesAsync(run, new SandboxCgroup(host, run), runtime);
            removed.Add(left.Count == 0 ? $"sandbox {run}" : $"sandbox {run}, except {string.Join(", ", left)}");
        }

        return removed;
    }

    /// <inheritdoc/>
    public async Task<ISandbox> CreateAsync(Job job, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(job);
        var plan = SandboxPlan.From(job, _settings);
        var host = CgroupHost.Find() ?? throw new SandboxException("cgroup v2 is not mounted on this host.");
        var runtime = FindRuntime();
        if (!_live.TryAdd(plan.Run, true)) throw new SandboxException($"The run {plan.Run} has a sandbox already.");
        var cgroup = new SandboxCgroup(host, plan.Run);
        Gateway? gateway = null;
        Process? process = null;
        try
        {
            var findToolchain = Toolchain.FindAsync(plan.Image.Directory, cancellationToken);
            var npm = await NpmSettings.ReadAsync(_settings.Registry, cancellationToken);
            var toolchain = await findToolchain;
            gateway = Gateway.Start(new AllowList(plan.HasNetwork ? npm.Registry : null, plan.HasNetwork ? _settings.AllowedHosts : []), plan.HasNetwork, _clock);
            var bundle = MakeBundle(plan.Run);
            var root = Path.Combine(bundle, "rootfs");
            var binds = RootFileSystem.Build(root, toolchain, plan, npm);
            await File.WriteAllTextAsync(
                Path.Combine(bundle, "config.json"),
                OciConfiguration.Build(plan, toolchain, _settings, binds, root, gateway.NamespacePath, cgroup.Name, host.CountsSwap()),
                cancellationToken);
            var processFile = Path.Combine(bundle, "pid");
            process = await runtime.CreateAsync(bundle, plan.Run.ToString(), processFile, cancellationToken);
            var first = int.Parse(await File.ReadAllTextAsync(processFile, cancellationToken), CultureInfo.InvariantCulture);
            cgroup.EnsureMember(first);
            cgroup.Verify(plan.Limits);
            return new OciSandbox(plan, toolchain, cgroup, runtime, gateway, process, first, _clock, RemoveAsync);
        }
        catch (Exception e)
        {
            process?.Dispose();
            await RemoveTracesAsync(plan.Run, cgroup, runtime);
            if (gateway is not null) await gateway.DisposeAsync();
            _live.TryRemove(plan.Run, out _);
            if (e is BpfException or IOException or UnauthorizedAccessException or Win32Exception)
                throw new SandboxException($"The sandbox cannot be made: {e.Message}", e);
            throw;
        }
    }

    private static Runc Runtime(string program, string directory) => new(program, Path.Combine(directory, RuntimeDirectory));

    private Runc FindRuntime() =>
        Runtime(CommandLine.Find("runc") ?? throw new SandboxException("runc is not installed (Debian package runc)."), _directory);

    private string BundleOf(RunId run) => Path.Combine(_directory, run.ToString());

    private string MakeBundle(RunId run)
    {
        var bundle = BundleOf(run);
        foreach (var directory in (string[])[_settings.StateDirectory, _directory, bundle])
        {
            if (Directory.Exists(directory)) continue;
            Directory.CreateDirectory(directory);
            Native.SetMode(directory, Searchable);
        }

        return bundle;
    }

    private async Task RemoveAsync(OciSandbox sandbox)
    {
        var left = await RemoveTracesAsync(sandbox.Run, sandbox.Cgroup, FindRuntime());
        if (left.Count > 0) LogLeftOver(_logger, sandbox.Run, left);
        if (_logger.IsEnabled(LogLevel.Debug)) Describe(sandbox);
        await sandbox.Gateway.DisposeAsync();
        _live.TryRemove(sandbox.Run, out _);
    }

    private void Describe(OciSandbox sandbox)
    {
        var records = sandbox.Gateway.Records;
        var refused = string.Join(", ", records.Where(r => r.Kind == GatewayRecordKind.Refused).Select(r => $"{(r.Name.Length > 0 ? r.Name : r.Address)}:{r.Port}").Distinct().Take(20));
        LogGateway(_logger, sandbox.Run, records.Count + sandbox.Gateway.Unrecorded, refused);
    }

    // What could not be removed. The order matters: nothing may run when its files go.
    private async Task<IReadOnlyList<string>> RemoveTracesAsync(RunId run, SandboxCgroup cgroup, Runc runtime)
    {
        var left = new List<string>();
        cgroup.Kill();
        if (await runtime.DeleteAsync(run.ToString()) is { } complaint) left.Add($"runc's state ({complaint})");
        left.AddRange(await cgroup.RemoveAsync(_clock));
        try
        {
            if (Directory.Exists(BundleOf(run))) Directory.Delete(BundleOf(run), recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            left.Add($"{BundleOf(run)} ({e.Message})");
        }

        return left;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The sandbox of run {Run} is not completely removed: {Left}")]
    private static partial void LogLeftOver(ILogger logger, RunId run, IReadOnlyList<string> left);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The gateway of run {Run} saw {Count} packets and connections; refused: {Refused}")]
    private static partial void LogGateway(ILogger logger, RunId run, int count, string refused);
}
