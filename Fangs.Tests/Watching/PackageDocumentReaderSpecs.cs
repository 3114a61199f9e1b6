using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Fangs.Actors.Watching;

namespace Fangs.Tests.Watching;

public sealed class PackageDocumentReaderSpecs
{
    private const int Mebi = 1 << 20;

    [Fact]
    public async Task Versions_digests_times_and_the_tag_are_read_and_nothing_else()
    {
        var document = await ReadAsync("""
            {"name":"a","dist-tags":{"latest":"1.1.0","next":"2.0.0-a"},"readme":"{\"versions\":1}","time":{"created":"2020-01-01T00:00:00Z","1.0.0":"2020-01-02T00:00:00.5Z","1.1.0":"yesterday"},
             "versions":{"1.0.0":{"dist":{"shasum":"aa","integrity":"sha512-x","signatures":[{"integrity":"no"}],"more":{"integrity":"no"}},"integrity":"no","x":{"dist":"no"}},
                         "1.1.0":{"_dist":{"integrity":"no"},"dependencies":{"dist":"1"}},"2.0.0-a":{},"broken":7},"latest":"no"}
            """);
        Assert.Equal("1.1.0", document.Latest);
        Assert.True(document.HasTimes);
        Assert.Equal(
        [
            new RegistryRelease("1.0.0", "sha512-x", "aa", new DateTimeOffset(2020, 1, 2, 0, 0, 0, 500, TimeSpan.Zero)),
            new RegistryRelease("1.1.0", "", "", null),
            new RegistryRelease("2.0.0-a", "", "", null),
        ], document.Releases);
    }

    [Fact]
    public async Task A_document_without_times_says_so() =>
        Assert.False((await ReadAsync("""{"versions":{"1.0.0":{}},"modified":"2020-01-01T00:00:00Z"}""")).HasTimes);

    [Theory]
    [InlineData("", "is not JSON")]
    [InlineData("<html>", "is not JSON")]
    [InlineData("{\"versions\":{", "is not JSON")]
    [InlineData("{} {}", "is not JSON")]
    [InlineData("[]", "is not a package's document")]
    [InlineData("{}", "names no versions")]
    [InlineData("7", "names no versions")]
    [InlineData("{\"error\":\"not found\"}", "names no versions")]
    [InlineData("{\"versions\":[\"1.0.0\",{\"1.0.0\":{}}]}", "names no versions")]
    [InlineData("{\"versions\":{\"\\ud800\":{}}}", "is not valid UTF-8")]
    public async Task What_is_no_document_is_refused_in_words(string body, string words) =>
        Assert.Contains(words, (await Assert.ThrowsAsync<RegistryException>(() => ReadAsync(body))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Deep_nesting_is_refused() =>
        Assert.Contains("is not JSON", (await Assert.ThrowsAsync<RegistryException>(() => ReadAsync("{\"x\":" + new string('[', 10_000)))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_large_value_that_nobody_wants_is_skipped_and_a_larger_one_refused()
    {
        var body = $$$"""{"readme":"{{{new string('x', 3 * Mebi)}}}","versions":{"1.0.0":{"dist":{"shasum":"aa"} } } }""";
        Assert.Equal("aa", Assert.Single((await ReadAsync(body, maxToken: 4 * Mebi)).Releases).TarballSha1);
        Assert.Contains("a value of more than 2 MiB", (await Assert.ThrowsAsync<RegistryException>(() => ReadAsync(body, maxToken: 2 * Mebi))).Message, StringComparison.Ordinal);
        Assert.Contains("larger than 1 MiB", (await Assert.ThrowsAsync<RegistryException>(() => ReadAsync(body, maxBytes: Mebi))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Any_document_is_read_the_same_however_it_is_cut()
    {
        var version = Gen.Select(Gen.Int[0, 30], Gen.Int[0, 30], Gen.Bool, (a, b, pre) => $"{a}.{b}.0{(pre ? "-rc.1" : "")}");
        var release = Gen.Select(version, Gen.String[0, 20], Gen.String[0, 20], Gen.Int[0, 3]);
        await Gen.Select(release.Array[0, 20], Gen.Int[1, 40], Gen.String[0, 300]).SampleAsync(async (releases, cut, noise) =>
        {
            var (versions, times, expected) = (new JsonObject(), new JsonObject(), new Dictionary<string, RegistryRelease>());
            foreach (var (name, integrity, sha1, kind) in releases)
            {
                var at = new DateTimeOffset(2020, 1, 1, 0, 0, kind, TimeSpan.Zero);
                versions[name] = new JsonObject { ["noise"] = noise, ["dist"] = new JsonObject { ["integrity"] = integrity, ["shasum"] = sha1, ["n"] = 1.5 } };
                if (kind > 0) times[name] = at.ToString("O");
                else times.Remove(name);
                expected[name] = new RegistryRelease(name, integrity, sha1, kind > 0 ? at : null);
            }

            var text = new JsonObject { ["versions"] = versions, [noise + "x"] = noise, ["time"] = times }.ToJsonString();
            var read = await ReadAsync(text, cut: cut).WaitAsync(TimeSpan.FromSeconds(30));
            Assert.Equal(expected.Values.OrderBy(r => r.Version, StringComparer.Ordinal), read.Releases.OrderBy(r => r.Version, StringComparer.Ordinal));
        }, iter: 300);
    }

    private static Task<PackageDocument> ReadAsync(string body, long maxBytes = 64 * Mebi, int maxToken = 8 * Mebi, int cut = int.MaxValue) =>
        PackageDocumentReader.ReadAsync(new CutStream(Encoding.UTF8.GetBytes(body), cut), maxBytes, maxToken, CancellationToken.None);

    /// <summary>Gives a few bytes at a time, as sockets do.</summary>
    private sealed class CutStream(byte[] bytes, int cut) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(buffer.Length, cut)], cancellationToken);
    }
}
