using System.Text;
using CsCheck;
using Fangs.Actors.Configuration;

namespace Fangs.Tests.Configuration;

public sealed class ConfigurationParserSpecs
{
    private const string Everything = """
        watched_paths:
          - prefix: "/etc/"
          - prefix: /opt/secrets/
            cred: true
        allow:
          cidrs: [{ value: "192.0.2.7/24", note: "lab network" }]
          snis:  [{ value: "Metrics.Example." }]
          paths: [{ value: "/opt/cache/", note: "build cache" }]
          dns:
            - value: "*.corp.example"
        baseline:
          min_runs: 3
        limits:
          max_events_per_run: 250000
          max_job_duration: 1h30m
          stream_idle_timeout: 45s
          result_slack: 5m
        cdn:
          enabled: false
          extra: ["2606:4700::/32", 198.51.100.0/24]
        sandbox:
          import_phase: true
          layout: work
        notifier: { allow_private: true }
        """;

    [Fact]
    public void Every_setting_is_read_with_its_line()
    {
        var result = ConfigurationParser.Parse(Everything);
        Assert.Empty(result.Errors);
        var settings = result.Settings;
        Assert.Equal([("/etc/", false), ("/opt/secrets/", true)], settings.WatchedPaths!.Select(p => (p.Prefix, p.CredTagged)));
        Assert.Equal(
            [
                ("cidr", "192.0.2.0/24", null, "lab network"), ("sni", "metrics.example", null, ""),
                ("path", "/opt/cache/", null, "build cache"), ("dns", "*.corp.example", null, ""),
            ],
            settings.Allow.Select(a => (a.Entry.Kind, a.Entry.Value, a.Entry.PackageName, a.Note)));
        Assert.Equal((3, 250_000), (settings.MinRuns, settings.MaxEventsPerRun));
        Assert.Equal(TimeSpan.FromMinutes(90), settings.MaxJobDuration);
        Assert.Equal(TimeSpan.FromSeconds(45), settings.StreamIdleTimeout);
        Assert.Equal(TimeSpan.FromMinutes(5), settings.ResultSlack);
        Assert.False(settings.CdnEnabled);
        Assert.Equal(["2606:4700::/32", "198.51.100.0/24"], settings.CdnExtra);
        Assert.Equal((true, "work", true), (settings.ImportPhase, settings.SandboxLayout, settings.AllowPrivateNotifiers));
        Assert.Equal(
            [
                ("allow.cidrs", 6), ("allow.dns", 10), ("allow.paths", 8), ("allow.snis", 7), ("baseline.min_runs", 12), ("cdn.enabled", 19),
                ("cdn.extra", 20), ("limits.max_events_per_run", 14), ("limits.max_job_duration", 15), ("limits.result_slack", 17),
                ("limits.stream_idle_timeout", 16), ("notifier.allow_private", 24), ("sandbox.import_phase", 22), ("sandbox.layout", 23), ("watched_paths", 2),
            ],
            settings.Lines.Select(line => (line.Key, line.Value)));
    }

    [Fact]
    public void An_id_of_the_configuration_is_the_digest_of_kind_and_value()
    {
        var entry = ConfigurationParser.Parse("allow: { snis: [{ value: metrics.example }] }").Settings.Allow.Single();
        // printf 'sni|metrics.example' | sha256sum
        Assert.Equal("cfg9c453517adf3", entry.Id);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("---\n")]
    [InlineData("---\n...\n")]
    [InlineData("\uFEFF# marked\n")]
    [InlineData("null\n")]
    [InlineData("watched_paths: []\nallow:\n  cidrs:\n  snis: []\nbaseline:\nlimits: {}\n")]
    public void What_is_empty_sets_nothing(string text)
    {
        var result = ConfigurationParser.Parse(Encoding.UTF8.GetBytes(text));
        Assert.Empty(result.Errors);
        Assert.Equal(new FileSettings() with { Allow = result.Settings.Allow, Lines = result.Settings.Lines }, result.Settings);
        Assert.Empty(result.Settings.Allow);
        Assert.Empty(result.Settings.Lines);
    }

