using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Fangs.Actors.Telemetry;
using Prometheus;
using M = Prometheus.Metrics;

namespace Fangs.Http.Metrics;

/// <summary>Keeps the sums of an orchestrator's instruments and writes them as Prometheus text, with the series of the process.</summary>
/// <remarks>
/// prometheus-net's own adapter publishes counters as gauges and forgets series that were not raised for a while, which would make a
/// counter go back to zero. Here an instrument keeps its kind and its series for as long as the process lives.
/// </remarks>
public sealed class PrometheusExporter : IDisposable
{
    /// <summary>Content type of the text.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly CollectorRegistry _registry = M.NewCustomRegistry();
    private readonly MeterListener _listener = new();

    /// <summary>Begins to listen.</summary>
    public PrometheusExporter(FangsMetrics metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        DotNetStats.Register(_registry);
        var factory = M.WithCustomRegistry(_registry);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // By reference: another orchestrator in the process has a meter of the same name.
            if (ReferenceEquals(instrument.Meter, metrics.Meter)) listener.EnableMeasurementEvents(instrument, new Series(factory, instrument));
        };
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, state) => ((Series)state!).Take(value, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, state) => ((Series)state!).Take(value, tags));
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, state) => ((Series)state!).Take(value, tags));
        _listener.Start();
        metrics.PublishZeros();
    }

    /// <summary>The series of this moment.</summary>
    public async Task<byte[]> CollectAsync(CancellationToken cancellationToken)
    {
        _listener.RecordObservableInstruments();
        using var text = new MemoryStream();
        await _registry.CollectAndExportAsTextAsync(text, cancellationToken);
        return text.ToArray();
    }

    /// <inheritdoc/>
    public void Dispose() => _listener.Dispose();

    /// <summary>The series of one instrument: one per combination of label values. The labels' names are those of the first measurement.</summary>
    private sealed class Series(MetricFactory factory, Instrument instrument)
    {
        private static readonly string[] NoLabels = [];

        private readonly ConcurrentDictionary<LabelValues, Action<double>> _children = new();
        private readonly Lock _gate = new();
        private Func<string[], Action<double>>? _childOf;

        public void Take(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var key = new LabelValues(tags);
            if (!_children.TryGetValue(key, out var child)) child = _children.GetOrAdd(key, ChildOf(tags));
            child(value);
        }

        private Action<double> ChildOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var (names, values) = (NoLabels, NoLabels);
            if (tags.Length > 0)
            {
                (names, values) = (new string[tags.Length], new string[tags.Length]);
                for (var i = 0; i < tags.Length; i++) (names[i], values[i]) = (tags[i].Key, Text(tags[i].Value));
            }

            lock (_gate) _childOf ??= Create(names);
            return _childOf(values);
        }

        private Func<string[], Action<double>> Create(string[] labels)
        {
            var help = instrument.Description ?? "";
            if (instrument.GetType().GetGenericTypeDefinition() == typeof(Counter<>))
            {
                var counter = factory.CreateCounter(instrument.Name, help, labels);
                return values => counter.WithLabels(values).Inc;
            }

            if (instrument.GetType().GetGenericTypeDefinition() == typeof(ObservableCounter<>))
            {
                var counter = factory.CreateCounter(instrument.Name, help, labels);
                return values => counter.WithLabels(values).IncTo;
            }

            if (instrument is Histogram<double> { Advice.HistogramBucketBoundaries: { } bounds })
            {
                var histogram = factory.CreateHistogram(instrument.Name, help, labels, new HistogramConfiguration { Buckets = [.. bounds] });
                return values => histogram.WithLabels(values).Observe;
            }

            var gauge = factory.CreateGauge(instrument.Name, help, labels);
            return values => gauge.WithLabels(values).Set;
        }

        private static string Text(object? value) => Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture) ?? "";

        /// <summary>Up to three label values, compared by value.</summary>
        private readonly record struct LabelValues(object? First, object? Second, object? Third)
        {
            public LabelValues(ReadOnlySpan<KeyValuePair<string, object?>> tags)
                : this(tags.Length > 0 ? tags[0].Value : null, tags.Length > 1 ? tags[1].Value : null, tags.Length > 2 ? tags[2].Value : null)
            {
                if (tags.Length > 3) throw new NotSupportedException("A series has at most three labels.");
            }
        }
    }
}
