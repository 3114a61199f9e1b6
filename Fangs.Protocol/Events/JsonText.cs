using System.Buffers;
using System.Buffers.Text;
using System.Text;

namespace Fangs.Protocol.Events;

/// <summary>Text of JSON strings that come from strangers: escapes, case of keys, bytes that are not UTF-8, characters no database takes.</summary>
public static class JsonText
{
    private const int EscapeLength = 6; // \uXXXX

    /// <summary>Compares a key, still escaped, with a name without regard to the case of ASCII letters.</summary>
    /// <param name="key">What is between the quotes.</param>
    /// <param name="isEscaped">Whether the key may hold escapes.</param>
    /// <param name="name">An ASCII name.</param>
    public static bool IsKey(ReadOnlySpan<byte> key, bool isEscaped, ReadOnlySpan<byte> name)
    {
        if (!isEscaped) return Ascii.EqualsIgnoreCase(key, name);
        if (key.Length > EscapeLength * name.Length) return false;
        Span<byte> plain = stackalloc byte[key.Length];
        return Ascii.EqualsIgnoreCase(plain[..Unescape(key, plain)], name);
    }

    /// <summary>Resolves the escapes of a valid JSON string. Halves of surrogate pairs without their other half become U+FFFD.</summary>
    /// <param name="text">What is between the quotes.</param>
    /// <param name="destination">At least as long as the text.</param>
    /// <returns>Bytes written.</returns>
    public static int Unescape(ReadOnlySpan<byte> text, Span<byte> destination)
    {
        var written = 0;
        while (true)
        {
            var plain = text.IndexOf((byte)'\\');
            if (plain < 0)
            {
                text.CopyTo(destination[written..]);
                return written + text.Length;
            }

            text[..plain].CopyTo(destination[written..]);
            written += plain;
            text = text[plain..];
            if (text[1] == 'u')
            {
                var length = ReadUnicodeEscape(text, out var rune);
                written += rune.EncodeToUtf8(destination[written..]);
                text = text[length..];
                continue;
            }

            destination[written++] = text[1] switch
            {
                (byte)'b' => (byte)'\b',
                (byte)'f' => (byte)'\f',
                (byte)'n' => (byte)'\n',
                (byte)'r' => (byte)'\r',
                (byte)'t' => (byte)'\t',
                var same => same,
            };
            text = text[2..];
        }
    }

    /// <summary>Whether <see cref="WriteStorable"/> would change a valid JSON string.</summary>
    /// <param name="text">What is between the quotes.</param>
    public static bool NeedsCleaning(ReadOnlySpan<byte> text)
    {
        for (var at = text.IndexOf((byte)'\\'); at >= 0; at = text.IndexOf((byte)'\\'))
        {
            text = text[at..];
            var length = 2;
            if (text[1] == 'u')
            {
                length = ReadUnicodeEscape(text, out var rune);
                if (IsRefused(rune, text)) return true;
            }

            text = text[length..];
        }

        return false;
    }

    /// <summary>
    /// Copies a valid JSON string with the escapes that databases refuse replaced: U+0000 by U+2400, halves of surrogate pairs by U+FFFD.
    /// All other escapes stay as they are.
    /// </summary>
    /// <param name="text">What is between the quotes.</param>
    /// <param name="destination">At least as long as the text.</param>
    /// <returns>Bytes written.</returns>
    public static int WriteStorable(ReadOnlySpan<byte> text, Span<byte> destination)
    {
        var written = 0;
        while (!text.IsEmpty)
        {
            var length = text.IndexOf((byte)'\\');
            if (length != 0)
            {
                length = length < 0 ? text.Length : length;
            }
            else if (text[1] != 'u')
            {
                length = 2;
            }
            else
            {
                length = ReadUnicodeEscape(text, out var rune);
                if (IsRefused(rune, text))
                {
                    written += (rune.Value == 0 ? new Rune('\u2400') : rune).EncodeToUtf8(destination[written..]);
                    text = text[length..];
                    continue;
                }
            }

            text[..length].CopyTo(destination[written..]);
            written += length;
            text = text[length..];
        }

        return written;
    }

    /// <summary>Copies JSON text with each byte that is not UTF-8 replaced by U+FFFD, as upstream's decoder does, and each raw NUL by U+2400.</summary>
    /// <param name="json">Any bytes.</param>
    /// <param name="destination">At least three times as long.</param>
    /// <returns>Bytes written.</returns>
    public static int WriteRepaired(ReadOnlySpan<byte> json, Span<byte> destination)
    {
        var written = 0;
        while (!json.IsEmpty)
        {
            var valid = Rune.DecodeFromUtf8(json, out var rune, out var length) == OperationStatus.Done;
            if (!valid) length = 1;
            if (valid && rune.Value == 0) rune = new Rune('\u2400');
            written += rune.EncodeToUtf8(destination[written..]);
            json = json[length..];
        }

        return written;
    }

    // Reads \uXXXX or a pair of them. A half pair is U+FFFD and takes 6 bytes.
    private static int ReadUnicodeEscape(ReadOnlySpan<byte> text, out Rune rune)
    {
        var first = Hex(text);
        if (Rune.TryCreate(first, out rune)) return EscapeLength;
        if (char.IsHighSurrogate(first) && text.Length >= 2 * EscapeLength && text[EscapeLength] == '\\' && text[EscapeLength + 1] == 'u'
            && Rune.TryCreate(first, Hex(text[EscapeLength..]), out rune))
        {
            return 2 * EscapeLength;
        }

        rune = Rune.ReplacementChar;
        return EscapeLength;
    }

    private static char Hex(ReadOnlySpan<byte> escape) =>
        Utf8Parser.TryParse(escape.Slice(2, 4), out ushort value, out _, 'x') ? (char)value : '\uFFFD';

    // U+FFFD that was not sent as such stands for half a pair.
    private static bool IsRefused(Rune rune, ReadOnlySpan<byte> escape) =>
        rune.Value == 0 || (rune == Rune.ReplacementChar && Hex(escape) != '\uFFFD');
}
