using System.Reflection;
using System.Xml.Linq;
using Akka.Configuration;
using Fangs.Actors.Jobs;

namespace Fangs.Tests.Architecture;

/// <summary>Which room may know which, and what the pure one must not do.</summary>
public sealed class ArchitectureSpecs
{
    private const string Analysis = "Fangs.Actors.Analysis";

    private static readonly Dictionary<string, string[]> MayDependOn = new()
    {
        ["Fangs.Protocol"] = [],
        ["Fangs.Actors"] = ["Fangs.Protocol"],
        ["Fangs.Http"] = ["Fangs.Actors", "Fangs.Protocol"],
        ["Fangs.Runner"] = ["Fangs.Protocol"],
        ["Fangs.Cli"] = ["Fangs.Actors", "Fangs.Http", "Fangs.Protocol", "Fangs.Runner"],
        ["Fangs.Tests"] = ["Fangs.Actors", "Fangs.Benchmarks", "Fangs.Chaos", "Fangs.Cli", "Fangs.Fuzz", "Fangs.Http", "Fangs.Protocol", "Fangs.Runner"],
        ["Fangs.Chaos"] = [],
        ["Fangs.Benchmarks"] = ["Fangs.Actors", "Fangs.Cli", "Fangs.Http", "Fangs.Protocol", "Fangs.Runner"],
        ["Fangs.Fuzz"] = ["Fangs.Actors", "Fangs.Cli", "Fangs.Http", "Fangs.Protocol", "Fangs.Runner"],
    };

    /// <summary>Beginnings of names that pure code has no use for: actors, files, databases, networks, clocks, timers, threads, chance.</summary>
    private static readonly string[] Impure =
    [
        "Akka.", "System.IO.", "System.Data.", "Microsoft.Data.", "Npgsql.", "Dapper.", "DbUp.", "LinqToDB.", "SQLitePCL.", "System.Net.Http.",
        "System.Net.Sockets.Socket", "System.Net.Sockets.Tcp", "System.Net.Sockets.Udp", "System.Net.Sockets.NetworkStream", "System.Net.Dns", "Microsoft.Extensions.", "System.TimeProvider", "System.DateTime::get_UtcNow", "System.DateTime::get_Now",
        "System.DateTime::get_Today", "System.DateTimeOffset::get_UtcNow", "System.DateTimeOffset::get_Now", "System.Environment", "System.Console",
        "System.Diagnostics.Stopwatch", "System.Diagnostics.Process", "System.Threading.Timer", "System.Threading.PeriodicTimer", "System.Threading.Thread",
        "System.Threading.Tasks.", "System.Random", "System.Guid::NewGuid", "System.Security.Cryptography.RandomNumberGenerator",
    ];

