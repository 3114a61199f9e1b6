using System.Text.RegularExpressions;
using CsCheck;
using Fangs.Actors.Analysis;

namespace Fangs.Tests.Analysis;

public sealed class PathRulesSpecs
{
    // What paths of attackers and of npm are made of, among them all that the rules look for and what they put in its place.
    private static readonly Gen<string> Fragment = Gen.OneOf(
        OneOf(
            "/", "/", "/", ".", "..", "-", "_", "\n", "é", "$1", "<", ">", "proc", "self", "thread-self", "task", "fd", "fdinfo", "root", "tmp", "var", "/tmp/", "/var/tmp/",
            "/.npm/_cacache/", "tmp/", "index-v5/", "content-v2/sha512/", "git-clone", "/_logs/", "2025-01-31", "2025-01-31T08_09_10_111Z", "-debug-3.log", ".csv",
            "/work", "/scan", "/tmp/test", "/node_modules/", "@scope/", ".name-12345678", "/build/", "st", ".pyc.", ".pyc", "/_update-notifier-last-checked", "cc", "tmp.",
            "01234567-89ab-cdef-0123-456789ABCDEF", "deadbeef", "aaaaaaaaaaaa", "0123456789abcdef", "aB3dE6", "AbCdEfGhIj", "abc123_x", "<PID>", "<TID>", "<FD>", "<UUID>",
            "<RAND>", "<HEX>", "<HASH>", "<SHA256>", "<TIMESTAMP>", "<DATE>", "<N>", "**", "<DFD>"),
        Gen.Int[0, 99999].Select(n => $"{n}"),
        Gen.String[Gen.Char['a', 'f'], 1, 14],
        Gen.String[Gen.Char[' ', '~'], 1, 4]);

    private static readonly Gen<string> AnyPath = Gen.OneOf(
        Fragment.Array[1, 14].Select(string.Concat),
        Fragment.Array[1, 12].Select(parts => "/" + string.Join('/', parts)),
        Fragment.Array[1, 8].Select(parts => "/tmp/" + string.Concat(parts)));

    public static TheoryData<string, string> Vectors() => new()
    {
        // The table of the specification, with its changes.
        { "/proc/4711/maps", "/proc/<PID>/maps" },
        { "/proc/4711", "/proc/<PID>" },
        { "/tmp/npm-9911-q/x", "/tmp/npm-<RAND>/x" },
        { "/tmp/evil-1234", "/tmp/evil-<RAND>" },
        { "/root/.npm/_logs/2025-01-31T08_09_10_111Z-debug-3.log", "/root/.npm/_logs/<TIMESTAMP>-debug-<N>.log" },
        { "/srv/out/2025-01-31.csv", "/srv/out/<DATE>.csv" },
        { "/root/.npm/_cacache/content-v2/sha512/0f/1e/77aa", "/root/.npm/_cacache/content-v2/sha512/<SHA256>" },
        { "/root/.npm/_cacache/index-v5/9c/04/5de1f0", "/root/.npm/_cacache/index-v5/<HASH>" },
        { "/root/.npm/_cacache/tmp/3f9d", "/root/.npm/_cacache/tmp/<HEX>" },
        { "/root/.npm/_cacache/tmp/3f9dxyz", "/root/.npm/_cacache/tmp/<HEX>xyz" },
        { "/srv/0123456789abcdef/x", "/srv/<HEX>/x" },
        { "/aaaaaaaaaaaa/bbbbbbbbbbbb/x", "/<HEX>/<HEX>/x" },
        { "/aaaaaaaaaaaa/bbbbbbbbbbbb/cccccccccccc/dddddddddddd", "/<HEX>/<HEX>/<HEX>/<HEX>" },
        { "/proc/4711/task/4712/comm", "/proc/<PID>/task/<TID>/comm" },
        { "/proc/self/task/4712", "/proc/self/task/<TID>" },
        { "/proc/4711/fd/3", "/proc/<PID>/fd/<FD>" },
        { "/proc/self/fd/3", "/proc/self/fd/<FD>" },
        { "/proc/thread-self/fdinfo/17", "/proc/thread-self/fdinfo/<FD>" },
        { "/proc/4711/task/4712/fd/9", "/proc/<PID>/task/<TID>/fd/<FD>" },
        { "/tmp/test/node_modules/left-thing/lib/a.js", "/tmp/test/node_modules/left-thing/**" },
        { "/scan/node_modules/@scope/left-thing/package.json", "/scan/node_modules/@scope/left-thing/**" },
        { "/work/node_modules/left-thing", "/work/node_modules/left-thing/**" },
        { "/work/node_modules/a/node_modules/b/index.js", "/work/node_modules/a/**" },

        // Resolved before the rules see it.
        { "//proc/../proc/4711//./maps", "/proc/<PID>/maps" },
        { "/proc/4711/root/etc/shadow", "/etc/shadow" },
        { "../x-1234", "<DFD>/../x-1234" },

        // Names of today's tools.
        { "/tmp/01234567-89ab-4def-8123-456789abcdef", "/tmp/<UUID>" },
        { "/home/node/.cache/01234567-89AB-4DEF-8123-456789ABCDEF.json", "/home/node/.cache/<UUID>.json" },
        { "/tmp/ccAb3dE6.s", "/tmp/cc<RAND>.s" },
        { "/tmp/tmpab_1c2d3/x", "/tmp/tmp<RAND>/x" },
        { "/var/tmp/tmp.AbCdEfGhIj", "/var/tmp/tmp.<RAND>" },
        { "/tmp/node-gyp-tmp-aB3dE6/out", "/tmp/node-gyp-tmp-<RAND>/out" },
        { "/var/tmp/x_Ab3dE6", "/var/tmp/x_<RAND>" },
        { "/home/node/.npm/_logs/2025-01-31T08_09_10_111Z-eresolve-report.txt", "/home/node/.npm/_logs/<TIMESTAMP>-eresolve-report.txt" },
        { "/home/node/.npm/_cacache/tmp/git-cloneXa92bQ/HEAD", "/home/node/.npm/_cacache/tmp/git-clone<HEX>/HEAD" },
        { "/home/node/.npm/_update-notifier-last-checked.1234", "/home/node/.npm/_update-notifier-last-checked" },
        { "/work/node_modules/.left-thing-Ab3dE6fG/lib/x.js", "/work/node_modules/.left-thing-<RAND>/**" },
        { "/home/node/node_modules/@scope/.left-thing-Ab3dE6fG/x", "/home/node/node_modules/@scope/.left-thing-<RAND>/x" },
        { "/home/node/build/Release/obj.target/stA1b2C3", "/home/node/build/Release/obj.target/st<RAND>" },
        { "/usr/lib/python3/x.cpython-311.pyc.140234", "/usr/lib/python3/x.cpython-311.pyc.<N>" },
        { "/srv/0123456789abcdef.tar", "/srv/<HEX>.tar" },
    };

