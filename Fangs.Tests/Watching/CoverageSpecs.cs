using System.Text;
using System.Text.Json;
using CsCheck;
using Fangs.Tests.Cli;

namespace Fangs.Tests.Watching;

public sealed class CoverageSpecs : IDisposable
{
    private static readonly string[] ReleaseStates = ["", "waiting", "queueing", "queued", "skipped"];
    private static readonly string[] RunStates = ["pending", "building", "sandboxed", "analyzed", "done", "failed", "a word of another version"];

    private readonly CliFixture _cli = new CliFixture().WithSchema();

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task Whatever_states_releases_and_runs_are_in_the_sums_match()
    {
        var runs = Gen.Int[0, RunStates.Length - 1].Array[0, 3];
        var release = Gen.Select(Gen.Int[0, 2], Gen.Int[0, ReleaseStates.Length - 1], runs);
        await release.Array[0, 25].SampleAsync(async releases =>
        {
            var sql = new StringBuilder("BEGIN; DELETE FROM releases; DELETE FROM packages; DELETE FROM runs; INSERT INTO packages (name, added_at) VALUES ('p0', 't'), ('p1', 't'), ('p2', 't'), ('without', 't');");
            var expected = new Dictionary<(string Package, string Fate), long>();
            for (var i = 0; i < releases.Length; i++)
            {
                var (package, state, itsRuns) = ($"p{releases[i].Item1}", ReleaseStates[releases[i].Item2], releases[i].Item3.Select(r => RunStates[r]).ToList());
                sql.Append($"INSERT INTO releases (package_name, version, tarball_sha256, npm_integrity, discovered_at, state, skip_reason) VALUES ('{package}', '1.0.{i}', '', '', 't', '{state}', 'because');");
                foreach (var run in itsRuns) sql.Append($"INSERT INTO runs (id, package_name, version, state) VALUES ('{Guid.NewGuid():N}', '{package}', '1.0.{i}', '{run}');");
                expected[(package, Fate(state, itsRuns))] = expected.GetValueOrDefault((package, Fate(state, itsRuns))) + 1;
            }

            // Runs of what nobody watches, and of versions that no release is recorded of, are no releases.
            _cli.Execute(sql.Append("INSERT INTO runs (id, package_name, version, state) VALUES ('a', 'p0', '9.9.9', 'done'), ('b', 'other', '1.0.0', 'done'); COMMIT;").ToString());
            var answer = JsonDocument.Parse((await _cli.RunAsync("-json", "coverage")).Out).RootElement;
            Assert.Equal(4, answer.GetProperty("packages").GetArrayLength());
            Assert.Equal(releases.Length, Check(answer.GetProperty("total"), fate => expected.Where(e => e.Key.Fate == fate).Sum(e => e.Value)));
            foreach (var package in answer.GetProperty("packages").EnumerateArray())
            {
                var name = package.GetProperty("Package").GetString()!;
                Assert.Equal(releases.Count(r => $"p{r.Item1}" == name), Check(package, fate => expected.GetValueOrDefault((name, fate))));
            }
        }, iter: 40, threads: 1);
    }

    [Fact]
    public async Task The_table_has_a_line_per_package_a_total_and_the_reasons()
    {
        _cli.Execute("""
            INSERT INTO packages (name, added_at) VALUES ('@scope/a', 't'), ('left-thing', 't');
            INSERT INTO releases (package_name, version, tarball_sha256, npm_integrity, discovered_at, state, skip_reason) VALUES
              ('left-thing', '1.0.0', '', '', 't', 'skipped', 'published before the package was watched'), ('left-thing', '1.1.0', '', '', 't', 'skipped', 'published before the package was watched'),
              ('left-thing', '1.2.0', '', '', 't', 'queued', ''), ('@scope/a', '1.0.0', '', '', 't', 'queued', ''), ('@scope/a', '1.0.1', '', '', 't', 'waiting', '');
            INSERT INTO runs (id, package_name, version, state, conclusive) VALUES ('1', 'left-thing', '1.2.0', 'done', 0), ('2', '@scope/a', '1.0.0', 'failed', 0);
            """);
        CliFixture.Approve((await _cli.RunAsync("coverage")).Out, "coverage");
        CliFixture.Approve((await _cli.RunAsync("-json", "coverage", "-package", "left-thing")).Out, "coverage-json");
        Assert.DoesNotContain("(all)", (await _cli.RunAsync("coverage", "-package", "left-thing")).Out, StringComparison.Ordinal);
        Assert.Equal(3, (await _cli.RunAsync("coverage", "-package", "other")).ExitCode);
    }

    [Fact]
    public async Task A_database_older_than_the_watcher_is_named_as_such()
    {
        using var old = new CliFixture().WithSchema(upstream: true);
        var result = await old.RunAsync("coverage");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("0008_watching", result.Error, StringComparison.Ordinal);
    }

    private static string Fate(string state, List<string> runs) =>
        runs.Contains("done") ? "Scanned"
        : runs.Any(r => r is not ("failed" or "pending")) ? "Running"
        : runs.Contains("pending") || state is "waiting" or "queueing" ? "Queued"
        : runs.Contains("failed") ? "Failed"
        : state == "skipped" ? "Skipped"
        : "Queued";

    private static long Check(JsonElement counts, Func<string, long> expected)
    {
        foreach (var fate in new[] { "Scanned", "Running", "Queued", "Failed", "Skipped" }) Assert.Equal(expected(fate), counts.GetProperty(fate).GetInt64());
        Assert.Equal(counts.GetProperty("Skipped").GetInt64(), counts.GetProperty("SkippedByReason").EnumerateObject().Sum(r => r.Value.GetInt64()));
        var seen = counts.GetProperty("Seen").GetInt64();
        Assert.Equal(seen, new[] { "Scanned", "Running", "Queued", "Failed", "Skipped" }.Sum(fate => counts.GetProperty(fate).GetInt64()));
        return seen;
    }
}
