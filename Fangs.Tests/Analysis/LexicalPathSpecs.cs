using CsCheck;
using Fangs.Actors.Analysis;

namespace Fangs.Tests.Analysis;

public sealed class LexicalPathSpecs
{
    private static readonly Gen<string> AnyPath = Gen.OneOf(
        OneOf("/", "//", ".", "..", "proc", "self", "thread-self", "task", "root", "17", "a", "<DFD>", "rootfs", " ", "\n", "...").Array[0, 14].Select(string.Concat),
        OneOf(".", "..", "proc", "self", "thread-self", "task", "root", "17", "a", "").Array[0, 12].Select(parts => "/" + string.Join('/', parts)));

    [Theory]
    [InlineData("/", "/")]
    [InlineData("//", "/")]
    [InlineData("/etc//passwd", "/etc/passwd")]
    [InlineData("///etc/././hosts", "/etc/hosts")]
    [InlineData("/a/b/../c", "/a/c")]
    [InlineData("/a/../../../etc/shadow", "/etc/shadow")]
    [InlineData("/..", "/")]
    [InlineData("/a/b/..", "/a")]
    [InlineData("/a/b/", "/a/b/")]
    [InlineData("/a/..hidden/...", "/a/..hidden/...")]
    [InlineData("/.npmrc", "/.npmrc")]
    [InlineData("", "")]
    public void An_absolute_path_is_resolved(string path, string resolved) => Assert.Equal(resolved, LexicalPath.Resolve(path));

    [Theory]
    [InlineData("/proc/self/root/etc/shadow", "/etc/shadow")]
    [InlineData("/proc/4711/root/etc/shadow", "/etc/shadow")]
    [InlineData("/proc/thread-self/root/etc/shadow", "/etc/shadow")]
    [InlineData("/proc/self/task/12/root/etc/shadow", "/etc/shadow")]
    [InlineData("/proc//self/./root//etc/shadow", "/etc/shadow")]
    [InlineData("/proc/self/root/proc/self/root/etc/shadow", "/etc/shadow")]
    [InlineData("/x/../proc/self/root/../etc/shadow", "/etc/shadow")]
    [InlineData("/proc/self/fd/../root/etc/shadow", "/etc/shadow")]
    [InlineData("/proc/self/root", "/")]
    [InlineData("/proc/self/root/", "/")]
    [InlineData("/proc/self/rootfs/x", "/proc/self/rootfs/x")]
    [InlineData("/proc/sys/root/x", "/proc/sys/root/x")]
    [InlineData("/proc/self/task/x/root/y", "/proc/self/task/x/root/y")]
    [InlineData("/srv/proc/self/root/x", "/srv/proc/self/root/x")]
    public void The_root_link_of_a_process_leads_to_the_root(string path, string resolved) => Assert.Equal(resolved, LexicalPath.Resolve(path));

    [Theory]
    [InlineData("lib/index.js", "<DFD>/lib/index.js")]
    [InlineData("./lib//index.js", "<DFD>/lib/index.js")]
    [InlineData("../../etc/shadow", "<DFD>/../../etc/shadow")]
    [InlineData("a/../b", "<DFD>/a/../b")]
    [InlineData("proc/self/root/x", "<DFD>/proc/self/root/x")]
    [InlineData(".", "<DFD>/")]
    [InlineData("..", "<DFD>/..")]
    [InlineData("lib/", "<DFD>/lib/")]
    public void A_relative_path_says_so_and_keeps_where_it_goes_up(string path, string resolved) => Assert.Equal(resolved, LexicalPath.Resolve(path));

    [Fact]
    public void Resolving_again_changes_nothing() => AnyPath.Sample(path =>
    {
        var resolved = LexicalPath.Resolve(path);
        Assert.Equal(resolved, LexicalPath.Resolve(resolved));
    }, iter: 20_000);

    [Fact]
    public void What_comes_out_is_absolute_or_marked_and_has_no_empty_or_dot_component() => AnyPath.Where(p => p.Length > 0).Sample(path =>
    {
        var resolved = LexicalPath.Resolve(path);
        Assert.StartsWith(path[0] == '/' ? "/" : LexicalPath.UnknownDirectory + "/", resolved, StringComparison.Ordinal);
        var components = resolved.Trim('/').Split('/');
        Assert.DoesNotContain(".", components);
        if (resolved != "/") Assert.DoesNotContain("", components);
        if (path[0] == '/') Assert.DoesNotContain("..", components);
    }, iter: 20_000);

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);
}
