using System.Text.Json;
using Fangs.Actors.Configuration;
using Fangs.Cli;
using Fangs.Protocol;
using Fangs.Tests.Cli;

namespace Fangs.Tests.Configuration;

public sealed class ConfigCommandSpecs : IDisposable
{
    private readonly CliFixture _cli = new();
    private OrchestratorOptions? _started;

    public ConfigCommandSpecs() => _cli.Roots = new CompositionRoots(
        (options, _) =>
        {
            _started = options;
            return Task.CompletedTask;
        },
        (_, _) => Task.CompletedTask);

    private string FilePath => Path.Combine(_cli.Folder, "orchestrator.yaml");

    private static string Sample => Path.Combine(AppContext.BaseDirectory, "config", "orchestrator.sample.yaml");

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task The_sample_is_sound_and_sets_every_setting_to_its_default()
    {
        var result = ConfigurationParser.Parse(await File.ReadAllBytesAsync(Sample));
        Assert.Empty(result.Errors);
        Assert.Equal(DefaultWatchedPaths.All, result.Settings.WatchedPaths);
        Assert.Equal(
            ["/usr/lib/", "/usr/lib64/", "/usr/local/lib/", "/usr/share/zoneinfo/", "/usr/share/locale/"], result.Settings.Allow.Select(a => a.Entry.Value));

        // Everything but the allow list reads as if there were no file, and nothing is left out.
        var (sample, none) = (await ShowAsync("-config", Sample), await ShowAsync("-config", FilePath));
        Assert.Equal(none.Select(s => s.GetProperty("name").GetString()), sample.Select(s => s.GetProperty("name").GetString()));
        foreach (var (set, unset) in sample.Zip(none, (a, b) => (Set: a, Unset: b)).Where(pair => !pair.Set.GetProperty("name").GetString()!.StartsWith("allow.", StringComparison.Ordinal)))
        {
            Assert.Equal(unset.GetProperty("value").GetRawText(), set.GetProperty("value").GetRawText());
            var isEmpty = set.GetProperty("value").ValueKind == JsonValueKind.Array && set.GetProperty("value").GetArrayLength() == 0;
            Assert.Equal(isEmpty ? "default" : "file", set.GetProperty("from").GetString());
        }
    }

    [Fact]
    public async Task The_commented_examples_of_the_sample_are_sound_too()
    {
        // An empty list with its example below: the example becomes the list.
        var text = (await File.ReadAllTextAsync(Sample)).Replace(": []\n  #  - ", ":\n    - ", StringComparison.Ordinal);
        var result = ConfigurationParser.Parse(text);
        Assert.Empty(result.Errors);
        Assert.Equal(8, result.Settings.Allow.Count);
        Assert.Single(result.Settings.CdnExtra!);
    }

    [Fact]
    public async Task A_sound_file_is_summed_up()
    {
        await WriteAsync("watched_paths: [{ prefix: /etc/ }]\nallow: { dns: [{ value: a.example }, { value: b.example }] }\nbaseline: { min_runs: 2 }\n");
        var result = await _cli.RunPlainAsync("config", "check", FilePath);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Matches($@"^{FilePath} is sound: sets 3 of \d+ settings, 1 watched paths, 2 allow entries\n\z", result.Out);
        var json = await _cli.RunPlainAsync("-json", "config", "check", FilePath);
        Assert.Equal(0, json.ExitCode);
        Assert.True(JsonDocument.Parse(json.Out).RootElement.GetProperty("sound").GetBoolean());
    }

    [Fact]
    public async Task Every_error_is_shown_where_editors_find_it()
    {
        await WriteAsync("watched_paths: [{ prefix: etc }]\ncolour: \"blue\\e[31m\"\n\"\\e[2J\": 1\n");
        var result = await _cli.RunPlainAsync("config", "check", FilePath);
        Assert.Equal((1, ""), (result.ExitCode, result.Out));
        var lines = result.Error.TrimEnd().Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.StartsWith($"{FilePath}:1:27: watched_paths[0].prefix: must be an absolute path", lines[0]);
        Assert.StartsWith($"{FilePath}:2:1: colour: unknown key", lines[1]);
        Assert.StartsWith($"{FilePath}:3:1: \\u001b[2J: unknown key", lines[2]);
        Assert.DoesNotContain('\u001b', result.Error);

        var json = await _cli.RunPlainAsync("config", "check", FilePath, "-json");
        Assert.Equal(1, json.ExitCode);
        var errors = JsonDocument.Parse(json.Out).RootElement.GetProperty("errors").EnumerateArray().ToList();
        Assert.Equal([(1, 27), (2, 1), (3, 1)], errors.Select(e => (e.GetProperty("line").GetInt32(), e.GetProperty("column").GetInt32())));
        Assert.Equal("watched_paths[0].prefix", errors[0].GetProperty("field").GetString());
    }

