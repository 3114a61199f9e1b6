using Fangs.Runner.Sandbox;

namespace Fangs.Tests.Runner.Sandbox;

/// <summary>Scans against the registry that the host's npm is configured for.</summary>
public sealed class PublicRegistrySpecs
{
    [SkippableFact]
    public async Task A_small_release_is_installed_and_imported()
    {
        SandboxHost.RequireKernel();
        await using var host = new SandboxHost(await NpmRegistry.ResolveAsync(null, CancellationToken.None).Soon());
        var (outcome, output) = await host.RunAsync(SandboxHost.Scan("is-odd", "3.0.1"));
        Assert.True(outcome.FailureReason is null, $"{outcome.FailureReason}\n{output}");
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("fangs import: main: exit 0", output);
        Assert.Equal(["install", "import"], host.Phases.Select(p => p.Phase));
    }

    [SkippableFact]
    public async Task A_version_that_does_not_exist_fails_with_the_words_of_npm()
    {
        SandboxHost.RequireKernel();
        await using var host = new SandboxHost(await NpmRegistry.ResolveAsync(null, CancellationToken.None).Soon());
        var (outcome, _) = await host.RunAsync(SandboxHost.Scan("is-odd", "99.99.99"));
        Assert.NotEqual(0, outcome.ExitCode);
        Assert.Contains("No matching version found for is-odd@99.99.99", outcome.FailureReason);
        Assert.Equal(["install"], host.Phases.Select(p => p.Phase));
    }
}
