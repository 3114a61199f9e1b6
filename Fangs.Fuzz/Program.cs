using System.Runtime.InteropServices;
using SharpFuzz;

namespace Fangs.Fuzz;

/// <summary>Commands of <c>./fuzz</c>: <c>list</c>, <c>instrument FOLDER</c>, <c>run TARGET</c> (below AFL++), <c>replay TARGET FILE…</c>.</summary>
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
            default:
                Console.Error.WriteLine("usage: list | instrument FOLDER | run TARGET | replay TARGET FILE...");
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

    // AFL++ takes an input without any trace for a sign that nothing is instrumented; but the framework's readers refuse some before ours see them.
    private static unsafe void MarkMap() => SharpFuzz.Common.Trace.SharedMem[0]++;

    // Instrumented code writes into the map of the fuzzer, which is not there before the fuzzer is.
    private static unsafe void GiveMap() => SharpFuzz.Common.Trace.SharedMem = (byte*)NativeMemory.AllocZeroed(MapBytes);
}
