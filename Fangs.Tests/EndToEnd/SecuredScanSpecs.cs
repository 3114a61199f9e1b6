using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.RegularExpressions;
using Fangs.Actors.Storage.Postgres;
using Fangs.Protocol;
using Fangs.Runner.Sandbox;
using Fangs.Runner.Sensor;
using Fangs.Tests.Storage;
using Npgsql;

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
            await DashboardAsync(address, run.GetProperty("ID").GetString()!, dsn);

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

    // With an operator's certificate the browser needs no token; a runner's opens no page, and without one there is no connection.
    private async Task DashboardAsync(string address, string run, PostgresDsn dsn)
    {
        using var alice = Browser("operator-alice", address);
        var page = await alice.GetStringAsync($"/ui/runs/{run}").Soon();
        Assert.Contains("clean", page, StringComparison.Ordinal);
        Assert.Contains("alice", page, StringComparison.Ordinal);
        var form = FormToken().Match(page).Groups[1].Value;
        foreach (var (token, status) in new[] { ("forged", HttpStatusCode.Forbidden), (form, HttpStatusCode.Redirect) })
        {
            using var content = new FormUrlEncodedContent(new Dictionary<string, string>
            {
                ["form_token"] = token,
                ["action"] = DecisionAction.Demote,
                ["subject"] = run,
                ["note"] = "seen in the browser",
                ["to"] = "/ui/",
            });
            using var answer = await alice.PostAsync("/ui/actions/decide", content).Soon();
            Assert.True(status == answer.StatusCode, $"{answer.StatusCode}: {await answer.Content.ReadAsStringAsync().Soon()}");
        }

        using (var connection = new NpgsqlConnection(dsn.Unpooled("tests")))
        {
            connection.Open();
            using var command = new NpgsqlCommand("SELECT actor || '|' || action FROM audit_log ORDER BY id DESC LIMIT 1", connection);
            Assert.Equal($"alice|{DecisionAction.Demote}", command.ExecuteScalar());
        }

        using var runner = Browser("runner-lab-1", address);
        using var refused = await runner.GetAsync("/ui/").Soon();
        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        using var nobody = Browser(null, address);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => nobody.GetAsync("/ui/").Soon());
    }

    private HttpClient Browser(string? certificate, string address)
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false };
        var authority = X509CertificateLoader.LoadCertificateFromFile(In("ca.crt"));
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) =>
        {
            using var chain = new X509Chain { ChainPolicy = { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck } };
            chain.ChainPolicy.CustomTrustStore.Add(authority);
            return shown is X509Certificate2 server && chain.Build(server);
        };
        if (certificate is not null) handler.SslOptions.ClientCertificates = [X509Certificate2.CreateFromPemFile(In(certificate + ".crt"), In(certificate + ".key"))];
        return new HttpClient(handler) { BaseAddress = new Uri(address) };
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

    [GeneratedRegex("name=\"form_token\" value=\"([0-9a-f]+)\"")]
    private static partial Regex FormToken();

    [GeneratedRegex("Listening on (https?://[^ ]+)")]
    private static partial Regex Listening();
}
