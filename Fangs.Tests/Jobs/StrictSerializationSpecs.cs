using Akka.Configuration;
using Akka.TestKit.Xunit2;
using Fangs.Actors.Jobs;

namespace Fangs.Tests.Jobs;

/// <summary>What the dispatcher persists on its way between actors that take nothing unserialized, under the orchestrator's own bindings.</summary>
public sealed class StrictSerializationSpecs() : TestKit(Strict)
{
    private static Config Strict => ConfigurationFactory.ParseString("akka.actor.serialize-messages = on, akka.test.single-expect-default = 60s")
        .WithFallback(ConfigurationFactory.ParseString(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "hocon", "fangs.conf"))));

    public static TheoryData<string> Kinds() => JobSerializerSpecs.Kinds();

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Actors_get_it_whole_through_the_serializer_of_the_configuration(string kind)
    {
        var value = Persisted.ValueOf(kind);
        var serializer = Assert.IsType<JobSerializer>(Sys.Serialization.FindSerializerFor(value));
        TestActor.Tell(value, TestActor);
        var received = await ExpectMsgAsync<object>();
        Assert.NotSame(value, received);
        Assert.Equal(serializer.ToBinary(value), serializer.ToBinary(received));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_journal_names_it_by_our_id_and_a_short_manifest(string kind)
    {
        var value = Persisted.ValueOf(kind);
        var serializer = Sys.Serialization.FindSerializerFor(value);
        var manifest = Akka.Serialization.Serialization.ManifestFor(serializer, value);
        Assert.Equal((410, false), (serializer.Identifier, manifest.Contains("Fangs", StringComparison.OrdinalIgnoreCase)));
        Assert.Equal(value.GetType(), Sys.Serialization.Deserialize(serializer.ToBinary(value), serializer.Identifier, manifest).GetType());
    }
}
