using System.Diagnostics;
using System.Security.Cryptography;
using Fangs.Protocol;
using Fangs.Runner.Sandbox;

namespace Fangs.Tests.Runner.Sandbox;

/// <summary>The release that a job announces and the one that npm finds are compared in a real sandbox.</summary>
public sealed class InstalledIntegritySpecs : IAsyncLifetime
{
    private ToyRegistry _registry = null!;
    private SandboxHost _host = null!;

    public async Task InitializeAsync()
    {
        _registry = await ToyRegistry.StartAsync();
        _host = SandboxHost.For(_registry);
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        await _registry.DisposeAsync();
    }

    [SkippableFact]
    public async Task The_announced_release_passes_and_the_result_says_what_was_installed()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", index: "console.log('imported')");
        var announced = Integrity(_registry.TarballOf("toy"));
        var (outcome, output) = await _host.RunAsync(Announced(announced, Sha1(_registry.TarballOf("toy"))));
        Assert.True(outcome.FailureReason is null, outcome.FailureReason);
        Assert.Equal(announced, outcome.Integrity);
        Assert.Contains("imported", output, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_tarball_other_than_announced_fails_the_run_before_anything_is_imported()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy", index: "console.log('the announced one')");
        var announced = Integrity(_registry.TarballOf("toy"));
        _registry.Publish("toy", index: "console.log('another one')"); // the registry changes its mind between watcher and runner
        var (outcome, output) = await _host.RunAsync(Announced(announced, null));
        Assert.Equal($"integrity mismatch: the registry announced {announced}, npm recorded {Integrity(_registry.TarballOf("toy"))}", outcome.FailureReason);
        Assert.Equal(Integrity(_registry.TarballOf("toy")), outcome.Integrity);
        Assert.DoesNotContain("another one", output, StringComparison.Ordinal);
        Assert.Equal(["install"], _host.Phases.Select(p => p.Phase));
    }

    [SkippableFact]
    public async Task A_release_that_has_only_a_SHA_1_is_compared_by_it()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy").AnnounceOnlySha1("toy");
        var (good, _) = await _host.RunAsync(Announced(null, Sha1(_registry.TarballOf("toy"))));
        Assert.True(good.FailureReason is null, good.FailureReason);
        var (bad, _) = await _host.RunAsync(Announced(null, new string('0', 40)));
        Assert.StartsWith("integrity mismatch: the registry announced sha1-", bad.FailureReason, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_job_without_an_announcement_is_not_compared_but_says_what_was_installed()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("toy");
        var (outcome, _) = await _host.RunAsync(Announced(null, null));
        Assert.True(outcome.FailureReason is null, outcome.FailureReason);
        Assert.Equal(Integrity(_registry.TarballOf("toy")), outcome.Integrity);
    }

    [SkippableFact]
    public async Task A_scoped_package_is_found_in_npms_record()
    {
        SandboxHost.RequireKernel();
        _registry.Publish("@scope/toy");
        var (outcome, _) = await _host.RunAsync(SandboxHost.Scan("@scope/toy", ToyRegistry.Version) with { Integrity = Integrity(_registry.TarballOf("@scope/toy")) });
        Assert.True(outcome.FailureReason is null, outcome.FailureReason);
        Assert.Equal(Integrity(_registry.TarballOf("@scope/toy")), outcome.Integrity);
    }

    [SkippableTheory]
    [InlineData("sha512-short", null)]
    [InlineData(null, "not hex")]
    public async Task What_cannot_be_compared_is_refused(string? integrity, string? sha1)
    {
        SandboxHost.RequireKernel();
        await Assert.ThrowsAsync<SandboxException>(() => _host.Driver().CreateAsync(Announced(integrity, sha1), CancellationToken.None));
    }

    private static Job Announced(string? integrity, string? sha1) => SandboxHost.Scan("toy", ToyRegistry.Version) with { Integrity = integrity, TarballSha1 = sha1 };

    private static string Integrity(byte[] tarball) => "sha512-" + Convert.ToBase64String(SHA512.HashData(tarball));

#pragma warning disable CA5350 // what old releases have
    private static string Sha1(byte[] tarball) => Convert.ToHexStringLower(SHA1.HashData(tarball));
#pragma warning restore CA5350
}