    [Fact]
    public async Task A_file_that_is_not_there_or_cannot_be_read_is_an_error_of_the_check()
    {
        var missing = await _cli.RunPlainAsync("config", "check", FilePath);
        Assert.Equal((1, $"fangs: there is no file {FilePath}\n"), (missing.ExitCode, missing.Error));
        var directory = await _cli.RunPlainAsync("config", "check", _cli.Folder);
        Assert.Equal(1, directory.ExitCode);
        Assert.StartsWith($"fangs: the configuration file {_cli.Folder} cannot be read: ", directory.Error);
        Assert.Equal(2, (await _cli.RunPlainAsync("config", "check")).ExitCode);
        Assert.Equal(2, (await _cli.RunPlainAsync("config", "check", "a", "b")).ExitCode);
    }

    [Fact]
    public async Task A_file_without_end_is_refused_after_its_first_part()
    {
        var result = await _cli.RunPlainAsync("config", "check", "/dev/zero");
        Assert.Equal((1, "/dev/zero:1:1: longer than 256 KiB; is this the right file?\n"), (result.ExitCode, result.Error));
    }

    [Fact]
    public async Task Settings_are_shown_with_their_origin()
    {
        await WriteAsync("""
            watched_paths:
              - prefix: /etc/
              - { prefix: /etc/shadow, cred: true }
            allow:
              cidrs: [{ value: 192.0.2.7/24, note: "lab" }]
            limits:
              max_job_duration: 90m
            """);
        var text = await _cli.RunPlainAsync("config", "show", "-config", FilePath);
        Assert.Equal(0, text.ExitCode);
        CliFixture.Approve(text.Out.Replace(FilePath, "FILE", StringComparison.Ordinal), "config-show");
        var json = await _cli.RunPlainAsync("config", "show", "-config", FilePath, "-json");
        CliFixture.Approve(json.Out.Replace(FilePath, "FILE", StringComparison.Ordinal), "config-show-json");
    }

    [Fact]
    public async Task Without_a_file_the_defaults_are_shown()
    {
        var text = await _cli.RunPlainAsync("config", "show", "-config", FilePath);
        Assert.StartsWith($"File  {FilePath} (missing, the defaults count)\n", text.Out);
        Assert.DoesNotContain("line ", text.Out);
        Assert.All(await ShowAsync("-config", FilePath), setting => Assert.Equal("default", setting.GetProperty("from").GetString()));
    }

    [Theory]
    [InlineData("config show")]
    [InlineData("orchestrator")]
    public async Task What_is_wrong_stops_it_with_every_error(string command)
    {
        await WriteAsync("baseline: { min_runs: 0 }\ncolour: blue\n");
        var result = await _cli.RunPlainAsync([.. command.Split(' '), "-config", FilePath]);
        Assert.Equal((1, ""), (result.ExitCode, result.Out));
        Assert.StartsWith($"fangs: the configuration file {FilePath} is wrong\n{FilePath}:1:23: baseline.min_runs: ", result.Error);
        Assert.Contains($"\n{FilePath}:2:1: colour: unknown key", result.Error);
        Assert.Null(_started);
    }

    [Fact]
    public async Task What_cannot_be_read_stops_the_start()
    {
        var result = await _cli.RunPlainAsync("orchestrator", "-config", _cli.Folder);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("cannot be read", result.Error);
        Assert.Null(_started);
    }

    [Fact]
    public async Task The_file_reaches_the_parts_of_the_orchestrator_and_flags_stay_what_they_are()
    {
        await WriteAsync("""
            watched_paths: [{ prefix: /srv/ }]
            allow: { dns: [{ value: a.example }] }
            baseline: { min_runs: 3 }
            cdn: { enabled: false, extra: ["2606:4700::/32"] }
            limits: { max_events_per_run: 5000, max_job_duration: 2h, stream_idle_timeout: 5s, result_slack: 30s }
            """);
        Assert.Equal(0, (await _cli.RunPlainAsync("orchestrator", "-config", FilePath, "-id", "o1", "-addr", "127.0.0.1:9000")).ExitCode);
        var settings = Composition.Settings(_started!);
        Assert.Equal((FilePath, true, true), (settings.Configuration!.Path, settings.Configuration.IsRead, settings.Configuration.IsNamed));
        Assert.Equal(("o1", 9000), (settings.Edge.OrchestratorId, settings.Address.Port));
        Assert.Equal("/srv/", settings.Edge.WatchedPaths.Single().Prefix);
        Assert.Equal("/srv/", settings.Core.Watch.WatchedPaths.Single().Prefix); // the watcher's scans as those of requests
        Assert.Equal((3, false, "2606:4700::/32"), (settings.Core.Analysis!.MinRuns, settings.Core.Analysis.CdnEnabled, settings.Core.Analysis.CdnExtra.Single()));
        Assert.Equal("a.example", settings.Core.ConfiguredAllow!.Single().Entry.Value);
        Assert.Equal(
            (5_000, TimeSpan.FromHours(2), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30)),
            (settings.Core.MaxEventsPerRun, settings.Edge.MaxJobDuration, settings.Edge.StreamIdleTimeout, settings.Core.Jobs.ResultSlack));
    }

    private Task WriteAsync(string text) => File.WriteAllTextAsync(FilePath, text);

    private async Task<List<JsonElement>> ShowAsync(params string[] flags)
    {
        var result = await _cli.RunPlainAsync(["-json", "config", "show", .. flags]);
        Assert.Equal(0, result.ExitCode);
        return [.. JsonDocument.Parse(result.Out).RootElement.GetProperty("settings").EnumerateArray()];
    }
}
