using System.Globalization;

namespace Fangs.Actors.Storage;

/// <summary>How instants stand in text columns.</summary>
public static class StorageText
{
    /// <summary>
    /// UTC, RFC 3339, always nine fraction digits, so that the order of the text is the order of time. Exact to the microsecond, as PostgreSQL's
    /// instants are: what is stored does not depend on the backend.
    /// </summary>
    public static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'000Z'", CultureInfo.InvariantCulture);

    /// <summary>Reads the form of <see cref="Time"/> and upstream's, which drops trailing zeros of the fraction.</summary>
    /// <exception cref="FormatException">The text is not an RFC 3339 instant.</exception>
    public static DateTimeOffset ParseTime(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        // .NET reads at most seven fraction digits; the rest is below its resolution.
        var point = text.IndexOf('.', StringComparison.Ordinal);
        if (point >= 0)
        {
            var end = point + 1;
            while (end < text.Length && char.IsAsciiDigit(text[end])) end++;
            if (end - point > 8) text = string.Concat(text.AsSpan(0, point + 8), text.AsSpan(end));
        }

        return DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
    }
}
