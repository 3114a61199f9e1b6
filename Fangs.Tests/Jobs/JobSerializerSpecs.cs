using System.Text;
using System.Text.Json;
using Fangs.Actors.Jobs;

namespace Fangs.Tests.Jobs;

/// <summary>What the dispatcher writes to the disk, byte for byte: later versions have to read it.</summary>
public sealed class JobSerializerSpecs
{
    public static TheoryData<string> Kinds() => [.. Persisted.All.Select(value => value.GetType().Name)];

    [Fact]
    public void Every_type_has_a_value_here() => Assert.Equal(JobSerializer.Types.Select(t => t.Name).Order(), Persisted.All.Select(v => v.GetType().Name).Order());

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_is_written_is_what_was_approved(string kind)
    {
        var (serializer, value) = (new JobSerializer(null!), Persisted.ValueOf(kind));
        var manifest = serializer.Manifest(value);
        var text = Encoding.UTF8.GetString(serializer.ToBinary(value));
        if (Environment.GetEnvironmentVariable("FANGS_APPROVE") == "1") File.WriteAllText(Persisted.PathOf(manifest), text + "\n");
        Assert.Equal(Persisted.Approved(manifest), text);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void What_was_written_once_is_read_whole(string kind)
    {
        var serializer = new JobSerializer(null!);
        var manifest = serializer.Manifest(Persisted.ValueOf(kind));
        var approved = Persisted.Approved(manifest);
        var read = serializer.FromBinary(Encoding.UTF8.GetBytes(approved), manifest);
        Assert.Equal(kind, read.GetType().Name);
        Assert.Equal(approved, Encoding.UTF8.GetString(serializer.ToBinary(read)));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_field_of_a_later_version_is_passed_over(string kind)
    {
        var serializer = new JobSerializer(null!);
        var manifest = serializer.Manifest(Persisted.ValueOf(kind));
        var approved = Persisted.Approved(manifest);
        var later = Encoding.UTF8.GetBytes(approved[..^1] + ""","a_field_of_later":{"x":[1]}}""");
        Assert.Equal(approved, Encoding.UTF8.GetString(serializer.ToBinary(serializer.FromBinary(later, manifest))));
    }

    [Theory]
    [InlineData("job-queued-v2")]
    [InlineData("")]
    [InlineData("Fangs.Actors.Jobs.JobQueued, Fangs.Actors")]
    public void An_entry_of_another_kind_is_refused_in_words(string manifest)
    {
        var e = Assert.Throws<ArgumentException>(() => new JobSerializer(null!).FromBinary("{}"u8.ToArray(), manifest));
        Assert.Contains($"no entry of kind {manifest}; a newer version of fangs may have written it", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_that_is_none_of_ours_is_refused_in_words()
    {
        var serializer = new JobSerializer(null!);
        Assert.Contains("no entry of kind String", Assert.Throws<ArgumentException>(() => serializer.ToBinary("x")).Message, StringComparison.Ordinal);
        Assert.Contains("no entry of kind String", Assert.Throws<ArgumentException>(() => serializer.Manifest("x")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null", "is null")]
    [InlineData("", "")]
    [InlineData("[]", "")]
    [InlineData("""{"run_id":[1],"at":"2026-01-02T03:04:05Z"}""", "16 numbers")]
    public void An_entry_that_is_damaged_is_no_event(string json, string message) => Assert.Contains(
        message, Assert.Throws<JsonException>(() => new JobSerializer(null!).FromBinary(Encoding.UTF8.GetBytes(json), "job-forgotten-v1")).Message, StringComparison.Ordinal);
}
