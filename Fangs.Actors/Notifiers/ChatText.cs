using System.Globalization;
using System.Text;

namespace Fangs.Actors.Notifiers;

/// <summary>Makes text of hostile origin harmless in chat messages. Pure.</summary>
/// <remarks>
/// Whoever publishes a package chooses names, paths and hosts, and so would choose what an alert looks like: mentions of a whole channel, links,
/// false formatting. Lengths are those of UTF-16, which no service counts more strictly. Nothing is cut within a character or an entity.
/// </remarks>
public static class ChatText
{
    private const char Ellipsis = '…';

    /// <summary>One line without back-ticks: what may stand inside a code span. Invisible and direction-changing characters become U+FFFD.</summary>
    public static string Line(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var line = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes()) // a lone surrogate comes as U+FFFD
        {
            if (rune.Value == '`') line.Append('\'');
            else if (rune.Value is '\n' or '\r' or '\t' or '\u2028' or '\u2029' or 0x85) line.Append(' ');
            else if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned) line.Append('\uFFFD');
            else line.Append(rune.ToString());
        }

        return line.ToString();
    }

    /// <summary>Cuts a text to a number of characters, the sign for the rest included.</summary>
    public static string Cut(string text, int length) => Fit(text, length, rune => rune.ToString());

    /// <summary>For Slack: <c>&amp;</c>, <c>&lt;</c> and <c>&gt;</c> are what links and mentions are made of. Cut so that the escaped text fits.</summary>
    public static string Slack(string text, int length) => Fit(Line(text), length, rune => rune.Value switch
    {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        _ => rune.ToString(),
    });

    /// <summary>A code span for Slack of at most so many characters of the text.</summary>
    public static string SlackCode(string text, int length) => $"`{NotEmpty(Slack(Cut(Line(text), length), int.MaxValue))}`";

    /// <summary>For Discord outside of code spans: everything that could begin formatting, a mention or a link is preceded by a backslash.</summary>
    public static string Discord(string text, int length) => Fit(Line(text), length, rune => rune.Value is '\\' or '*' or '_' or '~' or '|' or '<' or '>' or '[' or ']' or '(' or ')' or '#' or '@' or ':'
        ? "\\" + rune
        : rune.ToString());

    /// <summary>A code span for Discord, where nothing is interpreted, of at most so many characters of the text.</summary>
    public static string DiscordCode(string text, int length) => $"`{NotEmpty(Cut(Line(text), length))}`";

    /// <summary>A word of ours that was read from the database: letters, digits and what connects them, or a question mark.</summary>
    public static string Word(string text, int length)
    {
        ArgumentNullException.ThrowIfNull(text);
        return NotEmpty(Cut(string.Concat(text.Select(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' ? c : '?')), length));
    }

    private static string NotEmpty(string text) => text.Length > 0 ? text : " ";

    private static string Fit(string text, int length, Func<Rune, string> escape)
    {
        ArgumentNullException.ThrowIfNull(text);
        var fitted = new StringBuilder(Math.Min(text.Length, 256));
        var end = 0; // where the text still has room for the sign
        foreach (var rune in text.EnumerateRunes())
        {
            var piece = escape(rune);
            if (fitted.Length + piece.Length > length)
            {
                fitted.Length = end;
                return fitted.Append(Ellipsis).ToString();
            }

            fitted.Append(piece);
            if (fitted.Length <= length - 1) end = fitted.Length;
        }

        return fitted.ToString();
    }
}
