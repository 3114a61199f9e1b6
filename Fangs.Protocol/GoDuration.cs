using System.Buffers;
using System.Globalization;
using System.Text;

namespace Fangs.Protocol;

/// <summary>Durations in Go's notation: a sign, then decimal numbers each with a unit, such as <c>90s</c>, <c>1h30m</c>, <c>250ms</c>.</summary>
public static class GoDuration
{
    private const long Second = 1_000_000_000;
    private static readonly SearchValues<char> NumberStart = SearchValues.Create("0123456789.");

    /// <summary>Parses a duration.</summary>
    /// <param name="text">The text; only <c>0</c> may go without a unit.</param>
    /// <param name="nanoseconds">The duration in nanoseconds.</param>
    /// <returns>False when the text has another form or the duration does not fit into 64 bits (about 292 years).</returns>
    public static bool TryParse(string? text, out long nanoseconds)
    {
        nanoseconds = 0;
        if (string.IsNullOrEmpty(text)) return false;
        var rest = text.AsSpan();
        var isNegative = rest[0] == '-';
        if (rest[0] is '-' or '+') rest = rest[1..];
        if (rest is "0") return true;
        if (rest.IsEmpty) return false;

        UInt128 total = 0;
        while (!rest.IsEmpty)
        {
            if (!TryReadPart(ref rest, out var part)) return false;
            total += part;
            if (total > (UInt128)long.MaxValue + 1) return false;
        }

        if (!isNegative && total > (UInt128)long.MaxValue) return false;
        nanoseconds = isNegative ? (long)-(Int128)total : (long)total;
        return true;
    }

    /// <summary>Writes a duration as Go does: <c>1h30m0s</c>, <c>1.5s</c>, <c>250ms</c>, <c>0s</c>.</summary>
    /// <param name="nanoseconds">The duration in nanoseconds.</param>
    public static string Format(long nanoseconds)
    {
        if (nanoseconds == 0) return "0s";
        var sign = nanoseconds < 0 ? "-" : "";
        var value = (ulong)Int128.Abs(nanoseconds);
        if (value < Second)
        {
            var (unit, name) = value < 1_000 ? (1UL, "ns") : value < 1_000_000 ? (1_000UL, "µs") : (1_000_000UL, "ms");
            return sign + Decimal(value, unit) + name;
        }

        var text = new StringBuilder(sign);
        var (hours, minutes) = (value / (3600 * (ulong)Second), value / (60 * (ulong)Second) % 60);
        if (hours > 0) text.Append(CultureInfo.InvariantCulture, $"{hours}h");
        if (hours > 0 || minutes > 0) text.Append(CultureInfo.InvariantCulture, $"{minutes}m");
        return text.Append(Decimal(value % (60 * (ulong)Second), (ulong)Second)).Append('s').ToString();
    }

    private static string Decimal(ulong value, ulong unit) =>
        (value / (decimal)unit).ToString("0.#########", CultureInfo.InvariantCulture);

    private static bool TryReadPart(scoped ref ReadOnlySpan<char> rest, out UInt128 nanoseconds)
    {
        nanoseconds = 0;
        var whole = TakeDigits(ref rest);
        var fraction = ReadOnlySpan<char>.Empty;
        if (!rest.IsEmpty && rest[0] == '.')
        {
            rest = rest[1..];
            fraction = TakeDigits(ref rest);
        }

        if ((whole.IsEmpty && fraction.IsEmpty) || !TryTakeUnit(ref rest, out var unit)) return false;
        // 19 digits hold every number of nanoseconds that fits; longer ones only with leading zeros.
        whole = whole.TrimStart('0');
        if (whole.Length > 19) return false;
        foreach (var digit in whole) nanoseconds = (nanoseconds * 10) + (uint)(digit - '0');
        nanoseconds *= unit;

        // Digits below a nanosecond are cut off. 15 digits are exact to the nanosecond for every unit up to the hour.
        if (fraction.Length > 15) fraction = fraction[..15];
        UInt128 numerator = 0, denominator = 1;
        foreach (var digit in fraction) (numerator, denominator) = ((numerator * 10) + (uint)(digit - '0'), denominator * 10);
        nanoseconds += numerator * unit / denominator;
        return true;
    }

    private static ReadOnlySpan<char> TakeDigits(scoped ref ReadOnlySpan<char> rest)
    {
        var end = rest.IndexOfAnyExceptInRange('0', '9');
        if (end < 0) end = rest.Length;
        var digits = rest[..end];
        rest = rest[end..];
        return digits;
    }

    private static bool TryTakeUnit(scoped ref ReadOnlySpan<char> rest, out ulong nanoseconds)
    {
        var end = rest.IndexOfAny(NumberStart);
        if (end < 0) end = rest.Length;
        // Both the micro sign and the Greek letter, as Go accepts them.
        nanoseconds = rest[..end] switch
        {
            "ns" => 1,
            "us" or "\u00b5s" or "\u03bcs" => 1_000,
            "ms" => 1_000_000,
            "s" => Second,
            "m" => 60 * (ulong)Second,
            "h" => 3600 * (ulong)Second,
            _ => 0,
        };
        rest = rest[end..];
        return nanoseconds > 0;
    }
}
