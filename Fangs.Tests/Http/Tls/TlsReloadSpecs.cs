using System.Collections.Concurrent;
using System.Net.Http.Json;

namespace Fangs.Tests.Http.Tls;

/// <summary>Files that are replaced while the orchestrator runs.</summary>
public sealed class TlsReloadSpecs : IAsyncLifetime
{
    private TlsFixture _orchestrator = null!;

    public async Task InitializeAsync() => _orchestrator = await TlsFixture.StartAsync(TlsMode.Mutual);

    public async Task DisposeAsync() => await _orchestrator.DisposeAsync();

    [Fact]
    public async Task New_connections_get_the_new_certificate_while_old_ones_go_on()
    {
        var runner = await _orchestrator.Pki.MakeAsync("runner", "r1");
        var (before, after) = (new ConcurrentQueue<string>(), new ConcurrentQueue<string>());
        using var old = _orchestrator.Pki.Client(_orchestrator.Host.Address, runner, seen: c => before.Enqueue(c.GetCertHashString()));
        await CheckHealthAsync(old);

        await _orchestrator.Pki.MakeAsync("server", "-hosts", "renewed.example", "-force");
        await _orchestrator.Log.UntilAsync("Information: The TLS files have changed", "CN=renewed.example");

        using var young = _orchestrator.Pki.Client(_orchestrator.Host.Address, runner, seen: c => after.Enqueue(c.GetCertHashString()));
        await CheckHealthAsync(young);
        await CheckHealthAsync(old);
        Assert.NotEqual(Assert.Single(before), Assert.Single(after)); // one handshake each: the old connection is still the first
    }

    [Fact]
    public async Task A_parked_poll_survives_the_change()
    {
        var runner = await _orchestrator.Pki.MakeAsync("runner", "r1");
        using var alice = _orchestrator.Client(await _orchestrator.Pki.MakeAsync("operator", "alice"));
        using var r1 = _orchestrator.Client(runner);
        (await r1.PostAsync("/v1/runners/register", new StringContent("""{"runner_id":"r1","proto_version":1}"""))).EnsureSuccessStatusCode();
        var poll = r1.GetAsync("/v1/runners/r1/jobs");
        await _orchestrator.Pki.MakeAsync("server", "-force");
        await _orchestrator.Log.UntilAsync("Information: The TLS files have changed");
        (await alice.PostAsJsonAsync("/v1/scans", new { target_runner = "r1", Job = new { package_name = "a", version = "1.0.0" } })).EnsureSuccessStatusCode();
        Assert.Equal(200, (int)(await poll).StatusCode);
    }

    [Fact]
    public async Task Files_that_cannot_be_used_leave_the_old_certificate_in_force()
    {
        var runner = await _orchestrator.Pki.MakeAsync("runner", "r1");
        var (certificate, key) = (_orchestrator.Pki.File("server.crt"), _orchestrator.Pki.File("server.key"));
        var good = (await File.ReadAllTextAsync(certificate), await File.ReadAllTextAsync(key));
        async Task BrokenAsync(string part)
        {
            await _orchestrator.Log.UntilAsync("Error: The TLS files have changed but cannot be used, so the old ones stay in force", part);
            using var client = _orchestrator.Client(runner);
            await CheckHealthAsync(client);
        }

        await File.WriteAllTextAsync(certificate, "half a certif");
        await BrokenAsync("holds no certificate");
        File.Copy(_orchestrator.Pki.File("runner-r1.crt"), certificate, overwrite: true);
        await BrokenAsync("is not the key of the certificate");
        File.Delete(certificate);
        await BrokenAsync("cannot be read");
        await File.WriteAllTextAsync(certificate, good.Item1);
        File.Delete(key);
        await BrokenAsync("server.key cannot be read");

        // What was mended is used again, without a word about the meantime.
        await _orchestrator.Pki.MakeAsync("server", "-hosts", "mended.example", "-force");
        await _orchestrator.Log.UntilAsync("Information: The TLS files have changed", "CN=mended.example");
        var reports = _orchestrator.Log.Lines.Where(line => line.StartsWith("Error: The TLS files", StringComparison.Ordinal)).ToList();
        Assert.Equal(reports.Distinct(), reports); // each state once, however often it was looked at
    }

    [Fact]
    public async Task Another_client_authority_decides_about_new_connections()
    {
        using var successor = await Pki.CreateAsync();
        var runner = await _orchestrator.Pki.MakeAsync("runner", "r1");
        var newcomer = await successor.MakeAsync("runner", "r2");
        using var old = _orchestrator.Client(runner);
        using var early = _orchestrator.Client(newcomer);
        await CheckHealthAsync(old);
        await Assert.ThrowsAsync<HttpRequestException>(() => early.GetAsync("/v1/health"));

        // As a symbolic link that is pointed elsewhere, which is how mounted secrets change.
        var (ca, kept) = (_orchestrator.Pki.File("ca.crt"), _orchestrator.Pki.File("kept.crt"));
        File.Copy(ca, kept);
        File.CreateSymbolicLink(ca + ".new", successor.File("ca.crt"));
        File.Move(ca + ".new", ca, overwrite: true);
        await _orchestrator.Log.UntilAsync("Information: The TLS files have changed");

        await CheckHealthAsync(old);
        using var late = _orchestrator.Pki.Client(_orchestrator.Host.Address, newcomer, trust: kept); // the orchestrator's own certificate is of the first authority
        await CheckHealthAsync(late);
        using var stale = _orchestrator.Pki.Client(_orchestrator.Host.Address, runner, trust: kept);
        await Assert.ThrowsAsync<HttpRequestException>(() => stale.GetAsync("/v1/health"));
    }

    [Fact]
    public async Task Two_authorities_in_one_file_carry_over_the_change_from_one_to_the_other()
    {
        using var successor = await Pki.CreateAsync();
        var (old, young) = (await _orchestrator.Pki.MakeAsync("runner", "r1"), await successor.MakeAsync("runner", "r1"));
        var (ca, kept) = (_orchestrator.Pki.File("ca.crt"), _orchestrator.Pki.File("kept.crt"));
        File.Copy(ca, kept);
        await File.WriteAllTextAsync(ca + ".new", await File.ReadAllTextAsync(successor.File("ca.crt")) + await File.ReadAllTextAsync(ca));
        File.Move(ca + ".new", ca, overwrite: true);
        await _orchestrator.Log.UntilAsync("Information: The TLS files have changed");
        foreach (var certificate in new[] { old, young })
        {
            using var client = _orchestrator.Pki.Client(_orchestrator.Host.Address, certificate, trust: kept);
            await CheckHealthAsync(client);
        }
    }

    private static async Task CheckHealthAsync(HttpClient client)
    {
        using var answer = await client.GetAsync("/v1/health");
        Assert.Equal(200, (int)answer.StatusCode);
    }
}
