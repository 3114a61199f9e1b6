using System.Text.Json;
using Fangs.Actors.Analysis;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Scans;
using Fangs.Protocol;

namespace Fangs.Tests.Fuzzing;

/// <summary>What the reproducers in <c>Fangs.Fuzz/Findings</c> were about, in words.</summary>
public sealed class FoundByFuzzingSpecs
{
    private const string HalfAPair = """{"\ud83d":1,"CommStr":"node","Header":{"\udc00":2,"PID":7}}""";

    [Fact]
    public void A_key_that_is_no_text_does_not_hide_the_members_beside_it()
    {
        var payload = EventPayload.Parse(HalfAPair);
        Assert.Equal(("node", 7L, ""), (payload.Comm, payload.Pid, payload.Role));
        using var document = JsonDocument.Parse("""{"a":1,"\ud83d":2,"a":3}""");
        Assert.Equal(3, JsonMember.Find(document.RootElement, "a").GetInt32());
        Assert.Equal(JsonValueKind.Undefined, JsonMember.Find(document.RootElement, "b").ValueKind);
        Assert.Equal(JsonValueKind.Undefined, JsonMember.Find(JsonMember.Find(document.RootElement, "a"), "a").ValueKind);
    }

    [Fact]
    public void A_registry_cannot_end_a_command_with_a_key_that_is_no_text()
    {
        using var document = JsonDocument.Parse("""{"\ud83d":1,"dist-tags":{"\udc00":1,"latest":"1.3.0"},"versions":{"1.3.0":{"\ud83dx":1,"dist":{}}}}""");
        Assert.Equal("1.3.0", NpmRegistry.Validate(document.RootElement, new PackageReference("left-pad", "")).Version);
    }

    [Theory]
    [InlineData("/x /.")]
    [InlineData("/a/x\t/b/..")]
    public void A_path_that_would_lose_its_end_is_not_taken_into_the_allow_list(string path)
    {
        Assert.StartsWith("value: ", AllowEntry.TryCreate(AllowKind.Path, path, null, out var entry), StringComparison.Ordinal);
        Assert.Null(entry);
    }

    [Fact]
    public void An_alert_target_with_a_header_twice_can_be_shown()
    {
        var masked = NotifierSecrets.Masked(new NotifierRow { Url = "https://hooks.example/in", Headers = """{"A":"secret","A":"${KEY}"}""" });
        Assert.Equal("""{"A":"${KEY}"}""", masked.Headers);
    }
}
