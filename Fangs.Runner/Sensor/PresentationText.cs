using System.Text;

namespace Fangs.Runner.Sensor;

/// <summary>Text of names that strangers chose: printable ASCII stays, everything else is written as DNS master files write it.</summary>
internal static class PresentationText
{
    /// <summary>Appends bytes; <c>\DDD</c> for what is not printable ASCII, and a backslash before the given specials.</summary>
    internal static void Append(StringBuilder text, ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> specials)
    {
        foreach (var b in bytes)
        {
            if (b is <= (byte)' ' or > (byte)'~')
            {
                text.Append('\\').Append((char)('0' + b / 100)).Append((char)('0' + b / 10 % 10)).Append((char)('0' + b % 10));
                continue;
            }

            if (specials.Contains(b)) text.Append('\\');
            text.Append((char)b);
        }
    }
}
