using System.Text.Json;
using System.Text.RegularExpressions;
using Fangs.Runner.Sandbox;
using Fangs.Runner.Sensor;
using Fangs.Tests.Storage;

namespace Fangs.Tests.EndToEnd;

/// <summary>The whole of it as a team would run it: certificates made by the commands, mutual TLS between all parts, everything in PostgreSQL.</summary>
public sealed partial class SecuredScanSpecs : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("fangs-secured-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [SkippableFact]
    public async Task A_real_package_is_scanned_over_mutual_TLS_into_PostgreSQL()
    {
        var missing = EbpfSensor.Probe();
        Skip.If(missing.Count > 0, string.Join(' ', missing));
        foreach (var what in new[] { "init", "runner lab-1", "operator alice" }) await FangsAsync(["certs", .. what.Split(' '), "-out", _directory]);
        var dsn = PostgresServer.NewDatabase();
        string[] storage = ["-storage", "postgres", "-postgres-dsn", dsn.ConnectionString];
        try
        {
            await using var orchestrator = FangsProcess.Start(
                ["orchestrator", "-addr", "127.0.0.1:0", "-watch=false", "-tls-cert", In("server.crt"), "-tls-key", In("server.key"), "-tls-client-ca", In("ca.crt"), .. storage]);
            await Limits.UntilAsync(() => orchestrator.HasExited || Listening().IsMatch(orchestrator.Log));
            var address = Listening().Match(orchestrator.Log).Groups[1].Value;
            Assert.True(address.StartsWith("https://", StringComparison.Ordinal), orchestrator.Log);
            await using var runner = FangsProcess.Start(
                ["runner", "-orchestrator", address, "-runner-id", "lab-1", "-state-dir", "/run/fangs-test-secured", .. Certificate("runner-lab-1")]);

            string[] asAlice = ["-orchestrator", address, .. Certificate("operator-alice")];
            await FangsAsync(["scan", "submit", "-package", "is-odd", "-version", "3.0.1", "-duration", "120s", "-wait", .. asAlice, .. storage]);
            using var runs = JsonDocument.Parse(await FangsAsync(["-json", "run", "list", .. storage]));
            var run = Assert.Single(runs.RootElement.EnumerateArray());
            Assert.Equal(("done", "is-odd", 0, true), (
                run.GetProperty("State").GetString(), run.GetProperty("PackageName").GetString(), run.GetProperty("EventsDropped").GetInt64(), run.GetProperty("IsBaseline").GetBoolean()));
            Assert.True(run.GetProperty("EventsEmitted").GetInt64() > 50);
            var shown = await FangsAsync(["run", "show", run.GetProperty("ID").GetString()!, "-events", .. storage]);
            Assert.Contains("npm", shown, StringComparison.Ordinal);
            Assert.Contains("lab-1", await FangsAsync(["actors", .. asAlice]), StringComparison.Ordinal);

            Assert.Equal(0, await runner.TerminateAsync());
            Assert.Equal(0, await orchestrator.TerminateAsync());
            Assert.DoesNotContain(PostgresServer.Password, orchestrator.Log + runner.Log, StringComparison.Ordinal);
            Assert.DoesNotContain(Uri.EscapeDataString(PostgresServer.Password), orchestrator.Log + runner.Log, StringComparison.Ordinal);
        }
        finally
        {
            PostgresServer.Drop(dsn);
        }
    }

    private static async Task<string> FangsAsync(string[] arguments)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(180));
        var result = await CommandLine.RunAsync(Path.Combine(AppContext.BaseDirectory, "fangs"), arguments, limit.Token);
        Assert.True(result.ExitCode == 0, $"{arguments[0]}: {result.Output}{result.Error}");
        return result.Output;
    }

    private string[] Certificate(string name) => ["-tls-ca", In("ca.crt"), "-tls-cert", In(name + ".crt"), "-tls-key", In(name + ".key")];

    private string In(string name) => Path.Combine(_directory, name);

    [GeneratedRegex("Listening on (https?://[^ ]+)")]
    private static partial Regex Listening();
}