/// <summary>npm's record, in file systems that a hostile package might leave behind.</summary>
public sealed class NpmRecordSpecs : IDisposable
{
    private const string Sound = """{"packages":{"":{"integrity":"no"},"node_modules/toy":{"version":"1.0.0","integrity":"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="}}}""";

    private readonly string _root = Directory.CreateTempSubdirectory("fangs-record-").FullName;

    private string Modules => Path.Combine(_root, "work/node_modules");

    private string Record => Path.Combine(Modules, ".package-lock.json");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_sound_record_is_read()
    {
        Write(Sound);
        Assert.Equal(new NpmRecord("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=", null), NpmRecord.Read(_root, "toy", "1.0.0"));
        Assert.NotNull(NpmRecord.Read(_root, "toy", "1.0.0+build.7").Integrity); // npm leaves build metadata out
        Assert.Contains("has version 1.0.0", NpmRecord.Read(_root, "toy", "1.0.1").Fault, StringComparison.Ordinal);
        Assert.Contains("does not have the package", NpmRecord.Read(_root, "other", "1.0.0").Fault, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "cannot be read")]
    [InlineData("{", "cannot be read")]
    [InlineData("[]", "does not have the package")]
    [InlineData("{\"packages\":7}", "does not have the package")]
    [InlineData("{\"packages\":{\"node_modules/toy\":{\"version\":\"1.0.0\"}}}", "no digest")]
    [InlineData("{\"packages\":{\"node_modules/toy\":{\"version\":7,\"integrity\":\"x\"}}}", "has version (none)")]
    [InlineData("{\"packages\":{\"node_modules/toy\":{\"version\":\"1.0.0\",\"integrity\":\"x\"}}}", "has the digest x")]
    [InlineData("{\"packages\":{\"node_modules/toy\":{\"version\":\"\\ud800\",\"integrity\":\"x\"}}}", "cannot be read")]
    public void Another_text_is_a_fault_in_words(string text, string words)
    {
        Write(text);
        var record = NpmRecord.Read(_root, "toy", "1.0.0");
        Assert.Null(record.Integrity);
        Assert.Contains(words, record.Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_is_not_followed_wherever_it_stands()
    {
        var elsewhere = Path.Combine(_root, "elsewhere");
        Directory.CreateDirectory(Path.Combine(elsewhere, "node_modules"));
        File.WriteAllText(Path.Combine(elsewhere, "node_modules/.package-lock.json"), Sound);
        Directory.CreateDirectory(Modules);
        File.CreateSymbolicLink(Record, Path.Combine(elsewhere, "node_modules/.package-lock.json"));
        Assert.Null(NpmRecord.Read(_root, "toy", "1.0.0").Integrity);
        File.Delete(Record);
        Directory.Delete(Modules);
        File.CreateSymbolicLink(Modules, "../elsewhere/node_modules"); // stays inside, and is refused all the same
        Assert.Null(NpmRecord.Read(_root, "toy", "1.0.0").Integrity);
    }

    [Fact]
    public async Task A_pipe_or_a_directory_or_an_endless_file_in_its_place_holds_nobody_up()
    {
        Directory.CreateDirectory(Modules);
        using (var mkfifo = Process.Start("mkfifo", Record)) await mkfifo.WaitForExitAsync();
        var reading = Task.Run(() => NpmRecord.Read(_root, "toy", "1.0.0"));
        Assert.Null((await reading.WaitAsync(TimeSpan.FromSeconds(20))).Integrity);
        File.Delete(Record);
        Directory.CreateDirectory(Record);
        Assert.Null(NpmRecord.Read(_root, "toy", "1.0.0").Integrity);
        Directory.Delete(Record);
        await using (var file = File.Create(Record)) file.SetLength(1L << 40);
        Assert.Contains("bytes", NpmRecord.Read(_root, "toy", "1.0.0").Fault, StringComparison.Ordinal);
    }

    [Fact]
    public void No_record_is_a_fault() => Assert.Contains("cannot be read", NpmRecord.Read(_root, "toy", "1.0.0").Fault, StringComparison.Ordinal);

    private void Write(string text)
    {
        Directory.CreateDirectory(Modules);
        File.WriteAllText(Record, text);
    }
}
