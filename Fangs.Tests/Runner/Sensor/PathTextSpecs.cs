using System.Text;
using CsCheck;
using Fangs.Actors.Analysis;
using Fangs.Runner.Sensor;

namespace Fangs.Tests.Runner.Sensor;

public sealed class PathTextSpecs
{
    private static readonly Gen<string> AnyPath = Gen.Int[0, 8].Select(i => new[] { ".", "..", "proc", "self", "thread-self", "root", "17", "a", "" }[i]).Array[0, 10]
        .Select(parts => "/" + string.Join('/', parts));

    [Theory]
    [InlineData("/etc//./passwd", "/etc/passwd")]
    [InlineData("/a/../../etc/shadow", "/etc/shadow")]
    [InlineData("/proc/self/root/etc/shadow", "/etc/shadow")]
    [InlineData("/proc/17/root/../etc/shadow", "/etc/shadow")]
    [InlineData("/proc/self/rootfs", "/proc/self/rootfs")]
    [InlineData("/", "/")]
    [InlineData("/..", "/")]
    [InlineData("../etc/passwd", "../etc/passwd")]
    [InlineData("", "")]
    public void A_path_gets_its_plain_form(string path, string plain) => Assert.Equal(plain, Normalise(path));

    [Fact]
    public void Any_bytes_have_a_plain_form_that_is_no_longer_and_stays() => Gen.Byte.Array[0, 60].Sample(path =>
    {
        var plain = PathText.Normalise(path, new byte[path.Length + 1]).ToArray();
        Assert.InRange(plain.Length, 0, path.Length);
        Assert.Equal(plain, PathText.Normalise(plain, new byte[plain.Length + 1]).ToArray());
    });

    // Two readers of the same path, one in the runner and one in the orchestrator, must not contradict each other.
    [Fact]
    public void The_analysis_reads_the_plain_form_as_it_reads_the_path() => AnyPath.Sample(path =>
        Assert.Equal(LexicalPath.Resolve(path).TrimEnd('/'), LexicalPath.Resolve(Normalise(path)).TrimEnd('/')), iter: 20_000);

    private static string Normalise(string path)
    {
        var bytes = Encoding.UTF8.GetBytes(path);
        return Encoding.UTF8.GetString(PathText.Normalise(bytes, new byte[bytes.Length + 1]));
    }
}
