using System.Globalization;
using BenchmarkDotNet.Attributes;
using Fangs.Actors.Analysis;
using Fangs.Actors.Storage;
using Fangs.Protocol;

namespace Fangs.Benchmarks.Micro;

/// <summary>The pure steps between an event and a deviation.</summary>
[MemoryDiagnoser]
public class AnalysisBenchmarks
{
    private const string KnownPath = "/home/node/app/node_modules/left-thing/lib/internal/file-7.js";

    private static readonly string[] Phases = ["install", "import"];

    private readonly FingerprintExtractor _extractor = new();
    private List<(Fingerprint, FingerprintTally)> _parts = [];
    private PackageBasis _basis = null!;
    private string[] _paths = [];
    private int _next;

    /// <summary>Distinct things that a run did.</summary>
    [Params(300, 5000)]
    public int Fingerprints { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _paths = [.. Enumerable.Range(0, Fingerprints).Select(i => string.Create(CultureInfo.InvariantCulture, $"/tmp/npm-{i:x8}/_cacache/content-v2/sha512/ab/../cd/{i}.js"))];
        _parts = [.. _paths.SelectMany((path, i) => Phases.Select(phase =>
            (new Fingerprint(FingerprintCategory.PathRead, path, "script", phase), new FingerprintTally(1, i, i, default(EventTags)))))];
        var run = RunId.New(TimeProvider.System);
        var shown = RunFingerprint.Merge(_parts);
        _basis = new PackageBasis
        {
            Package = "left-thing",
            Run = new JudgedRun { Id = run, State = RunStates.Analyzed, IsConclusive = true, Batches = 1, Fingerprints = shown },
            Known = shown.Skip(3).ToDictionary(f => f.Key, _ => new BaselineMark("earlier", "earlier", 1)),
            HasBaseline = true,
            HasOthers = true,
        };
    }

    /// <summary>Verdict on a run that did three things more than its baseline knows.</summary>
    [Benchmark]
    public PackageChange Judge() => Differ.Judge(_basis, AllowFilter.None, minRuns: 1, () => "id");

    /// <summary>Fingerprint of a path that has been seen before, which is nearly every one.</summary>
    [Benchmark]
    public bool ExtractKnown() => Extract(KnownPath);

    /// <summary>Fingerprint of paths that take turns, more of them than are remembered when there are 5,000.</summary>
    [Benchmark]
    public bool ExtractMany() => Extract(_paths[_next = (_next + 1) % _paths.Length]);

    /// <summary>Normalisation of a path, as it happens when one is new.</summary>
    [Benchmark]
    public string Normalise() => PathRules.Normalise(_paths[_next = (_next + 1) % _paths.Length]);

    /// <summary>Joins the fingerprints of a run over roles and phases, the first step of a verdict.</summary>
    [Benchmark]
    public int Merge() => RunFingerprint.Merge(_parts).Count;

    private bool Extract(string path) =>
        _extractor.TryExtract(new EventFacts { Type = EventType.FileAccess, Role = "script", Phase = "install", Ret = 3, Op = "open", Path = path }, out _);
}
