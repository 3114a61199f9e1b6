using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Fangs.Actors.Notifiers;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace Fangs.Tests.Notifiers;

/// <summary>The one way out, against real HTTP servers.</summary>
public sealed class WebhookSenderSpecs : IDisposable
{
    private static readonly byte[] Body = Encoding.UTF8.GetBytes("""{"a":1}""");

    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero));
    private readonly Dictionary<string, string> _variables = new() { ["KEY"] = "hmac-s3cret", ["TOKEN"] = "bearer-s3cret" };
    private WebhookSender? _sender;

    public void Dispose() => _sender?.Dispose();

    [Theory]
    [InlineData(NotifierTemplate.Generic)]
    [InlineData(NotifierTemplate.Slack)]
    [InlineData(NotifierTemplate.Discord)]
    public async Task A_message_arrives_byte_for_byte_with_its_headers(string template)
    {
        await using var receiver = await WebhookReceiver.StartAsync();
        var body = WebhookPayload.Of(template, WebhookPayloadSpecs.Sample)!;
        var target = Target(receiver.Url + "?a=b") with
        {
            Template = template,
            SecretEnv = template == NotifierTemplate.Generic ? "KEY" : null,
            Headers = """{"Authorization":"Bearer ${TOKEN}","X-Team":"soc"}""",
        };
        var result = await SendAsync(target, body);
        Assert.Equal((AttemptStatus.Sent, 200, ""), (result.Status, result.ResponseCode, result.Error));
        var message = Assert.Single(receiver.Requests);
        Assert.Equal(("POST", "/services/T0KEN/s3cret-path?a=b"), (message.Method, message.Target));
        Assert.Equal(body, message.Body);
        var expected = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
        {
            ["Host"] = receiver.Address.Authority,
            ["User-Agent"] = "fangs-orchestrator",
            ["Content-Type"] = "application/json",
            ["Content-Length"] = body.Length.ToString(CultureInfo.InvariantCulture),
            ["Authorization"] = "Bearer bearer-s3cret",
            ["X-Team"] = "soc",
        };
        if (template == NotifierTemplate.Generic)
        {
            expected["X-FANGS-Signature"] = "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes("hmac-s3cret"), body));
            expected["X-FANGS-Timestamp"] = "1767323045";
            expected["X-FANGS-Signature-V2"] = "sha256=" + Convert.ToHexStringLower(
                HMACSHA256.HashData(Encoding.UTF8.GetBytes("hmac-s3cret"), Encoding.UTF8.GetBytes("1767323045." + Encoding.UTF8.GetString(body))));
        }

        Assert.Equal(expected.OrderBy(h => h.Key), message.Headers.OrderBy(h => h.Key));
    }

    [Theory]
    [InlineData(200, "sent")]
    [InlineData(204, "sent")]
    [InlineData(299, "sent")]
    [InlineData(301, "failed")]
    [InlineData(307, "failed")]
    [InlineData(400, "permanent")]
    [InlineData(401, "permanent")]
    [InlineData(404, "permanent")]
    [InlineData(410, "permanent")]
    [InlineData(408, "failed")]
    [InlineData(429, "failed")]
    [InlineData(500, "failed")]
    [InlineData(503, "failed")]
    public async Task The_status_of_the_answer_decides(int code, string status)
    {
        await using var receiver = await WebhookReceiver.AnsweringAsync(code, code == 204 ? "" : "thanks");
        var result = await SendAsync(Target(receiver.Url), Body);
        Assert.Equal((status, code, code == 204 ? "" : "thanks"), (result.Status, result.ResponseCode, result.ResponseBody));
    }

    [Fact]
    public async Task A_redirect_is_not_followed()
    {
        await using var other = await WebhookReceiver.StartAsync();
        foreach (var code in new[] { 301, 302, 303, 307, 308 })
        {
            await using var receiver = await WebhookReceiver.AnsweringAsync(code, "", ("Location", other.Url));
            var result = await SendAsync(Target(receiver.Url) with { SecretEnv = "KEY" }, Body);
            Assert.Equal((AttemptStatus.Failed, $"answered {code}: redirects are not followed"), (result.Status, result.Error));
        }

        Assert.Empty(other.Requests);
    }

    [Theory]
    [InlineData("120", 120)]
    [InlineData("Fri, 02 Jan 2026 03:06:05 GMT", 120)]
    [InlineData("Fri, 02 Jan 2026 03:00:00 GMT", 0)]
    public async Task Both_forms_of_Retry_After_are_understood(string value, int seconds)
    {
        await using var receiver = await WebhookReceiver.AnsweringAsync(429, "", ("Retry-After", value));
        Assert.Equal(TimeSpan.FromSeconds(seconds), (await SendAsync(Target(receiver.Url), Body)).RetryAfter);
    }

    [Fact]
    public async Task Nonsense_in_Retry_After_is_ignored()
    {
        await using var receiver = await WebhookReceiver.AnsweringAsync(503, "", ("Retry-After", "soon"));
        Assert.Null((await SendAsync(Target(receiver.Url), Body)).RetryAfter);
    }

    [Fact]
    public async Task A_receiver_that_does_not_answer_within_ten_seconds_has_failed()
    {
        await using var receiver = await WebhookReceiver.HangingAsync();
        var sending = SendAsync(Target(receiver.Url), Body);
        await receiver.NextAsync();
        Assert.False(sending.IsCompleted);
        _clock.Advance(TimeSpan.FromSeconds(10));
        var result = await sending;
        Assert.Equal((AttemptStatus.Failed, (int?)null, "no answer within 10 s"), (result.Status, result.ResponseCode, result.Error));
    }

    [Fact]
    public async Task An_answer_whose_body_never_ends_counts_by_its_status_and_keeps_2048_bytes()
    {
        await using var receiver = await WebhookReceiver.StartAsync(async context =>
        {
            while (!context.RequestAborted.IsCancellationRequested) await context.Response.WriteAsync(new string('ä', 4096));
        });
        var result = await SendAsync(Target(receiver.Url), Body);
        Assert.Equal(AttemptStatus.Sent, result.Status);
        Assert.Equal(2048, Encoding.UTF8.GetByteCount(result.ResponseBody));
    }

    [Theory]
    [InlineData("this is not HTTP\r\n\r\n")]
    [InlineData("HTTP/1.1 99999 ?\r\n\r\n")]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")]
    public async Task Garbage_is_a_failure_that_is_tried_again(string answer)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = Task.Run(async () =>
        {
            using var socket = await listener.AcceptSocketAsync();
            var buffer = new byte[4096];
            await socket.ReceiveAsync(buffer);
            await socket.SendAsync(Encoding.ASCII.GetBytes(answer));
        });
        var result = await SendAsync(Target($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/"), Body);
        await serving.Soon();
        // A Content-Length that is none is ignored by the client; the answer itself is one.
        if (answer.Contains("200", StringComparison.Ordinal)) Assert.Equal(AttemptStatus.Sent, result.Status);
        else Assert.Equal((AttemptStatus.Failed, (int?)null), (result.Status, result.ResponseCode));
        Assert.Equal(result.Status == AttemptStatus.Failed, result.Error.Length > 0);
    }

    [Fact]
    public async Task Nobody_there_is_a_failure_that_is_tried_again()
    {
        int port;
        using (var listener = new TcpListener(IPAddress.Loopback, 0))
        {
            listener.Start();
            port = ((IPEndPoint)listener.LocalEndpoint).Port;
        }

        var result = await SendAsync(Target($"http://127.0.0.1:{port}/s3cret-path"), Body);
        Assert.Equal(AttemptStatus.Failed, result.Status);
        Assert.Contains("Connection refused", result.Error, StringComparison.Ordinal);
    }

    public static TheoryData<NotifierTarget, string> Mistakes() => new()
    {
        { Target("http://hooks.example/s3cret"), "address: http is only for this host" },
        { Target("ftp://hooks.example/s3cret"), "address: expected an address" },
        { Target("https://x/") with { Template = "teams" }, "unknown template 'teams'" },
        { Target("https://x/") with { SecretEnv = "UNSET" }, "the environment variable UNSET with the key of signatures is not set" },
        { Target("https://x/") with { Headers = """{"A":"${UNSET}"}""" }, "the environment variable UNSET of header 'A' is not set" },
        { Target("https://x/") with { Headers = """{"A":"${BROKEN}"}""" }, "the environment variable BROKEN of header 'A' holds characters that a header cannot have" },
        { Target("https://x/") with { Headers = """{"A":"ä"}""" }, "header: the value of 'A' must be ASCII" },
        { Target("https://x/") with { Headers = "[]" }, "the extra headers are not a JSON object of texts" },
        { Target("https://x/") with { Headers = """{"Host":"y"}""" }, "header: 'Host' cannot be set" },
        { Target("https://10.0.0.1/s3cret"), "the address 10.0.0.1 is not one of the Internet" },
        { Target("https://[fe80::1]/s3cret"), "the address fe80::1 is not one of the Internet" },
        { Target("https://169.254.169.254/s3cret"), "the address 169.254.169.254 is not one of the Internet" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task Mistakes_of_our_own_are_permanent(NotifierTarget target, string error)
    {
        _variables["BROKEN"] = "s3cret\r\nX-Evil: 1";
        var result = await SendAsync(target, WebhookPayload.Test(target.Template));
        Assert.Equal((AttemptStatus.Permanent, (int?)null), (result.Status, result.ResponseCode));
        Assert.StartsWith(error, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_stands_for_an_address_inside_is_refused_before_anything_is_connected()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var url = $"https://hooks.example:{((IPEndPoint)listener.LocalEndpoint).Port}/s3cret-path";
        Resolve = (_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback, IPAddress.Parse("10.0.0.1")]);
        var result = await SendAsync(Target(url), Body);
        Assert.Equal(AttemptStatus.Failed, result.Status); // a name may get another address
        Assert.StartsWith("the name hooks.example: the address 127.0.0.1 is not one of the Internet", result.Error, StringComparison.Ordinal);
        Assert.False(listener.Pending());
    }

    [Fact]
    public async Task The_address_that_was_checked_is_the_one_that_is_connected_to()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var lookUps = 0;
        // A rebinding name: every look-up after the first has another answer.
        Resolve = (_, _) => Task.FromResult<IPAddress[]>([Interlocked.Increment(ref lookUps) == 1 ? IPAddress.Loopback : IPAddress.Parse("127.0.0.2")]);
        AllowPrivate = true;
        var sending = SendAsync(Target($"https://hooks.example:{((IPEndPoint)listener.LocalEndpoint).Port}/"), Body);
        using (var socket = await listener.AcceptSocketAsync().Soon()) Assert.Equal(IPAddress.Loopback, ((IPEndPoint)socket.LocalEndPoint!).Address);
        Assert.Equal(AttemptStatus.Failed, (await sending).Status); // no TLS there
        Assert.Equal(1, lookUps);
    }

    [Fact]
    public async Task A_receiver_that_sends_back_what_it_got_does_not_put_secrets_into_the_log()
    {
        await using var receiver = await WebhookReceiver.StartAsync(async context =>
        {
            context.Response.StatusCode = 500;
            await context.Response.WriteAsync($"{context.Request.Path} {string.Join(' ', context.Request.Headers.Select(h => $"{h.Key}={h.Value}"))} hmac-s3cret plain-s3cret s3cret-path?\0\u001b[31m");
        });
        var result = await SendAsync(Target(receiver.Url) with { SecretEnv = "KEY", Headers = """{"Authorization":"Bearer ${TOKEN}","X-Plain":"Key plain-s3cret"}""" }, Body);
        Assert.Contains("User-Agent=fangs-orchestrator", result.ResponseBody, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", result.ResponseBody + result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(result.ResponseBody, char.IsControl);
    }

    [Fact]
    public void A_target_that_is_logged_as_a_whole_shows_its_name_only() =>
        Assert.Equal("NotifierTarget soc", (Target("https://x/s3cret") with { Headers = """{"A":"s3cret"}""" }).ToString());

    [Fact]
    public async Task Stopping_ends_an_attempt()
    {
        await using var receiver = await WebhookReceiver.HangingAsync();
        using var stop = new CancellationTokenSource();
        var sending = Sender().SendAsync(Target(receiver.Url), Body, stop.Token);
        await receiver.NextAsync();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sending.Soon());
    }

    private HostResolver? Resolve { get; set; }

    private bool AllowPrivate { get; set; }

    private static NotifierTarget Target(string url) => new("soc", url, NotifierTemplate.Generic, null, null, null, true);

    private WebhookSender Sender() =>
        _sender ??= new WebhookSender(new NotifierSettings { AllowPrivate = AllowPrivate, Variable = _variables.GetValueOrDefault }, _clock, Resolve);

    private Task<AttemptResult> SendAsync(NotifierTarget target, byte[]? body) => Sender().SendAsync(target, body, CancellationToken.None).Soon();
}