    private static IEnumerable<string> ProjectFiles => Directory.EnumerateFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(Repository.Root, f)).Where(f => !f.Contains("/obj/", StringComparison.Ordinal));

    public static TheoryData<string> Projects() => [.. ProjectFiles];

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_refers_to_those_that_its_room_may_know(string file)
    {
        var name = Path.GetFileNameWithoutExtension(file);
        Assert.True(MayDependOn.TryGetValue(name, out var allowed), $"{file} is no room of the design");
        var referred = XDocument.Load(Path.Combine(Repository.Root, file)).Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value));
        Assert.Empty(referred.Except(allowed));
    }

    [Theory]
    [InlineData("Fangs.Protocol", "Fangs.Protocol")]
    [InlineData("Fangs.Actors", "Fangs.Actors")]
    [InlineData("Fangs.Http", "Fangs.Http")]
    [InlineData("Fangs.Runner", "Fangs.Runner")]
    [InlineData("Fangs.Cli", "fangs")]
    public void An_assembly_uses_those_that_its_room_may_know(string room, string assembly)
    {
        var used = Assembly.Load(assembly).GetReferencedAssemblies().Select(a => a.Name == "fangs" ? "Fangs.Cli" : a.Name!);
        Assert.Empty(used.Where(MayDependOn.ContainsKey).Except(MayDependOn[room]));
    }

    [Fact]
    public void Every_room_is_there() =>
        Assert.Equal(MayDependOn.Keys.Order(), ProjectFiles.Select(f => Path.GetFileNameWithoutExtension(f)!).Order());

    [Fact]
    public void The_wire_types_need_nothing_but_the_runtime() =>
        Assert.All(Assembly.Load("Fangs.Protocol").GetReferencedAssemblies(), a => Assert.StartsWith("System.", a.Name, StringComparison.Ordinal));

    [Fact]
    public void The_runner_knows_no_actors_and_no_database() =>
        Assert.DoesNotContain(Assembly.Load("Fangs.Runner").GetReferencedAssemblies(), a => Impure[..1].Append("Microsoft.Data.").Any(p => $"{a.Name}.".StartsWith(p, StringComparison.Ordinal)));

    [Fact]
    public void The_analysis_is_pure()
    {
        var uses = NamespaceUses.Of(typeof(Fangs.Actors.Analysis.PathRules).Assembly, Analysis);
        Assert.Contains(typeof(Fangs.Actors.Analysis.FingerprintExtractor).FullName!, uses.Select(u => u.Key));
        Assert.Contains("System.Net.IPAddress", uses[typeof(Fangs.Actors.Analysis.FingerprintExtractor).FullName!]); // so the instructions were read
        Assert.Empty(uses.SelectMany(u => u.Where(IsImpure).Select(use => $"{u.Key} uses {use}")));
    }

    [Fact]
    public void The_analysis_knows_no_other_room_of_its_assembly()
    {
        // The words for the states of a run are data, wherever they are kept.
        string[] known = [Analysis + ".", typeof(Fangs.Actors.Storage.RunStates).FullName!];
        var uses = NamespaceUses.Of(typeof(Fangs.Actors.Analysis.PathRules).Assembly, Analysis).SelectMany(u => u).Distinct();
        Assert.DoesNotContain(uses, u => u.StartsWith("Fangs.Actors.", StringComparison.Ordinal) && !known.Any(k => u.StartsWith(k, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("Akka.Actor.IActorRef")]
    [InlineData("System.IO.File::Exists")]
    [InlineData("System.IO.File::ReadLines")]
    [InlineData("System.TimeProvider::GetUtcNow")]
    [InlineData("System.Net.Http.HttpClient")]
    [InlineData("Microsoft.Data.Sqlite.SqliteConnection")]
    [InlineData("System.Guid::NewGuid")]
    public void Impure_code_would_be_found(string use)
    {
        var found = NamespaceUses.Of(typeof(Impure.ImpureCode).Assembly, typeof(Impure.ImpureCode).Namespace!).SelectMany(u => u).Where(IsImpure);
        Assert.Contains(use, found);
    }

    public static TheoryData<string> HoconFiles() =>
        [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "hocon")).Select(f => Path.GetRelativePath(Repository.Root, f))];

    [Theory]
    [MemberData(nameof(HoconFiles))]
    public void A_hocon_file_parses_and_the_classes_that_it_names_exist(string file)
    {
        var config = ConfigurationFactory.ParseString(File.ReadAllText(Path.Combine(Repository.Root, file)));
        Assert.False(config.IsEmpty);
        var classes = config.AsEnumerable().SelectMany(pair => Strings(pair.Key, pair.Value)).Where(text => text.Contains(", ", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(classes);
        Assert.All(classes, name => Assert.NotNull(Type.GetType(name)));
    }

    [Fact]
    public void Everything_that_the_dispatcher_persists_has_a_manifest_of_its_own()
    {
        var persisted = typeof(IJobEvent).Assembly.GetTypes().Where(t => t.IsAssignableTo(typeof(IJobEvent)) && t is { IsInterface: false, IsAbstract: false })
            .Append(typeof(JobQueueSnapshot)).ToList();
        Assert.Equal(persisted.Select(t => t.Name).Order(), JobSerializer.Types.Select(t => t.Name).Order());
        var serializer = new JobSerializer(null!);
        var manifests = persisted.Select(t => serializer.Manifest(System.Runtime.CompilerServices.RuntimeHelpers.GetUninitializedObject(t))).ToList();
        Assert.Equal(manifests.Count, manifests.Distinct().Count());
        Assert.All(manifests, m => Assert.Matches("^[a-z]+(-[a-z]+)*-v[0-9]+$", m));
    }

    [Fact]
    public void The_configuration_gives_everything_that_is_persisted_to_the_serializer()
    {
        var bindings = ConfigurationFactory.ParseString(File.ReadAllText(Path.Combine(Repository.Root, "hocon", "fangs.conf")))
            .GetConfig("akka.actor.serialization-bindings").AsEnumerable().Where(b => b.Value.GetString() == "job-queue").Select(b => Type.GetType(b.Key)!).ToList();
        Assert.All(JobSerializer.Types, type => Assert.Contains(bindings, type.IsAssignableTo));
    }

    // The kind of an address is a word of the namespace of sockets, but opens none.
    private static bool IsImpure(string use) =>
        use != "System.Net.Sockets.AddressFamily" && Impure.Any(start => use.StartsWith(start, StringComparison.Ordinal));

    private static IEnumerable<string> Strings(string key, Akka.Configuration.Hocon.HoconValue value)
    {
        if (value.IsObject()) return value.GetObject().Items.SelectMany(pair => Strings(pair.Key.Trim('"'), pair.Value)).Prepend(key.Trim('"'));
        return value.IsString() ? [key.Trim('"'), value.GetString()] : [key.Trim('"')];
    }
}
