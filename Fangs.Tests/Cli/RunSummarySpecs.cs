using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Runs;
using Fangs.Cli.Scans;

namespace Fangs.Tests.Cli;

public sealed class RunSummarySpecs
{
    [Theory]
    [InlineData("/work/node_modules/a/b.js", true)]
    [InlineData("/work", true)]
    [InlineData("/scan/x", true)]
    [InlineData("/tmp/test/node_modules/a", true)]
    [InlineData("/home/node/.npm/_cacache/tmp/1", true)]
    [InlineData("/home/node/.npm/_logs/x.log", true)]
    [InlineData("/dev/null", true)]
    [InlineData("/workshop/x", false)]
    [InlineData("/tmp/testing", false)]
    [InlineData("/work/../etc/passwd", false)]
    [InlineData("work/x", false)]
    [InlineData("", false)]
    [InlineData("/home/node/.npmrc", false)]
    [InlineData("/usr/lib/node_modules/npm/index.js", false)]
    public void Expected_places_are_told_from_others(string path, bool isInside) => Assert.Equal(isInside, InstallTree.Contains(path));

    [Fact]
    public void A_connection_to_an_address_of_several_names_is_told_by_its_address()
    {
        var summary = RunSummary.Of(
        [
            Row("dns_answer", """{"QName":"a.example","Answers":["198.18.0.1"]}"""),
            Row("dns_answer", """{"QName":"b.example","Answers":["198.18.0.1"]}"""),
            Row("net_connect", """{"DestIP":"198.18.0.1","DestPort":443}"""),
            Row("net_connect", """{"DestIP":"198.18.0.9","DestPort":53}"""),
        ]).ToJson();
        var host = Assert.Single(summary.Hosts);
        Assert.Equal(("", "198.18.0.1:443"), (host.Name, host.Addresses.Single()));
    }

    [Fact]
    public void Stages_missed_between_two_looks_are_told_once()
    {
        var stages = new RunStages();
        Assert.Equal(["queued", "handed to a runner", "sandbox started, events are arriving"], stages.Advance(new RunRow { State = "sandboxed" }));
        Assert.Empty(stages.Advance(new RunRow { State = "sandboxed" }));
        Assert.Equal(["result received", "done, inconclusive: lost events"], stages.Advance(new RunRow { State = "done", Conclusive = false, InconclusiveReason = "lost events" }));
        Assert.Equal(["failed: why"], new RunStages().Advance(new RunRow { State = "failed", FailureReason = "why" }));
    }

    [Theory]
    [InlineData("is-odd", "is-odd", "")]
    [InlineData("is-odd@3.0.1", "is-odd", "3.0.1")]
    [InlineData("@scope/x", "@scope/x", "")]
    [InlineData("@scope/x@1.0.0-rc.1+build.5", "@scope/x", "1.0.0-rc.1+build.5")]
    public void Package_references_are_read(string text, string name, string version) =>
        Assert.Equal(new PackageReference(name, version), PackageReference.Parse(text));

    private static EventRow Row(string type, string data) => new() { Type = type, Data = data };
}
