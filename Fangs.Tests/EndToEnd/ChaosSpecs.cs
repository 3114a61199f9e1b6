using System.Diagnostics;
using Fangs.Runner.Sensor;

namespace Fangs.Tests.EndToEnd;

/// <summary>The chaos test as users run it, for three minutes of faults.</summary>
public sealed class ChaosSpecs
{
    // Faults, the recovery from the last of them (a lease or a liveness window of 90 s, repeated runs), and the check.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);

    [SkippableFact]
    public async Task Three_minutes_of_faults_break_no_promise()
    {
        var missing = EbpfSensor.Probe();
        Skip.If(missing.Count > 0, string.Join(' ', missing));
        using var chaos = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "Fangs.Chaos"),
            ["--minutes", "3", "--seed", "20", "--fangs", Path.Combine(AppContext.BaseDirectory, "fangs")])
        { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, error) = (chaos.StandardOutput.ReadToEndAsync(), chaos.StandardError.ReadToEndAsync());
        try
        {
            await chaos.WaitForExitAsync().WaitAsync(Limit);
        }
        catch (TimeoutException)
        {
            chaos.Kill(entireProcessTree: true);
            throw;
        }

        var said = await output.Soon() + await error.Soon();
        Assert.True(chaos.ExitCode == 0, said);
        Assert.Contains("every promise was kept", said, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--minutes", "0")]
    [InlineData("--minutes", "soon")]
    [InlineData("--seed")]
    [InlineData("--runners", "0")]
    [InlineData("--more", "1")]
    public void Wrong_arguments_are_refused(params string[] arguments) =>
        Assert.Null(Fangs.Chaos.ChaosCommand.Parse(["--fangs", Path.Combine(AppContext.BaseDirectory, "fangs"), .. arguments]));
}
