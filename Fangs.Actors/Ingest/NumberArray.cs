using System.Runtime.InteropServices;

namespace Fangs.Actors.Ingest;

/// <summary>Recognises the fixed-size byte buffers that upstream's runner sends as arrays of numbers, about ten times as fast as a JSON reader.</summary>
internal static class NumberArray
{
    private const ulong FourZeros = 0x2C30_2C30_2C30_2C30; // "0,0,0,0,": most of a buffer is unused

    /// <summary>Length in bytes of an array that holds nothing but integers from 0 to 255; 0 when the text begins otherwise.</summary>
    /// <param name="json">Text that begins with the opening bracket.</param>
    internal static int Measure(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty || json[0] != '[') return 0;
        var i = SkipWhiteSpace(json, 1);
        if (i < json.Length && json[i] == ']') return i + 1;
        while (true)
        {
            while (json.Length - i >= sizeof(ulong) && MemoryMarshal.Read<ulong>(json[i..]) == FourZeros) i += sizeof(ulong);
            i = SkipNumber(json, SkipWhiteSpace(json, i));
            if (i == 0) return 0;
            i = SkipWhiteSpace(json, i);
            if (i >= json.Length) return 0;
            if (json[i] == ']') return i + 1;
            if (json[i] != ',') return 0;
            i = SkipWhiteSpace(json, i + 1);
        }
    }

    // The position behind a number from 0 to 255 without leading zeros; 0 when there is none.
    private static int SkipNumber(ReadOnlySpan<byte> json, int i)
    {
        if (i >= json.Length || !char.IsAsciiDigit((char)json[i])) return 0;
        var value = json[i++] - '0';
        if (value == 0) return i;
        while (i < json.Length && char.IsAsciiDigit((char)json[i]))
        {
            value = (10 * value) + json[i++] - '0';
            if (value > byte.MaxValue) return 0;
        }

        return i;
    }

    private static int SkipWhiteSpace(ReadOnlySpan<byte> json, int i)
    {
        while (i < json.Length && json[i] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t') i++;
        return i;
    }
}
