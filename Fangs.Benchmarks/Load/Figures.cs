using System.Collections;

namespace Fangs.Benchmarks.Load;

/// <summary>What one measurement gave: named numbers. Times are in the unit that their name ends in.</summary>
internal sealed class Figures(string @case) : IEnumerable<KeyValuePair<string, double>>
{
    private readonly Dictionary<string, double> _values = [];

    /// <summary>What was measured, such as <c>ingest-streams/8/full</c>.</summary>
    public string Case => @case;

    public double this[string name]
    {
        get => _values.GetValueOrDefault(name, double.NaN);
        set => _values[name] = value;
    }

    /// <summary>The median of each figure over several measurements of one case.</summary>
    public static Figures Median(IReadOnlyList<Figures> rounds)
    {
        var median = new Figures(rounds[0].Case);
        foreach (var name in rounds.SelectMany(r => r).Select(p => p.Key).Distinct())
            median[name] = rounds.Select(r => r[name]).Where(double.IsFinite).Order().ToList() is { Count: > 0 } values ? values[values.Count / 2] : double.NaN;
        return median;
    }

    /// <summary>Adds the usual percentiles of latencies.</summary>
    /// <param name="prefix">Begins the names.</param>
    /// <param name="latencies">The latencies.</param>
    public void AddLatencies(string prefix, IEnumerable<TimeSpan> latencies)
    {
        var sorted = latencies.Select(l => l.TotalMilliseconds).Order().ToList();
        if (sorted.Count == 0) throw new LoadException($"Nothing was measured for {prefix} of {Case}.");
        this[prefix + "p50_ms"] = sorted[sorted.Count / 2];
        this[prefix + "p99_ms"] = sorted[(int)(sorted.Count * 0.99)];
        this[prefix + "max_ms"] = sorted[^1];
    }

    public IEnumerator<KeyValuePair<string, double>> GetEnumerator() => _values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>What all measurements share.</summary>
/// <param name="Fangs">Path of the executable.</param>
internal sealed record LoadSettings(string Fangs)
{
    /// <summary>Load before the measurement begins: the code gets compiled, caches fill.</summary>
    public TimeSpan WarmUp { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>How long a rate is measured.</summary>
    public TimeSpan Window { get; init; } = TimeSpan.FromSeconds(6);
}
