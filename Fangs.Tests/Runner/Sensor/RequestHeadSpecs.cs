using System.Text;
using CsCheck;
using Fangs.Runner.Sensor.Http;

namespace Fangs.Tests.Runner.Sensor;

public sealed class RequestHeadSpecs
{
    private static readonly Gen<string> Method = Gen.String[Gen.Char['A', 'Z'], 1, 20];
    private static readonly Gen<string> Target = Gen.String[Gen.Char['!', '~'], 1, 60].Select(path => "/" + path);
    private static readonly Gen<string> Host = Gen.String[Gen.Char['a', 'z'], 1, 40].Select(name => name + ".example:8080");
    private static readonly Gen<string> End = Gen.Bool.Select(isBare => isBare ? "\n" : "\r\n");
    private static readonly Gen<string[]> Headers = Gen.Select(Gen.String[Gen.Char['a', 'z'], 6, 12], Gen.String[Gen.Char[' ', '~'], 0, 20], (name, value) => $"{name}: {value}").Array[0, 4];

    [Fact]
    public void Any_bytes_are_read_or_refused() => Gen.OneOf(Gen.Byte.Array[0, 200], Gen.String[Gen.Char[' ', 'Z'], 0, 80].Select(t => Encoding.ASCII.GetBytes("GET " + t + " HTTP/1.1\n" + t)))
        .Sample(bytes =>
        {
            if (!RequestHead.TryParse(bytes, out var head)) return;
            Assert.True(RequestHead.CanBegin(bytes));
            Assert.InRange(head.Method.Length, 1, 20);
        }, iter: 20_000);

    [Fact]
    public void A_request_is_read_back_as_it_was_sent() => Gen.Select(Method, Target, Host, Headers, Headers, End).Sample((method, target, host, before, after, end) =>
    {
        Assert.True(RequestHead.TryParse(Request(method, target, host, before, after, end), out var head));
        Assert.Equal((method, target, host, true), (Text(head.Method), Text(head.Target), Text(head.Host), head.IsComplete));
    });

    [Fact]
    public void However_it_is_cut_it_needs_more_or_says_the_same() =>
        Gen.Select(Gen.Select(Method, Target, Host), Gen.Select(Headers, Headers), End, Gen.Double[0, 1]).Sample((words, headers, end, part) =>
        {
            var whole = Request(words.Item1, words.Item2, words.Item3, headers.Item1, headers.Item2, end);
            var length = (int)(whole.Length * part);
            if (!RequestHead.TryParse(whole.AsSpan(0, length), out var head))
            {
                Assert.True(length < whole.AsSpan().IndexOf((byte)'\n') + 1); // only while the request line is not whole
                return;
            }

            Assert.Equal((words.Item1, words.Item2), (Text(head.Method), Text(head.Target)));
            Assert.Equal(head.IsComplete ? words.Item3 : "", Text(head.Host));
        });

    [Fact]
    public void What_was_complete_stays_as_it_is() => Gen.Select(Method, Target, Host, End, Gen.Byte.Array[0, 60]).Sample((method, target, host, end, rest) =>
    {
        var request = Request(method, target, host, [], [], end);
        Assert.True(RequestHead.TryParse([.. request, .. rest], out var head));
        Assert.Equal((target, host, true), (Text(head.Target), Text(head.Host), head.IsComplete));
    });

    [Fact]
    public void A_request_without_a_host_is_complete_with_its_empty_line()
    {
        Assert.True(RequestHead.TryParse("GET / HTTP/1.0\r\nx: y\r\n"u8, out var head));
        Assert.False(head.IsComplete);
        Assert.True(RequestHead.TryParse("GET / HTTP/1.0\r\nx: y\r\n\r\nHost: body.example\r\n"u8, out head));
        Assert.Equal(("", true), (Text(head.Host), head.IsComplete));
    }

    [Theory]
    [InlineData("Host: a.example")]
    [InlineData("host:a.example")]
    [InlineData("HOST:\t a.example \t")]
    public void The_host_is_found_without_regard_to_case_and_white_space(string header)
    {
        Assert.True(RequestHead.TryParse(Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\n{header}\r\n"), out var head));
        Assert.Equal("a.example", Text(head.Host));
    }

    [Theory]
    [InlineData("")]
    [InlineData(" / HTTP/1.1\r\n")]
    [InlineData("get / HTTP/1.1\r\n")]
    [InlineData("G3T / HTTP/1.1\r\n")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAA / HTTP/1.1\r\n")]
    [InlineData("GET /\r\n")]
    [InlineData("GET HTTP/1.1\r\n")]
    [InlineData("GET / SPDY/3\r\n")]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("GET / HTTP/1.1")]
    public void What_is_no_request_line_is_refused(string text) => Assert.False(RequestHead.TryParse(Encoding.ASCII.GetBytes(text), out _));

    private static byte[] Request(string method, string target, string host, string[] before, string[] after, string end) =>
        Encoding.ASCII.GetBytes(string.Join(end, [$"{method} {target} HTTP/1.1", .. before, $"Host: {host}", .. after, "", ""]));

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.ASCII.GetString(bytes);
}
