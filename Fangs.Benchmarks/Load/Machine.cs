using System.Globalization;
using System.Runtime.InteropServices;

namespace Fangs.Benchmarks.Load;

/// <summary>What a measurement was made on.</summary>
internal static class Machine
{
    /// <summary>Processors, memory, kernel, runtime.</summary>
    public static string Describe()
    {
        var model = ValueOf("/proc/cpuinfo", "model name");
        var memory = long.Parse(ValueOf("/proc/meminfo", "MemTotal").Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
        var kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        return string.Create(CultureInfo.InvariantCulture,
            $"{Environment.ProcessorCount} × {model}, {memory / (1024.0 * 1024):0} GiB, Linux {kernel}, {RuntimeInformation.FrameworkDescription}");
    }

    /// <summary>The load average of the last minute: above the number of processors something else was measured too.</summary>
    public static double LoadAverage() => double.Parse(File.ReadAllText("/proc/loadavg").Split(' ')[0], CultureInfo.InvariantCulture);

    private static string ValueOf(string file, string name) =>
        File.ReadLines(file).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal))?.Split(':')[1].Trim() ?? "0";
}
