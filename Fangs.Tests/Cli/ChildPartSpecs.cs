using System.Diagnostics;
using Fangs.Cli.Up;
using Microsoft.AspNetCore.Http;

namespace Fangs.Tests.Cli;

/// <summary>The real executable as a child process. Its long-running command is a wait for a run that never ends.</summary>
public sealed class ChildPartSpecs : IAsyncLifetime
{
    private readonly CliFixture _cli = new CliFixture().Seeded();
    private readonly TaskCompletionSource _submitted = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private FakeServer _server = null!;

    private string Log => Path.Combine(_cli.Folder, "part.log");

    private string[] Waiting => ["scan", "submit", "-package=a", "-version=1.0.0", "-skip-registry-validate", "-wait", $"-orchestrator={_server.Address}", $"-sqlite-path={_cli.Database}"];

    public async Task InitializeAsync() => _server = await FakeServer.StartAsync(async (context, _) =>
    {
        context.Response.StatusCode = 202;
        await context.Response.WriteAsync($$"""{"queued":true,"run_id":"{{Seeds.Waiting}}"}""");
        _submitted.TrySetResult();
    });

    public async Task DisposeAsync()
    {
        await _server.DisposeAsync();
        _cli.Dispose();
    }

    [Fact]
    public async Task A_part_is_asked_to_end_and_does()
    {
        await using var part = ChildPart.Start("waiter", Log, Waiting, TimeProvider.System);
        await Task.WhenAny(_submitted.Task, part.WaitForExitAsync(CancellationToken.None)).Soon();
        Assert.False(part.HasExited, ReadLog());
        Assert.True(await part.StopAsync().Soon());
        Assert.True(part.HasExited);
        Assert.Contains("fangs: interrupted", ReadLog());
    }

    [Fact]
    public async Task A_part_ends_when_its_parent_is_gone()
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "fangs.dll"), .. Waiting])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[Supervision.Variable] = "1";
        using var child = Process.Start(start)!;
        try
        {
            var output = child.StandardOutput.ReadToEndAsync();
            var errors = child.StandardError.ReadToEndAsync();
            await Task.WhenAny(_submitted.Task, child.WaitForExitAsync()).Soon();
            Assert.False(child.HasExited);
            child.StandardInput.Close(); // what the kernel does for a parent that was killed
            await child.ExitSoonAsync();
            Assert.Equal((1, "fangs: interrupted\n"), (child.ExitCode, await errors.Soon()));
            await output.Soon();
        }
        finally
        {
            child.Kill();
        }
    }

    [Fact]
    public async Task The_end_of_a_part_is_told_with_what_it_logged_last()
    {
        await File.WriteAllTextAsync(Log, "words of an earlier start\n");
        await using var part = ChildPart.Start("lister", Log, ["run", "list", "extra"], TimeProvider.System);
        await part.WaitForExitAsync(CancellationToken.None).Soon();
        var message = part.Ended().Message;
        Assert.StartsWith($"the lister ended with status 2; the end of {Log}:\n  fangs: run list: unexpected argument 'extra'", message);
        Assert.DoesNotContain("earlier", message);
        Assert.StartsWith("words of an earlier start\nfangs: ", ReadLog());
    }

    private string ReadLog() => File.Exists(Log) ? File.ReadAllText(Log) : "";
}
