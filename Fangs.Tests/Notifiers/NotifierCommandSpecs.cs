using System.Text.Json;
using Fangs.Cli;
using Fangs.Tests.Cli;

namespace Fangs.Tests.Notifiers;

/// <summary><c>notifier test</c> and <c>-notifiers-file</c>, as operators see them.</summary>
public sealed class NotifierCommandSpecs : IDisposable
{
    private readonly CliFixture _cli = new CliFixture().WithMigratedSchema();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task A_trial_message_goes_the_way_of_an_alert()
    {
        await using var receiver = await WebhookReceiver.AnsweringAsync(202, "ok");
        _cli.Set("KEY", "hmac-s3cret");
        _cli.Set("TOKEN", "bearer-s3cret");
        await AddAsync(receiver.Url, "-secret-env", "KEY", "-headers", """{"Authorization":"Bearer ${TOKEN}"}""", "-enabled=false");
        var result = await _cli.RunAsync("notifier", "test", "soc");
        Assert.Equal((0, "soc took the message: status 202\nIt is not enabled, so no alerts are sent to it.\n", ""), (result.ExitCode, result.Out, result.Error));
        var message = Assert.Single(receiver.Requests);
        Assert.Equal("""{"source":"fangs-orchestrator","schema_version":"v1","test":true,"message":"This is a test of FANGS. Alerts of this orchestrator will look for you here."}""", message.Text);
        Assert.Equal("Bearer bearer-s3cret", message.Headers["Authorization"]);
        Assert.Matches("^sha256=[0-9a-f]{64}$", message.Headers["X-FANGS-Signature"]);
        Assert.Matches("^sha256=[0-9a-f]{64}$", message.Headers["X-FANGS-Signature-V2"]);
        Assert.Matches("^[0-9]{10}$", message.Headers["X-FANGS-Timestamp"]);
    }

    [Fact]
    public async Task A_refusal_is_shown_with_its_reason_and_ends_with_an_error()
    {
        await using var receiver = await WebhookReceiver.StartAsync(async context =>
        {
            context.Response.StatusCode = 403;
            await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, $"invalid_token {context.Request.Path}\u001b[31m");
        });
        await AddAsync(receiver.Url);
        var text = await _cli.RunAsync("notifier", "test", "soc");
        Assert.Equal(1, text.ExitCode);
        Assert.StartsWith("fangs: soc did not take the message: answered 403: invalid_token …", text.Error, StringComparison.Ordinal);
        var json = await _cli.RunAsync("-json", "notifier", "test", "soc");
        Assert.Equal(1, json.ExitCode);
        using var document = JsonDocument.Parse(json.Out);
        var root = document.RootElement;
        Assert.Equal(("soc", false, "permanent", 403, "answered 403"), (
            root.GetProperty("name").GetString(), root.GetProperty("sent").GetBoolean(), root.GetProperty("status").GetString(),
            root.GetProperty("http_status").GetInt32(), root.GetProperty("error").GetString()));
        foreach (var output in new[] { text, json })
        {
            Assert.DoesNotContain("s3cret", output.Out + output.Error, StringComparison.Ordinal);
            Assert.DoesNotContain('\u001b', output.Out + output.Error);
        }
    }

    [Fact]
    public async Task What_a_target_lacks_is_said_and_nothing_is_sent()
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        await AddAsync(receiver.Url, "-secret-env", "UNSET");
        var result = await _cli.RunAsync("notifier", "test", "soc");
        Assert.Equal((1, "fangs: soc did not take the message: the environment variable UNSET with the key of signatures is not set\n"), (result.ExitCode, result.Error));
        Assert.Equal(3, (await _cli.RunAsync("notifier", "test", "other")).ExitCode);
        Assert.Equal(2, (await _cli.RunAsync("notifier", "test")).ExitCode);
        Assert.Empty(receiver.Requests);
    }

    [Fact]
    public async Task An_address_inside_needs_the_configuration_to_allow_it()
    {
        await AddAsync("https://127.0.0.2:1/s3cret");
        var refused = await _cli.RunAsync("notifier", "test", "soc");
        Assert.Contains("the address 127.0.0.2 is not one of the Internet", refused.Error, StringComparison.Ordinal);
        var file = Path.Combine(_cli.Folder, "orchestrator.yaml");
        await File.WriteAllTextAsync(file, "notifier:\n  allow_private: true\n");
        var allowed = await _cli.RunAsync("notifier", "test", "soc", "-config", file);
        Assert.Contains("Connection refused", allowed.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", refused.Error + allowed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_targets_of_a_file_reach_the_orchestrator()
    {
        OrchestratorOptions? started = null;
        _cli.Roots = new CompositionRoots(
            (options, _) =>
            {
                started = options;
                return Task.CompletedTask;
            },
            (_, _) => Task.CompletedTask);
        var file = Path.Combine(_cli.Folder, "notifiers.json");
        await File.WriteAllTextAsync(file, """[{"name":"soc","url":"https://hooks.example/s3cret","template":"slack","min_severity":"high"}]""");
        Assert.Equal(0, (await _cli.RunAsync("orchestrator", "-notifiers-file", file)).ExitCode);
        Assert.Equal(started!.Notifiers, Composition.Settings(started).Core.Notifier.FromFile);
        Assert.Equal("high", Assert.Single(started.Notifiers).MinSeverity);
    }

    [Fact]
    public async Task A_wrong_file_stops_the_start_and_names_lines_and_fields()
    {
        var hasStarted = false;
        _cli.Roots = new CompositionRoots(
            (_, _) =>
            {
                hasStarted = true;
                return Task.CompletedTask;
            },
            (_, _) => Task.CompletedTask);
        var file = Path.Combine(_cli.Folder, "notifiers.json");
        await File.WriteAllTextAsync(file, "[\n  {\n    \"name\": \"soc\",\n    \"url\": \"http://hooks.example/s3cret\",\n    \"template\": \"teams\"\n  }\n]");
        var wrong = await _cli.RunAsync("orchestrator", "-notifiers-file", file);
        Assert.Equal(
            (1, $"fangs: the notifiers file {file} is wrong\n{file}:4: [0].url: http is only for this host (127.0.0.1, localhost, [::1]); use https\n{file}:5: [0].template: expected one of slack, discord, generic\n"),
            (wrong.ExitCode, wrong.Error));
        await File.WriteAllTextAsync(file, "");
        Assert.Equal($"fangs: the notifiers file {file} is wrong\n{file}:1: the file is empty; write [] for no targets\n", (await _cli.RunAsync("orchestrator", "-notifiers-file", file)).Error);
        Assert.Equal(1, (await _cli.RunAsync("orchestrator", "-notifiers-file", file + "x")).ExitCode);
        Assert.False(hasStarted);
    }

    private async Task AddAsync(string url, params string[] more)
    {
        var added = await _cli.RunAsync(["notifier", "add", "-name", "soc", "-url", url, .. more]);
        Assert.Equal(0, added.ExitCode);
        Assert.DoesNotContain("s3cret", added.Out, StringComparison.Ordinal);
    }
}