    [Theory]
    [MemberData(nameof(Vectors))]
    public void What_varies_from_run_to_run_becomes_a_placeholder(string path, string normalised) => Assert.Equal(normalised, PathRules.Normalise(path));

    [Theory]
    [InlineData("/etc/hosts")]
    [InlineData("/proc/self/status")]
    [InlineData("/proc/version")]
    [InlineData("/proc/self/fd/x1")]
    [InlineData("/opt/app/deadbeef/x")]
    [InlineData("/tmp/tmp.AbCdEf")]
    [InlineData("/srv/tmp/evil-1234")]
    [InlineData("/tmp/evil-12")]
    [InlineData("/tmp/sub/evil-1234")]
    [InlineData("/tmp/my-loader/x")]
    [InlineData("/tmp/my-config")]
    [InlineData("/tmp/my-stager.sh")]
    [InlineData("/srv/0123456789ABCDEF/x")]
    [InlineData("/srv/0123456789a/x")]
    [InlineData("/srv/out/2025-1-31.csv")]
    [InlineData("/srv/out/2025-01-31")]
    [InlineData("/home/node/.ssh/id_rsa")]
    [InlineData("/work/node_modules/.bin/left-thing")]
    [InlineData("/work/node_modules/.package-lock.json")]
    [InlineData("/home/node/node_modules/left-thing/index.js")]
    [InlineData("/work/package.json")]
    public void What_says_something_stays(string path) => Assert.Equal(path, PathRules.Normalise(path));

    [Theory]
    [InlineData("/proc/4711\n")]
    [InlineData("/srv/out/2025-01-31.csv\n")]
    [InlineData("/srv/0123456789abcdef\n")]
    public void A_final_newline_is_part_of_a_name(string path) => Assert.Equal(path.Replace('\n', '\u240a'), PathRules.Normalise(path));

    [Theory]
    [InlineData("/work/node_modules/left-thing/a\nb.js")]
    [InlineData("/work/node_modules/left-thing/\n")]
    [InlineData("/work/node_modules/left-thing/a.js\n")]
    public void A_newline_in_its_name_does_not_take_a_file_out_of_its_package(string path) =>
        Assert.Equal("/work/node_modules/left-thing/**", PathRules.Normalise(path));

    [Fact]
    public void A_package_whose_name_ends_with_a_newline_is_not_every_package() =>
        Assert.Equal("/work/node_modules/evil\u240a/**", PathRules.Normalise("/work/node_modules/evil\n"));

    [Fact]
    public void Every_rule_has_a_vector_that_needs_it()
    {
        var needed = new HashSet<string>();
        foreach (var row in Vectors())
        {
            var path = LexicalPath.Resolve((string)row[0]);
            foreach (var rule in PathRules.All)
            {
                var rewritten = rule.Apply(path);
                if (rewritten != path) needed.Add(rule.Id);
                path = rewritten;
            }
        }

        Assert.Empty(PathRules.All.Select(r => r.Id).Except(needed));
        Assert.Equal(PathRules.All.Count, PathRules.All.Select(r => r.Id).Distinct().Count());
    }

    [Fact]
    public void The_rules_take_linear_time_whatever_they_are_given() =>
        Assert.All(PathRules.All, rule => Assert.True(rule.Regex.Options.HasFlag(RegexOptions.NonBacktracking), rule.Id));

    [Fact]
    public void No_pattern_takes_a_newline_for_the_end() => Assert.All(PathRules.All, rule => Assert.DoesNotContain("$", rule.Pattern, StringComparison.Ordinal));

    [Fact]
    public void The_text_that_a_rule_needs_stands_in_all_that_it_matches() => AnyPath.Sample(path =>
    {
        foreach (var rule in PathRules.All)
            if (rule.Regex.IsMatch(path)) Assert.Contains(rule.Needs, path, StringComparison.Ordinal);
    });

    [Fact]
    public void Normalising_again_changes_nothing() => AnyPath.Sample(path =>
    {
        var normalised = PathRules.Normalise(path);
        Assert.Equal(normalised, PathRules.Normalise(normalised));
    }, iter: 30_000);

    [Fact]
    public void A_relative_path_never_looks_absolute_nor_the_other_way_round() => AnyPath.Sample(path =>
        Assert.Equal(path[0] == '/', PathRules.Normalise(path)[0] == '/'));

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);
}
