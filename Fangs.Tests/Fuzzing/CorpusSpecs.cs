using Fangs.Fuzz;

namespace Fangs.Tests.Fuzzing;

/// <summary>What fuzzing has found and kept, played to the parsers again: each input within 1 s and 256 MiB, with the same invariants.</summary>
public sealed class CorpusSpecs
{
    private const int MostFiles = 200;
    private const long MostBytes = 500_000;
    private static readonly TimeSpan Net = TimeSpan.FromSeconds(30);

    public static TheoryData<string> Targets() => [.. FuzzTarget.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task Every_input_of_a_corpus_is_read_or_refused(string name)
    {
        var files = Files("Corpus", name).ToList();
        Assert.NotEmpty(files);
        foreach (var file in files) await ReplayAsync(name, file);
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task What_was_a_finding_once_is_none_any_more(string name)
    {
        foreach (var file in Files("Findings", name)) await ReplayAsync(name, file);
    }

    [Theory]
    [MemberData(nameof(Targets))]
    public void A_corpus_stays_small(string name)
    {
        var files = Files("Corpus", name).ToList();
        Assert.InRange(files.Count, 5, MostFiles);
        Assert.InRange(files.Sum(file => new FileInfo(file).Length), 1, MostBytes);
    }

    [Fact]
    public void Every_folder_belongs_to_a_target()
    {
        var folders = new[] { "Corpus", "Findings" }.Select(kind => Path.Combine(Repository.Root, "Fangs.Fuzz", kind)).Where(Directory.Exists)
            .SelectMany(Directory.EnumerateDirectories).Select(folder => Path.GetFileName(folder)!);
        Assert.Empty(folders.Except(FuzzTarget.All.Select(target => target.Name)));
    }

    [Fact]
    public void An_input_that_takes_too_much_memory_is_a_finding()
    {
        var greedy = Target(_ => GC.KeepAlive(new byte[FuzzLimits.MaxBytes + 1]));
        Assert.Contains("MiB", Assert.Throws<FindingException>(() => FuzzLimits.RunOnce(greedy, default)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_input_that_takes_too_much_time_is_a_finding()
    {
        var slow = Target(_ =>
        {
            for (var start = Environment.CpuUsage.TotalTime; Environment.CpuUsage.TotalTime - start <= FuzzLimits.MaxTime;)
            {
            }
        });
        Assert.Contains("processor time", Assert.Throws<FindingException>(() => FuzzLimits.Run(slow, default)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_exception_that_no_target_expects_is_a_finding() =>
        Assert.Throws<IndexOutOfRangeException>(() => FuzzLimits.RunOnce(Target(input => _ = input.ToArray()[1]), new byte[1]));

    private static FuzzTarget Target(Action<ReadOnlyMemory<byte>> run) => new("of-a-test", "", input =>
    {
        run(input);
        return Task.CompletedTask;
    });

    private static IEnumerable<string> Files(string kind, string name)
    {
        var folder = Path.Combine(Repository.Root, "Fangs.Fuzz", kind, name);
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal) : [];
    }

    private static async Task ReplayAsync(string name, string file)
    {
        var target = FuzzTarget.All.Single(t => t.Name == name);
        var input = await File.ReadAllBytesAsync(file);
        // The first input of a target waits for the compiler, and a busy machine may hold a thread up; what is slow by itself is so every time.
        for (var tries = 3; ; tries--)
        {
            var run = Task.Run(() => FuzzLimits.RunOnce(target, input));
            try
            {
                await run.WaitAsync(FuzzLimits.MaxTime);
                return;
            }
            catch (TimeoutException) when (tries > 1 && !run.IsFaulted)
            {
                await run.WaitAsync(Net);
            }
            catch (Exception e)
            {
                Assert.Fail($"{Path.GetRelativePath(Repository.Root, file)}: {e}");
            }
        }
    }
}
