using CsCheck;

namespace Fangs.Tests.Runner.Sensor;

/// <summary>Byte strings in pieces, as programs and networks cut them.</summary>
internal static class Cutting
{
    /// <summary>Random positions to cut at, as parts of the whole.</summary>
    internal static readonly Gen<double[]> Cuts = Gen.Double[0, 1].Array[0, 6];

    /// <summary>The bytes from cut to cut; together they are all of them. Pieces may be empty.</summary>
    internal static List<(int Start, byte[] Bytes)> At(byte[] whole, double[] cuts)
    {
        var pieces = new List<(int, byte[])>();
        var start = 0;
        foreach (var end in cuts.Select(c => (int)(c * whole.Length)).Order().Append(whole.Length))
        {
            pieces.Add((start, whole[start..end]));
            start = end;
        }

        return pieces;
    }

    /// <summary>Presentation text read back into the bytes that it was made from; the reverse of RFC 1035, 5.1, written independently of the product.</summary>
    internal static List<byte[]> Labels(string text)
    {
        var labels = new List<byte[]>();
        var label = new List<byte>();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '.')
            {
                labels.Add([.. label]);
                label.Clear();
            }
            else if (text[i] != '\\')
            {
                label.Add((byte)text[i]);
            }
            else if (char.IsAsciiDigit(text[i + 1]))
            {
                label.Add(byte.Parse(text.AsSpan(i + 1, 3)));
                i += 3;
            }
            else
            {
                label.Add((byte)text[++i]);
            }
        }

        labels.Add([.. label]);
        return labels;
    }
}
