using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using Fangs.Runner.Sandbox;
using Fangs.Tests.Storage;

namespace Fangs.Tests.Deployment;

/// <summary>
/// The units under <c>deploy/systemd</c>: what they grant suffices for a real scan. The processes are started with the privileges of the units by
/// setpriv(1), because systemd itself does not run where tests run.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class SystemdUnitSpecs : IDisposable
{
    private static readonly string Units = Path.Combine(Repository.Root, "deploy/systemd");
    private readonly string _directory = Directory.CreateTempSubdirectory("fangs-units-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [SkippableFact]
    public async Task An_unprivileged_orchestrator_and_a_runner_with_the_capabilities_of_its_unit_scan_a_real_package()
    {
        Skip.IfNot(Environment.IsPrivilegedProcess, "needs root: the runner of the unit is root");
        Assert.Equal("", Of("fangs-orchestrator", "CapabilityBoundingSet"));
        Assert.Equal(("yes", "yes"), (Of("fangs-orchestrator", "NoNewPrivileges"), Of("fangs-runner", "NoNewPrivileges")));
        File.SetUnixFileMode(_directory, (UnixFileMode)0b111_111_111);
        var database = Path.Combine(_directory, "fangs.db");
        var address = $"127.0.0.1:{FreePort()}";
        var capabilities = string.Concat(Of("fangs-runner", "CapabilityBoundingSet").Split(' ').Select(name => $",+{name["CAP_".Length..].ToLowerInvariant()}"));
        using var orchestrator = Start("--reuid=nobody", "--regid=nogroup", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs",
            Fangs, "orchestrator", "-addr", address, "-sqlite-path", database, "-watch=false");
        try
        {
            await ServesAsync(orchestrator, address);
            Assert.Equal("0000000000000000", StatusOf(orchestrator.Process.Id, "CapPrm"));
            using var runner = Start($"--bounding-set=-all{capabilities}", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs",
                Fangs, "runner", "-orchestrator", $"http://{address}", "-runner-id", "bounded", "-state-dir", Path.Combine(_directory, "run"));
            try
            {
                using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(120));
                var scan = await CommandLine.RunAsync(
                    Fangs, ["scan", "submit", "-orchestrator", $"http://{address}", "-sqlite-path", database, "-package", "is-odd", "-version", "3.0.1", "-wait"], limit.Token);
                Assert.True(scan.ExitCode == 0, $"{scan.Output}{scan.Error}{runner.Log}{orchestrator.Log}");
                Assert.Equal(["done|1|0"], LedgerFixture.RowsOf(database, "SELECT state, conclusive, (SELECT count(*) FROM deviations) FROM runs"));
                Assert.Equal(0, await StopAsync(runner.Process));
            }
            finally
            {
                if (!runner.Process.HasExited) runner.Process.Kill(entireProcessTree: true);
            }

            Assert.Equal(0, await StopAsync(orchestrator.Process));
        }
        finally
        {
            if (!orchestrator.Process.HasExited) orchestrator.Process.Kill(entireProcessTree: true);
        }
    }

    [SkippableFact]
    public async Task A_runner_without_a_capability_that_it_needs_says_so_and_does_not_start()
    {
        Skip.IfNot(Environment.IsPrivilegedProcess, "needs root");
        using var runner = Start("--bounding-set=-net_bind_service", "--inh-caps=-all", "--ambient-caps=-all", Fangs, "runner", "-orchestrator", "http://127.0.0.1:1",
            "-runner-id", "unbound", "-state-dir", Path.Combine(_directory, "run"));
        await runner.Process.ExitSoonAsync();
        Assert.Equal(1, runner.Process.ExitCode);
        Assert.Contains("CAP_NET_BIND_SERVICE", runner.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled exception", runner.Log, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Systemd_accepts_the_units_and_finds_the_orchestrator_well_locked_up()
    {
        Skip.If(CommandLine.Find("systemd-analyze") is null, "systemd-analyze is not installed (Debian package systemd)");
        using var limit = new CancellationTokenSource(Limits.Patience);
        foreach (var name in new[] { "fangs-orchestrator.service", "fangs-runner.service" })
        {
            // The checker wants the program and the user to exist.
            var text = (await File.ReadAllTextAsync(Path.Combine(Units, name), limit.Token)).Replace("/usr/local/bin/fangs", "/bin/true", StringComparison.Ordinal)
                .Replace("User=fangs", "User=daemon", StringComparison.Ordinal).Replace("Group=fangs", "Group=daemon", StringComparison.Ordinal);
            await File.WriteAllTextAsync(Path.Combine(_directory, name), text, limit.Token);
            var verified = await CommandLine.RunAsync("systemd-analyze", ["verify", Path.Combine(_directory, name)], limit.Token);
            Assert.Equal((0, ""), (verified.ExitCode, string.Join('\n', verified.Error.Split('\n').Where(line => line.Contains(_directory, StringComparison.Ordinal)))));
        }

        // Tenths of its scale from 0 (locked up) to 100 (exposed).
        var rated = await CommandLine.RunAsync("systemd-analyze", ["security", "--offline=true", "--threshold=20", Path.Combine(_directory, "fangs-orchestrator.service")], limit.Token);
        Assert.True(rated.ExitCode == 0, rated.Output);
    }

    private static string Fangs => Path.Combine(AppContext.BaseDirectory, "fangs");

    private static string Of(string unit, string key) =>
        File.ReadLines(Path.Combine(Units, unit + ".service")).Single(line => line.StartsWith(key + "=", StringComparison.Ordinal))[(key.Length + 1)..];

    private static string StatusOf(int process, string key) =>
        File.ReadLines($"/proc/{process}/status").Single(line => line.StartsWith(key + ":", StringComparison.Ordinal))[(key.Length + 1)..].Trim();

    private static async Task ServesAsync(Started orchestrator, string address)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://{address}") };
        using var limit = new CancellationTokenSource(Limits.Patience);
        while (true)
        {
            try
            {
                if ((await http.GetAsync("/v1/health", limit.Token)).IsSuccessStatusCode) return;
            }
            catch (HttpRequestException) when (!orchestrator.Process.HasExited)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, limit.Token);
            }
            catch (HttpRequestException e)
            {
                throw new InvalidOperationException(orchestrator.Log, e);
            }
        }
    }

    private static async Task<int> StopAsync(Process process)
    {
        using var kill = Process.Start("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.ExitSoonAsync();
        await process.ExitSoonAsync();
        return process.ExitCode;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static Started Start(params string[] arguments) => new(arguments);

    private sealed class Started : IDisposable
    {
        private readonly System.Text.StringBuilder _log = new();

        internal Started(string[] arguments)
        {
            Process = new Process { StartInfo = new ProcessStartInfo("setpriv", arguments) { RedirectStandardOutput = true, RedirectStandardError = true } };
            Process.OutputDataReceived += Keep;
            Process.ErrorDataReceived += Keep;
            Process.Start();
            Process.BeginOutputReadLine();
            Process.BeginErrorReadLine();
        }

        internal Process Process { get; }

        internal string Log
        {
            get
            {
                lock (_log) return _log.ToString();
            }
        }

        public void Dispose() => Process.Dispose();

        private void Keep(object sender, DataReceivedEventArgs line)
        {
            lock (_log) _log.AppendLine(line.Data);
        }
    }
}
