using System.Text;
using Fangs.Actors.Analysis;
using Fangs.Actors.Notifiers;
using Fangs.Actors.Reports;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Fuzz.Targets;

/// <summary>Texts of a database that the original has filled, which did not check what it stored. The first character says which, words are separated by line ends.</summary>
internal static class StoredTarget
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static readonly string[] Categories =
        [FingerprintCategory.PathRead, FingerprintCategory.PathWrite, FingerprintCategory.Exec, FingerprintCategory.Destination, FingerprintCategory.Dns, FingerprintCategory.HttpsHost];

    internal static FuzzTarget Target { get; } = new("stored", "texts of a database of the original: allow list, baseline, times, alert targets", RunAsync);

    private static Task RunAsync(ReadOnlyMemory<byte> input)
    {
        var text = Encoding.UTF8.GetString(input.Span);
        if (text.Length == 0) return Task.CompletedTask;
        var words = text[1..].Split('\n', 3);
        switch (text[0])
        {
            case 'a':
                Allow(words[0], words.ElementAtOrDefault(1) ?? "", words.ElementAtOrDefault(2) ?? "");
                break;
            case 'b':
                Baseline(words[0], words.ElementAtOrDefault(1) ?? "");
                break;
            case 't':
                Time(text[1..]);
                break;
            case 'n':
                Notifier(words[0], words.ElementAtOrDefault(1));
                break;
            case 's':
                _ = AllowFilter.Create([], "a", Now, AnalysisSettingsText.Parse(1, true, text[1..])).Hides(Behaviour(FingerprintCategory.Destination, "192.0.2.1:443"), showsHost: true);
                break;
        }

        return Task.CompletedTask;
    }

    private static void Allow(string kind, string value, string behaviour)
    {
        var filter = AllowFilter.Create([new StoredAllowEntry("1", kind, value, null, null)], "a", Now, new AnalysisSettings());
        foreach (var category in Categories) _ = filter.Hides(Behaviour(category, behaviour), showsHost: true);
    }

    private static void Baseline(string category, string value)
    {
        var extractor = new FingerprintExtractor();
        var renewed = BaselineValue.Renew(extractor, category, value);
        // Names and addresses that no sensor of ours writes ("a..", "[ []") lose a layer each time.
        if (category is FingerprintCategory.Dns or FingerprintCategory.Destination) return;
        FindingException.Unless(BaselineValue.Renew(extractor, category, renewed) == renewed, $"'{value}' is renewed to '{renewed}' and that to something else");
    }

    private static void Time(string text)
    {
        FindingException.Unless(TimeText.Absolute(text).Length > 0 && TimeText.Rfc3339(text).Length > 0 && TimeText.Relative(text, Now).Length > 0, "a time that shows as nothing");
        try
        {
            var at = StorageText.ParseTime(text);
            FindingException.Unless(StorageText.ParseTime(StorageText.Time(at)) - at is { Ticks: > -10 and <= 0 }, "a time is another one when it is stored");
        }
        catch (FormatException)
        {
            // As documented.
        }
    }

    private static void Notifier(string url, string? headers)
    {
        var masked = NotifierSecrets.Masked(new NotifierRow { Url = url, Headers = headers });
        FindingException.Unless(masked.Headers is null == headers is null, "headers came or went");
        if (headers is not null) _ = NotifierRules.ReadHeaders(headers);
    }

    private static RunFingerprint Behaviour(string category, string value) => new(new FingerprintKey(category, value), "", "", new FingerprintTally(1, 1, 1, default));
}
