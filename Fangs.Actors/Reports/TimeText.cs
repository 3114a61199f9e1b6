using System.Globalization;
using Fangs.Protocol;

namespace Fangs.Actors.Reports;

/// <summary>Times for people.</summary>
public static class TimeText
{
    /// <summary>Stored RFC 3339 text as <c>YYYY-MM-DD HH:MM:SS</c> in UTC; <c>-</c> when missing.</summary>
    public static string Absolute(string? stored)
    {
        if (string.IsNullOrEmpty(stored)) return "-";
        return TryParse(stored, out var time)
            ? time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)
            : TerminalText.Cut(stored, 30);
    }

    /// <summary>Stored RFC 3339 text as RFC 3339 with whole seconds; <c>-</c> when missing.</summary>
    public static string Rfc3339(string? stored)
    {
        if (string.IsNullOrEmpty(stored)) return "-";
        return TryParse(stored, out var time)
            ? time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)
            : TerminalText.Cut(stored, 40);
    }

    /// <summary>Parses RFC 3339 text with any number of fraction digits; those below 100 ns are cut off.</summary>
    public static bool TryParse(string stored, out DateTimeOffset time)
    {
        ArgumentNullException.ThrowIfNull(stored);
        var dot = stored.IndexOf('.', StringComparison.Ordinal);
        if (dot >= 0)
        {
            var end = dot + 1;
            while (end < stored.Length && char.IsAsciiDigit(stored[end])) end++;
            if (end - dot > 8) stored = string.Concat(stored.AsSpan(0, dot + 8), stored.AsSpan(end));
        }

        return DateTimeOffset.TryParse(stored, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
    }

    /// <summary>How long ago an instant was, such as <c>5m ago</c>; <c>future</c> for one that has not come, <c>—</c> when it is missing or unreadable.</summary>
    public static string Relative(string? stored, DateTimeOffset now)
    {
        if (string.IsNullOrEmpty(stored) || !TryParse(stored, out var time)) return "—";
        var ago = now - time;
        return ago switch
        {
            { TotalSeconds: < -1 } => "future",
            { TotalSeconds: < 60 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, (int)ago.TotalSeconds)}s ago"),
            { TotalMinutes: < 60 } => string.Create(CultureInfo.InvariantCulture, $"{(int)ago.TotalMinutes}m ago"),
            { TotalHours: < 48 } => string.Create(CultureInfo.InvariantCulture, $"{(int)ago.TotalHours}h ago"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{(int)ago.TotalDays}d ago"),
        };
    }

    /// <summary>A duration in seconds or minutes, such as <c>2.41s</c> or <c>1m5s</c>; <c>-</c> for none.</summary>
    /// <param name="nanoseconds">The duration in nanoseconds.</param>
    public static string Duration(long nanoseconds) => nanoseconds switch
    {
        <= 0 => "-",
        < 60_000_000_000 => (nanoseconds / 1e9).ToString("0.00", CultureInfo.InvariantCulture) + "s",
        _ => GoDuration.Format(nanoseconds / 1_000_000_000 * 1_000_000_000),
    };
}
