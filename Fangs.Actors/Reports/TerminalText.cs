using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace Fangs.Actors.Reports;

/// <summary>Makes text from events, npm or servers safe to print.</summary>
/// <remarks>
/// Threat: file names, arguments, host names and package metadata are chosen by the code under test. Printed raw they could move the
/// cursor, recolour or hide lines, set the clipboard or the title, or reorder what is read (bidirectional overrides).
/// The escaped form is unambiguous: a backslash in the input is doubled.
/// </remarks>
public static class TerminalText
{
    private const int ShortIdLength = 12;

    // Format characters that reorder or hide text, and the tag characters. Everything else printable stays readable in JSON.
    private static readonly char[] Hidden = [.. Enumerable.Range(0, char.MaxValue + 1).Select(code => (char)code).Where(IsHidden)];

    private static readonly Lazy<JavaScriptEncoder> LazyJson = new(() =>
    {
        var settings = new TextEncoderSettings(UnicodeRanges.All);
        settings.ForbidCharacters(Hidden);
        return JavaScriptEncoder.Create(settings);
    });

    /// <summary>The encoder of all JSON output: what could act on a terminal leaves as <c>\uXXXX</c>.</summary>
    public static JavaScriptEncoder Json => LazyJson.Value;

    /// <summary>Replaces everything that is not a visible character or a plain space by an escape such as <c>\n</c> or <c>\u202e</c>.</summary>
    public static string Escape(string? text)
    {
        if (string.IsNullOrEmpty(text) || IsPlain(text)) return text ?? "";
        var safe = new StringBuilder(text.Length + 16);
        for (var i = 0; i < text.Length;)
        {
            if (Rune.DecodeFromUtf16(text.AsSpan(i), out var rune, out var length) != System.Buffers.OperationStatus.Done)
                safe.Append(CultureInfo.InvariantCulture, $"\\u{(int)text[i]:x4}"); // half of a surrogate pair
            else
                Append(safe, rune);
            i += length;
        }

        return safe.ToString();
    }

    /// <summary>Escapes and then shortens to at most <paramref name="length"/> text elements, the last of which is <c>…</c> when something was cut.</summary>
    public static string Cut(string? text, int length)
    {
        return Fit(Escape(text), length);
    }

    /// <summary>The first twelve characters of an id, escaped: enough to name it, and to be copied.</summary>
    public static string ShortId(string? id)
    {
        var safe = Escape(id);
        return safe.Length <= ShortIdLength ? safe : safe[..ShortIdLength];
    }

    /// <summary>Shortens a text that is already safe to at most <paramref name="length"/> text elements.</summary>
    public static string Fit(string safe, int length)
    {
        ArgumentNullException.ThrowIfNull(safe);
        if (safe.Length <= length) return safe;
        var elements = StringInfo.ParseCombiningCharacters(safe);
        return elements.Length <= length ? safe : string.Concat(safe.AsSpan(0, elements[length - 1]), "…");
    }

    /// <summary>An argument vector as a shell would take it, escaped: arguments with other than plain characters are quoted.</summary>
    public static string Arguments(IEnumerable<string> arguments) => string.Join(' ', arguments.Select(Quoted));

    private static string Quoted(string argument) =>
        argument.Length > 0 && argument.All(c => char.IsAsciiLetterOrDigit(c) || "@%+=:,./_-".Contains(c, StringComparison.Ordinal))
            ? argument
            : $"'{Escape(argument).Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static bool IsPlain(string text) => !text.AsSpan().ContainsAnyExceptInRange(' ', '~') && !text.Contains('\\', StringComparison.Ordinal);

    private static void Append(StringBuilder safe, Rune rune)
    {
        switch (rune.Value)
        {
            case '\\': safe.Append("\\\\"); break;
            case '\n': safe.Append("\\n"); break;
            case '\r': safe.Append("\\r"); break;
            case '\t': safe.Append("\\t"); break;
            case ' ': safe.Append(' '); break;
            case < 0x10000 when IsHidden(Rune.GetUnicodeCategory(rune)): safe.Append(CultureInfo.InvariantCulture, $"\\u{rune.Value:x4}"); break;
            case >= 0x10000 when IsHidden(Rune.GetUnicodeCategory(rune)): safe.Append(CultureInfo.InvariantCulture, $"\\U{rune.Value:x8}"); break;
            default: safe.Append(rune.ToString()); break;
        }
    }

    private static bool IsHidden(char character) => !char.IsSurrogate(character) && character != ' ' && IsHidden(char.GetUnicodeCategory(character));

    private static bool IsHidden(UnicodeCategory category) => category
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator;
}
