using System.Globalization;
using System.Text.RegularExpressions;

namespace Fangs.Tests.Telemetry;

/// <summary>A sample: name, labels, value.</summary>
internal sealed record Sample(string Name, IReadOnlyDictionary<string, string> Labels, double Value);

/// <summary>Reads Prometheus' text format, strictly: what it would refuse or warn of is an error here.</summary>
internal sealed partial class PrometheusText
{
    private readonly Dictionary<string, string> _types = new(StringComparer.Ordinal);

    private readonly List<Sample> _samples = [];

    public IReadOnlyDictionary<string, string> Types => _types;

    public IReadOnlyList<Sample> Samples => _samples;

    public static PrometheusText Parse(string text)
    {
        var parsed = new PrometheusText();
        var helped = new HashSet<string>(StringComparer.Ordinal);
        Assert.EndsWith("\n", text);
        foreach (var line in text.TrimEnd('\n').Split('\n'))
        {
            if (line.StartsWith("# HELP ", StringComparison.Ordinal))
            {
                Assert.True(helped.Add(line.Split(' ')[2]), $"two helps: {line}");
                Assert.True(line.Split(' ').Length > 3, $"no words in: {line}");
            }
            else if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                var words = line.Split(' ');
                Assert.Contains(words[3], new[] { "counter", "gauge", "histogram" });
                Assert.Contains(words[2], helped);
                parsed._types.Add(words[2], words[3]);
            }
            else
            {
                parsed.Add(line);
            }
        }

        parsed.CheckHistograms();
        return parsed;
    }

    /// <summary>The value of one series; labels as <c>name=value</c>.</summary>
    public double Value(string name, params string[] labels) => Find(name, labels)
        ?? throw new KeyNotFoundException($"There is no {name} {string.Join(' ', labels)}.");

    public double? Find(string name, params string[] labels) => _samples.SingleOrDefault(
        s => s.Name == name && s.Labels.Count(l => l.Key != "le") == labels.Length && labels.All(l => s.Labels.Any(have => $"{have.Key}={have.Value}" == l)))?.Value;

    public double Sum(string name) => _samples.Where(s => s.Name == name).Sum(s => s.Value);

    /// <summary>The metric to which a sample belongs: a histogram's samples have suffixes.</summary>
    public string FamilyOf(string sample) => new[] { "_bucket", "_sum", "_count" }
        .Where(suffix => sample.EndsWith(suffix, StringComparison.Ordinal) && _types.GetValueOrDefault(sample[..^suffix.Length]) == "histogram")
        .Select(suffix => sample[..^suffix.Length])
        .FirstOrDefault(sample);

    private void Add(string line)
    {
        var match = SampleLine().Match(line);
        Assert.True(match.Success, $"not a sample: {line}");
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (Match label in Label().Matches(match.Groups["labels"].Value)) labels.Add(label.Groups["name"].Value, label.Groups["value"].Value);
        var text = match.Groups["value"].Value;
        var value = text switch
        {
            "+Inf" => double.PositiveInfinity,
            "NaN" => double.NaN,
            _ => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
        };
        var sample = new Sample(match.Groups["name"].Value, labels, value);
        var family = FamilyOf(sample.Name);
        Assert.True(_types.TryGetValue(family, out var type), $"no type before: {line}");
        Assert.True(type != "counter" || (family.EndsWith("_total", StringComparison.Ordinal) && value >= 0), $"not a counter: {line}");
        Assert.True(type == "counter" || !family.EndsWith("_total", StringComparison.Ordinal), $"a total that is no counter: {line}");
        Assert.DoesNotContain(_samples, s => s.Name == sample.Name && s.Labels.Count == labels.Count && s.Labels.All(l => labels.GetValueOrDefault(l.Key) == l.Value));
        _samples.Add(sample);
    }

    private void CheckHistograms()
    {
        foreach (var (name, _) in _types.Where(t => t.Value == "histogram"))
        {
            foreach (var series in _samples.Where(s => s.Name == name + "_bucket").GroupBy(s => string.Join(',', s.Labels.Where(l => l.Key != "le"))))
            {
                var buckets = series.ToList();
                Assert.Equal("+Inf", buckets[^1].Labels["le"]);
                Assert.True(buckets.Zip(buckets.Skip(1), (lower, higher) => lower.Value <= higher.Value).All(rises => rises), $"{name} does not rise");
            }
        }
    }

    [GeneratedRegex("""^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?<labels>(?:[^"}]|"(?:[^"\\]|\\.)*")*)\})? (?<value>\S+)$""")]
    private static partial Regex SampleLine();

    [GeneratedRegex("""(?<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?<value>(?:[^"\\]|\\.)*)",?""")]
    private static partial Regex Label();
}
