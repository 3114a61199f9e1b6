using System.Runtime.InteropServices;
using SharpFuzz;

namespace Fangs.Fuzz;

/// <summary>Commands of <c>./fuzz</c>: <c>list</c>, <c>instrument FOLDER</c>, <c>run TARGET</c> (below AFL++), <c>replay TARGET FILE…</c>, <c>keep TARGET CORPUS FILE…</c>.</summary>
internal static class Program
{
    private const int MapBytes = 1 << 16;

    // The product's, and the reader of YAML below the configuration file.
    private static readonly string[] Instrumented = ["Fangs.Protocol.dll", "Fangs.Actors.dll", "Fangs.Http.dll", "Fangs.Runner.dll", "fangs.dll", "YamlDotNet.dll"];

    private static int Main(string[] args)
    {
        GiveMap();
        switch (args)
        {
            case ["list"]:
                foreach (var target in FuzzTarget.All) Console.WriteLine($"{target.Name,-14} {target.About}");
                return 0;
            case ["instrument", var folder]:
                foreach (var file in Instrumented) Console.WriteLine($"{file}: {Fuzzer.Instrument(Path.Combine(folder, file), _ => true, Options.Value).Count()} types");
                return 0;
            case ["run", var name] when Find(name) is { } target:
                Run(target);
                return 0;
            case ["replay", var name, .. var files] when Find(name) is { } target:
                return Replay(target, files);
            case ["keep", var name, var corpus, .. var files] when Find(name) is { } target:
                Keep(target, corpus, files);
                return 0;
            default:
                Console.Error.WriteLine("usage: list | instrument FOLDER | run TARGET | replay TARGET FILE... | keep TARGET CORPUS FILE...");
                return 2;
        }
    }

    private static FuzzTarget? Find(string name) => FuzzTarget.All.FirstOrDefault(target => target.Name == name);

    private static void Run(FuzzTarget target)
    {
        // What is compiled on the way and made once must not count as the cost or the path of the first inputs.
        foreach (var seed in Directory.EnumerateFiles(Path.Combine(Environment.GetEnvironmentVariable("FANGS_FUZZ_SEEDS") ?? ".")).Take(200))
        {
            try
            {
                target.RunAsync(File.ReadAllBytes(seed));
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // Found again, and then reported, as the first thing.
            }
        }

        var buffer = new MemoryStream();
        Fuzzer.Run(stream =>
        {
            buffer.SetLength(0);
            stream.CopyTo(buffer);
            MarkMap();
            FuzzLimits.Run(target, buffer.ToArray());
        });
    }

    private static int Replay(FuzzTarget target, string[] files)
    {
        var findings = 0;
        foreach (var file in files)
        {
            try
            {
                FuzzLimits.Run(target, File.ReadAllBytes(file));
            }
            catch (Exception e)
            {
                findings++;
                Console.WriteLine($"{file}: {e}");
            }
        }

        Console.WriteLine($"{target.Name}: {files.Length} inputs, {findings} findings");
        return findings == 0 ? 0 : 1;
    }

    // Copies the inputs that reach what no input of the corpus does, small ones first, as long as the corpus stays small.
    private static void Keep(FuzzTarget target, string corpus, string[] files)
    {
        const int MostFiles = 200;
        const long MostBytes = 500_000;
        var known = Directory.EnumerateFiles(corpus).Select(file => new FileInfo(file)).ToList();
        var (count, size) = (known.Count, known.Sum(file => file.Length));
        // Once without looking: what happens only the first time is no merit of an input.
        foreach (var file in known) TraceOf(target, file.FullName);
        var reached = new bool[MapBytes];
        foreach (var file in known) Add(reached, TraceOf(target, file.FullName));
        var kept = 0;
        foreach (var file in files.Select(file => new FileInfo(file)).OrderBy(file => file.Length).ThenBy(file => file.Name, StringComparer.Ordinal))
        {
            if (count == MostFiles || size + file.Length > MostBytes) break;
            if (!Add(reached, TraceOf(target, file.FullName))) continue;
            var name = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file.FullName)))[..16];
            file.CopyTo(Path.Combine(corpus, name), overwrite: true);
            (count, size, kept) = (count + 1, size + file.Length, kept + 1);
        }

        Console.WriteLine($"{target.Name}: {kept} of {files.Length} inputs are new, now {count} with {size} bytes that reach {reached.Count(cell => cell)} cells of the map");
    }

    private static unsafe byte[] TraceOf(FuzzTarget target, string file)
    {
        var map = new Span<byte>(SharpFuzz.Common.Trace.SharedMem, MapBytes);
        map.Clear();
        SharpFuzz.Common.Trace.PrevLocation = 0;
        FuzzLimits.RunOnce(target, File.ReadAllBytes(file));
        return map.ToArray();
    }

    private static bool Add(bool[] reached, byte[] trace)
    {
        var isNew = false;
        for (var cell = 0; cell < trace.Length; cell++)
        {
            if (trace[cell] == 0 || reached[cell]) continue;
            reached[cell] = isNew = true;
        }

        return isNew;
    }

    // AFL++ takes an input without any trace for a sign that nothing is instrumented; but the framework's readers refuse some before ours see them.
    private static unsafe void MarkMap() => SharpFuzz.Common.Trace.SharedMem[0]++;

    // Instrumented code writes into the map of the fuzzer, which is not there before the fuzzer is.
    private static unsafe void GiveMap() => SharpFuzz.Common.Trace.SharedMem = (byte*)NativeMemory.AllocZeroed(MapBytes);
}