    [Theory]
    // Keys.
    [InlineData("watch_paths: []", "1:1: watch_paths: unknown key; expected watched_paths, allow, baseline, limits, cdn, sandbox, notifier")]
    [InlineData("baseline:\n  min_run: 2", "2:3: baseline.min_run: unknown key; expected min_runs")]
    [InlineData("watched_paths:\n- prefix: /a/\n  credential: true", "3:3: watched_paths[0].credential: unknown key; expected prefix, cred")]
    [InlineData("Baseline: {}", "1:1: Baseline: unknown key")]
    [InlineData("baseline: { min_runs: 1 }\nbaseline: { min_runs: 2 }", "2:1: baseline: stands in line 1 already; remove one")]
    [InlineData("baseline:\n  min_runs: 1\n  \"min_runs\": 1", "3:3: baseline.min_runs: stands in line 2 already; remove one")]
    [InlineData("notifier: { allow_private: 1 }", "1:28: notifier.allow_private: expected true or false, found a number")]
    // Types.
    [InlineData("[]", "1:1: expected a mapping with watched_paths, allow,")]
    [InlineData("just a text", "1:1: expected a mapping with watched_paths")]
    [InlineData("baseline: 3", "1:11: baseline: expected a mapping with min_runs, found a number")]
    [InlineData("watched_paths: /etc/", "1:16: watched_paths: expected a list, found a text")]
    [InlineData("watched_paths: [/etc/]", "1:17: watched_paths[0]: expected a mapping with prefix, cred, found a text")]
    [InlineData("watched_paths: [{ prefix: [] }]", "1:27: watched_paths[0].prefix: expected a text, found a list")]
    [InlineData("watched_paths: [{ prefix: /a/, cred: yes }]", "1:38: watched_paths[0].cred: expected true or false, found a text")]
    [InlineData("watched_paths: [{ prefix: /a/, cred: \"true\" }]", "1:38: watched_paths[0].cred: expected true or false, found a text")]
    [InlineData("watched_paths: [{ prefix: }]", "1:27: watched_paths[0].prefix: expected a text, found nothing")]
    [InlineData("watched_paths:\n-\n- prefix: /b/", "2:2: watched_paths[0]: prefix is required: an absolute path such as /etc/")]
    [InlineData("watched_paths: [{ cred: true }]", "1:17: watched_paths[0]: prefix is required")]
    [InlineData("allow: { snis: [{ note: x }] }", "1:17: allow.snis[0]: value is required: what to allow")]
    [InlineData("allow: { snis: [{ value: 127 }] }", "1:26: allow.snis[0].value: expected a text, found a number; put it in quotes")]
    [InlineData("allow: { snis: [{ value: true }] }", "1:26: allow.snis[0].value: expected a text, found a truth value; put it in quotes")]
    [InlineData("allow: { snis: [{ value: a.b, note: 12 }] }", "1:37: allow.snis[0].note: expected a text, found a number; put it in quotes")]
    [InlineData("baseline: { min_runs: \"2\" }", "1:23: baseline.min_runs: expected a whole number from 1 to 20")]
    [InlineData("baseline: { min_runs: 2.0 }", "1:23: baseline.min_runs: expected a whole number from 1 to 20")]
    [InlineData("baseline: { min_runs: 99999999999999999999 }", "1:23: baseline.min_runs: expected a whole number")]
    [InlineData("baseline: { min_runs: }", "1:23: baseline.min_runs: expected a whole number")]
    [InlineData("limits: { max_job_duration: 90 }", "1:29: limits.max_job_duration: expected a duration from 10s to 24h0m0s, such as 90s or 1h30m")]
    [InlineData("cdn: { enabled: 1 }", "1:17: cdn.enabled: expected true or false, found a number")]
    // Values.
    [InlineData("baseline: { min_runs: 0 }", "1:23: baseline.min_runs: expected a whole number from 1 to 20")]
    [InlineData("baseline: { min_runs: -1 }", "1:23: baseline.min_runs: expected a whole number from 1 to 20")]
    [InlineData("baseline: { min_runs: 21 }", "1:23: baseline.min_runs: expected a whole number from 1 to 20")]
    [InlineData("limits: { max_events_per_run: 10 }", "1:31: limits.max_events_per_run: expected a whole number from 1000 to 10000000")]
    [InlineData("limits: { max_job_duration: 25h }", "1:29: limits.max_job_duration: expected a duration from 10s to 24h0m0s")]
    [InlineData("limits: { stream_idle_timeout: -5s }", "1:32: limits.stream_idle_timeout: expected a duration from 1s to 1h0m0s")]
    [InlineData("watched_paths: [{ prefix: etc/ }]", "1:27: watched_paths[0].prefix: must be an absolute path (begin with /) without NUL")]
    [InlineData("watched_paths: [{ prefix: \"/a\\0b\" }]", "1:27: watched_paths[0].prefix: must be an absolute path (begin with /) without NUL")]
    [InlineData("watched_paths: [{ prefix: \"/a\\eb\" }]", "1:27: watched_paths[0].prefix: must not hold control characters")]
    [InlineData("watched_paths: [{ prefix: /a/../etc/ }]", "1:27: watched_paths[0].prefix: would never match, because the kernel's names are plain; write /etc/")]
    [InlineData("watched_paths: [{ prefix: \"\" }]", "1:27: watched_paths[0].prefix: must be an absolute path")]
    [InlineData("watched_paths:\n- prefix: /a/\n- { prefix: /a/, cred: true }", "3:13: watched_paths[1].prefix: /a/ stands in line 2 already; remove one")]
    [InlineData("allow: { cidrs: [{ value: 192.0.2.0/33 }] }", "1:27: allow.cidrs[0].value: the prefix length of 192.0.2.0/33 must be from 0 to 32")]
    [InlineData("allow: { cidrs: [{ value: lab }] }", "1:27: allow.cidrs[0].value: lab is no address range such as 192.0.2.0/24")]
    [InlineData("allow: { cidrs: [{ value: 0.0.0.0/0 }] }", "1:27: allow.cidrs[0].value: 0.0.0.0/0 would hide a large part of the network")]
    [InlineData("allow: { cidrs: [{ value: \"::/0\" }] }", "1:27: allow.cidrs[0].value: ::/0 would hide a large part of the network")]
    [InlineData("allow: { paths: [{ value: / }] }", "1:27: allow.paths[0].value: / would hide every file; name a directory")]
    [InlineData("allow: { paths: [{ value: opt/cache }] }", "1:27: allow.paths[0].value: the path must begin with /")]
    [InlineData("allow: { snis: [{ value: \"*.com\" }] }", "1:26: allow.snis[0].value: *.com would hide every name below a top-level domain")]
    [InlineData("allow: { dns: [{ value: \"a b\" }] }", "1:25: allow.dns[0].value: a b is no host name")]
    [InlineData("allow: { dns: [{ value: a.example }, { value: A.EXAMPLE. }] }", "1:47: allow.dns[1].value: a.example stands in line 1 already; remove one")]
    [InlineData("allow: { dns: [{ value: a.example, note: \"two\\nlines\" }] }", "1:42: allow.dns[0].note: must be one line of at most 500 characters")]
    [InlineData("cdn: { extra: [1.2.3.0/24, 1.0.0.0/2] }", "1:28: cdn.extra[1]: 1.0.0.0/2 would hide a large part of the network")]
    [InlineData("sandbox: { layout: compat }", "1:20: sandbox.layout: this version does not have the layout compat; write work or remove the line")]
    [InlineData("sandbox: { layout: scan }", "1:20: sandbox.layout: this version does not have the layout scan; write work or remove the line")]
    [InlineData("sandbox: { layout: elsewhere }", "1:20: sandbox.layout: expected work")]
    [InlineData("sandbox: { import_phase: false }", "1:26: sandbox.import_phase: this version always loads what it has installed")]
    // YAML that is not read.
    [InlineData("cdn: &a { enabled: true }", "1:6: anchors such as &a are not read")]
    [InlineData("cdn: *a", "1:6: aliases such as *a are not read")]
    [InlineData("cdn: { enabled: !!bool true }", "1:17: tags that begin with ! are not read")]
    [InlineData("cdn: { enabled: true }\n---\ncdn: { enabled: false }", "2:1: only one document is read")]
    [InlineData("? [a, b]\n: 1", "1:3: a key must be a plain word")]
    [InlineData("cdn: {\n", "not YAML: ")]
    [InlineData("cdn:\n\tenabled: true", "not YAML: ")]
    [InlineData("note: \"never closed", "not YAML: ")]
    [InlineData("note: \"\\UFFFFFFFF\"", "not YAML: ")]
    public void What_is_wrong_is_named_with_its_place(string text, string expected)
    {
        var errors = ConfigurationParser.Parse(text).Errors.Select(e => e.ToString()).ToList();
        Assert.Contains(errors, e => expected.StartsWith("not YAML", StringComparison.Ordinal) ? e.Contains(expected, StringComparison.Ordinal) : e.StartsWith(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void All_errors_are_named_in_the_order_of_the_file()
    {
        var errors = ConfigurationParser.Parse("""
            watched_paths:
              - prefix: etc/
              - { cred: maybe }
            allow:
              cidrs: [{ value: 10.0.0.0/1 }, { value: lab }]
            baseline: { min_runs: 0 }
            colour: blue
            """).Errors;
        Assert.Equal(
            [
                (2, 13, "watched_paths[0].prefix"), (3, 5, "watched_paths[1]"), (3, 13, "watched_paths[1].cred"), (5, 20, "allow.cidrs[0].value"),
                (5, 43, "allow.cidrs[1].value"), (6, 23, "baseline.min_runs"), (7, 1, "colour"),
            ],
            errors.Select(e => (e.Line, e.Column, e.Field)));
    }

    [Fact]
    public void What_stands_before_a_break_is_checked_and_what_the_break_took_is_not_missed()
    {
        var errors = ConfigurationParser.Parse("baseline: { min_runs: 0 }\nwatched_paths:\n  - cred: true\n    prefix: \"/etc/").Errors;
        Assert.Equal(["baseline.min_runs", ""], errors.Select(e => e.Field));
        Assert.StartsWith("not YAML", errors[1].Remedy);
    }

    [Fact]
    public void Prefixes_are_measured_in_bytes()
    {
        Assert.Empty(Prefix("/" + new string('a', 255)));
        Assert.Equal("must have at most 256 bytes", Prefix("/" + new string('a', 256)).Single().Remedy);
        Assert.Equal("must have at most 256 bytes", Prefix("/" + new string('ü', 128)).Single().Remedy);

        static IReadOnlyList<ConfigurationError> Prefix(string prefix) => ConfigurationParser.Parse($"watched_paths: [{{ prefix: {prefix} }}]").Errors;
    }

    [Fact]
    public void More_prefixes_than_a_job_may_watch_are_refused()
    {
        var text = "watched_paths:\n" + string.Concat(Enumerable.Range(0, 257).Select(i => $"- prefix: /d{i}/\n"));
        Assert.Equal("2:1: watched_paths: 257 prefixes; at most 256 can be watched", ConfigurationParser.Parse(text).Errors.Single().ToString());
    }

    [Fact]
    public void A_bomb_of_aliases_is_refused_at_its_first_line()
    {
        var text = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 30; i++) text.Append($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 9))}]\n");
        var errors = ConfigurationParser.Parse(text.ToString()).Errors;
        Assert.Contains(errors, e => e is { Line: 1, Column: 5 } && e.Remedy.StartsWith("anchors such as &a0", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("[", 200_000)]
    [InlineData("{a: ", 50_000)]
    [InlineData("- ", 100_000)]
    [InlineData("? ", 100_000)]
    [InlineData("a: [", 50_000)]
    public void Deep_nesting_is_refused_before_it_is_followed(string opening, int times)
    {
        var errors = ConfigurationParser.Parse(string.Concat(Enumerable.Repeat(opening, times))).Errors;
        Assert.NotEmpty(errors);
        Assert.All(errors, e => Assert.Equal(1, e.Line));
    }

    [Fact]
    public void A_file_that_is_too_long_is_refused_without_being_read()
    {
        var error = ConfigurationParser.Parse(Encoding.UTF8.GetBytes("# " + new string('x', ConfigurationParser.MaxBytes))).Errors.Single();
        Assert.Equal("1:1: longer than 256 KiB; is this the right file?", error.ToString());
        Assert.Empty(ConfigurationParser.Parse(Encoding.UTF8.GetBytes("# " + new string('x', ConfigurationParser.MaxBytes - 2))).Errors);
    }

    [Theory]
    [InlineData(new byte[] { 0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, 0 }, "1:5: byte 0x02")]
    [InlineData(new byte[] { (byte)'#', (byte)'\n', (byte)'#', 0xc3, 0xbc, 0xff }, "2:3: byte 0xff")]
    [InlineData(new byte[] { (byte)'a', 0 }, "1:2: byte 0x00")]
    [InlineData(new byte[] { 0xff, 0xfe, (byte)'a', 0 }, "1:1: byte 0xff")]
    [InlineData(new byte[] { (byte)'a', 0xe2, 0x82 }, "1:2: byte 0xe2")]
    public void What_is_no_text_is_refused_at_the_first_byte_that_is_none(byte[] content, string expected) =>
        Assert.StartsWith(expected, ConfigurationParser.Parse(content).Errors.Single().ToString());

    [Fact]
    public void Very_many_errors_are_cut_and_counted()
    {
        var errors = ConfigurationParser.Parse(string.Concat(Enumerable.Range(0, 1_000).Select(i => $"k{i}: 1\n"))).Errors;
        Assert.Equal(201, errors.Count);
        Assert.Equal("200:1: 800 more errors follow", errors[^1].ToString());
    }

    [Fact]
    public void Any_text_gives_settings_or_errors_with_places() =>
        Gen.OneOf(Gen.String, Gen.String[Gen.Char["{}[]:,-?&*!|>'\"%@`# \n\tab01/\\xuU~"], 0, 60]).Sample(text => HasPlaces(ConfigurationParser.Parse(text)));

    [Fact]
    public void Any_change_of_a_file_gives_settings_or_errors_with_places() =>
        Gen.Select(Gen.Int[0, Everything.Length - 1], Gen.Int[0, 8], Gen.String[Gen.Char["{}[]:,-?&*!|>'\"% \n\tab01/\\"], 0, 6]).Sample((at, cut, put) =>
            HasPlaces(ConfigurationParser.Parse(Everything[..at] + put + Everything[Math.Min(Everything.Length, at + cut)..])));

    [Fact]
    public void Any_bytes_give_settings_or_errors_with_places() =>
        Gen.Byte.Array[0, 200].Sample(bytes => HasPlaces(ConfigurationParser.Parse(bytes)));

    private static bool HasPlaces(ConfigurationResult result) => result.Errors.All(e => e is { Line: >= 1, Column: >= 1, Remedy.Length: > 0 });
}
