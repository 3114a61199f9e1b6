using System.Text.Json;

namespace Fangs.Tests.Cli;

public sealed class RunListSpecs : IDisposable
{
    private readonly CliFixture _cli = new CliFixture().Seeded();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Runs_are_listed_newest_first()
    {
        var result = await _cli.RunAsync("run", "list");
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        CliFixture.Approve(result.Out, "run-list");
    }

    [Fact]
    public async Task Runs_are_listed_as_JSON()
    {
        var result = await _cli.RunAsync("-json", "run", "list", "-package", "left-thing");
        Assert.Equal(0, result.ExitCode);
        CliFixture.Approve(result.Out, "run-list-json");
    }

    [Fact]
    public async Task A_limit_keeps_the_newest()
    {
        var result = await _cli.RunAsync("run", "list", "-limit", "1", "-json");
        Assert.Equal(Seeds.Inconclusive, JsonDocument.Parse(result.Out).RootElement.EnumerateArray().Single().GetProperty("ID").GetString());
    }

    [Fact]
    public async Task No_runs_are_none_in_text_and_an_empty_list_in_JSON()
    {
        Assert.Equal("(none)\n", (await _cli.RunAsync("run", "list", "-package", "unknown")).Out);
        Assert.Equal("[]\n", (await _cli.RunAsync("-json", "run", "list", "-package", "unknown")).Out);
    }

    [Fact]
    public async Task Packages_are_summarised_by_their_latest_run()
    {
        CliFixture.Approve((await _cli.RunAsync("package", "list")).Out, "package-list");
        CliFixture.Approve((await _cli.RunAsync("package", "list", "-json")).Out, "package-list-json");
    }

    [Fact]
    public async Task Colours_are_for_terminals_that_want_them()
    {
        Assert.DoesNotContain("\u001b", (await _cli.RunAsync("run", "list")).Out);
        _cli.IsOutputTerminal = true;
        Assert.Contains("\u001b[", (await _cli.RunAsync("run", "list")).Out);
        _cli.Set("NO_COLOR", "1");
        Assert.DoesNotContain("\u001b[3", (await _cli.RunAsync("run", "list")).Out);
    }
}
