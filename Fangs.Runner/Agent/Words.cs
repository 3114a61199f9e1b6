using System.Globalization;
using System.Text;

namespace Fangs.Runner.Agent;

/// <summary>Puts values into the words that operators read.</summary>
internal static class Words
{
    /// <summary>A duration in seconds with at most three decimals: <c>60 s</c>, <c>0.25 s</c>.</summary>
    public static string Of(TimeSpan span) => span.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture) + " s";

    /// <summary>Text of others for a log line or a reason: control characters become spaces, and what is too long is cut.</summary>
    public static string OneLine(string text, int maxLength)
    {
        var cut = text.Length > maxLength ? text.AsSpan(0, maxLength) : text;
        return string.Create(cut.Length, cut, static (to, from) =>
        {
            for (var i = 0; i < from.Length; i++) to[i] = char.IsControl(from[i]) ? ' ' : from[i];
        });
    }

    /// <summary>Replaces halves of surrogate pairs, which cutting leaves behind and which UTF-8 cannot carry.</summary>
    public static string WellFormed(string text)
    {
        var whole = true;
        for (var i = 0; i < text.Length && whole; i++)
        {
            if (!char.IsSurrogate(text[i])) continue;
            whole = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]);
            i++;
        }

        return whole ? text : Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
    }
}
