using System.Text.Json;
using CsCheck;
using Fangs.Protocol;

namespace Fangs.Tests.Protocol;

/// <summary>Values as the wire spells them: durations, instants, and a whole job.</summary>
public sealed class WireValueSpecs
{
    private const string Job = """
        {"run_id":[1,154,12,0,9,8,7,6,5,4,3,2,1,0,255,16],"kind":"sandbox_scan","package_name":"left-thing","version":"2.0.1","watched_paths":[{"prefix":"/etc/"},{"prefix":"/etc/shadow","cred_tagged":true}],"duration":60000000000,"dispatched_at":"2026-01-02T03:04:05.6Z","sandbox":{"image":"node:20-slim","user":"0:0","grace_period":2000000000}}
        """;

    [Fact]
    public void A_job_has_the_bytes_of_the_protocol()
    {
        var job = Read<Job>(Job);
        Assert.Equal(
            ("019a0c0009080706050403020100ff10", "sandbox_scan", "left-thing", "2.0.1", TimeSpan.FromMinutes(1), new DateTimeOffset(2026, 1, 2, 3, 4, 5, 600, TimeSpan.Zero)),
            (job.RunId.ToString(), job.Kind, job.PackageName, job.Version, job.Duration.ToTimeSpan(), job.DispatchedAt));
        Assert.Equal([("/etc/", false), ("/etc/shadow", true)], job.WatchedPaths!.Select(w => (w.Prefix, w.CredTagged)));
        Assert.Equal(("node:20-slim", "0:0", TimeSpan.FromSeconds(2)), (job.Sandbox!.Image, job.Sandbox.User, job.Sandbox.GracePeriod.ToTimeSpan()));
        Assert.Equal(Job.Trim(), JsonSerializer.Serialize(job, ProtocolJson.Wire.Job));
    }

    [Fact]
    public void A_job_leaves_out_what_is_optional_and_empty_and_nothing_else() => Assert.Equal(
        """{"run_id":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],"kind":"","watched_paths":null,"duration":0,"dispatched_at":"0001-01-01T00:00:00Z"}""",
        JsonSerializer.Serialize(new Job(), ProtocolJson.Wire.Job));

    [Fact]
    public void Keys_are_read_without_regard_to_case_unknown_ones_passed_over_and_null_is_absent()
    {
        var job = Read<Job>("""{"RUN_ID":null,"Kind":"sensor_only","what":{"ever":[1]},"DURATION":null,"dispatched_at":null,"Cgroup_Path":"/sys/fs/cgroup/x","watched_paths":null,"sandbox":null}""");
        Assert.Equal((true, "sensor_only", 0L, default, "/sys/fs/cgroup/x", null), (job.RunId.IsEmpty, job.Kind, job.Duration.Value, job.DispatchedAt, job.CgroupPath, job.WatchedPaths));
    }

    [Theory]
    [InlineData("""{"kind":5}""", "$.kind")]
    [InlineData("""{"duration":"5s"}""", "$.duration")]
    [InlineData("""{"sandbox":{"memory_bytes":"1"}}""", "$.sandbox.memory_bytes")]
    [InlineData("""{"sandbox":{"env":{"A":1}}}""", "$.sandbox.env.A")]
    [InlineData("""{"watched_paths":[{"prefix":"/","cred_tagged":1}]}""", "$.watched_paths[0].cred_tagged")]
    public void A_value_of_another_kind_is_refused_with_its_place(string json, string path) => Assert.Equal(path, Assert.Throws<JsonException>(() => Read<Job>(json)).Path);

    [Fact]
    public void A_duration_is_a_whole_number_of_nanoseconds() => Gen.Long.Sample(value =>
    {
        Assert.Equal(value.ToString(System.Globalization.CultureInfo.InvariantCulture), JsonSerializer.Serialize(new Nanoseconds(value)));
        Assert.Equal(value, JsonSerializer.Deserialize<Nanoseconds>($"{value}").Value);
    });

    [Theory]
    [InlineData("\"5\"")]
    [InlineData("1.5")]
    [InlineData("1e3")]
    [InlineData("9223372036854775808")]
    [InlineData("true")]
    [InlineData("{}")]
    public void Anything_else_is_no_duration(string json) =>
        Assert.Contains("whole nanoseconds", Assert.Throws<JsonException>(() => JsonSerializer.Deserialize<Nanoseconds>(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_duration_is_a_time_span_to_the_tick()
    {
        Assert.Equal(0, JsonSerializer.Deserialize<Nanoseconds>("null").Value);
        Assert.Equal(5_000_000_000, Nanoseconds.From(TimeSpan.FromSeconds(5)).Value);
        Assert.Equal(TimeSpan.FromTicks(1), new Nanoseconds(199).ToTimeSpan());
        Assert.Throws<OverflowException>(() => Nanoseconds.From(TimeSpan.MaxValue));
        Gen.Long[-(1L << 56), 1L << 56].Sample(ticks => Assert.Equal(ticks, Nanoseconds.From(TimeSpan.FromTicks(ticks)).ToTimeSpan().Ticks));
    }

    [Theory]
    [InlineData("2026-01-02T03:04:05Z", 0)]
    [InlineData("2026-01-02T03:04:05.6Z", 6_000_000)]
    [InlineData("2026-01-02T03:04:05.123456789Z", 1_234_567)]
    [InlineData("2026-01-02T05:04:05+02:00", 0)]
    [InlineData("2026-01-01T21:34:05.5-05:30", 5_000_000)]
    public void An_instant_has_an_offset_and_up_to_nine_digits(string text, long ticks) =>
        Assert.Equal(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero).AddTicks(ticks), Dispatched($"\"{text}\""));

    [Theory]
    [InlineData("\"2026-01-02T03:04:05\"")]
    [InlineData("\"2026-01-02\"")]
    [InlineData("\"yesterday\"")]
    [InlineData("\"2026-13-02T03:04:05Z\"")]
    [InlineData("1767323045")]
    public void Anything_else_is_no_instant(string json) =>
        Assert.Contains("RFC 3339", Assert.Throws<JsonException>(() => Dispatched(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void An_instant_is_written_in_UTC_and_read_back() => Gen.Select(Gen.Long[0, DateTime.MaxValue.Ticks - TimeSpan.TicksPerDay], Gen.Int[-840, 840]).Sample((ticks, minutes) =>
    {
        var offset = TimeSpan.FromMinutes(minutes);
        if (ticks < TimeSpan.TicksPerDay) ticks += TimeSpan.TicksPerDay;
        var at = new DateTimeOffset(ticks, TimeSpan.Zero).ToOffset(offset);
        var json = JsonSerializer.Serialize(new Job { DispatchedAt = at }, ProtocolJson.Wire.Job);
        Assert.Matches("\"dispatched_at\":\"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,7})?Z\"", json);
        Assert.Equal(at, Read<Job>(json).DispatchedAt);
    });

    private static DateTimeOffset Dispatched(string json) => Read<Job>($$"""{"dispatched_at":{{json}}}""").DispatchedAt;

    private static T Read<T>(string json) => (T)JsonSerializer.Deserialize(json, typeof(T), ProtocolJson.Wire)!;
}
