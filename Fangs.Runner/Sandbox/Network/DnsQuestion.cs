using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Fangs.Runner.Sandbox.Network;

/// <summary>The question of a DNS query, and answers to it.</summary>
/// <param name="Id">Transaction id.</param>
/// <param name="Flags">The flags of the query.</param>
/// <param name="Name">Lower case, without the final dot; bytes that are no printable ASCII as <c>\ddd</c>.</param>
/// <param name="Type">1 is A, 28 is AAAA.</param>
/// <param name="Raw">The question section as it came, to be repeated in the answer.</param>
internal sealed record DnsQuestion(ushort Id, ushort Flags, string Name, ushort Type, ReadOnlyMemory<byte> Raw)
{
    internal const ushort TypeA = 1;
    internal const int Refused = 5;
    internal const int ServerFailure = 2;
    private const int HeaderSize = 12;
    private const int MaxNameBytes = 255;
    private const int MaxLabelBytes = 63;

    /// <summary>Reads the first question. Hostile input: everything is checked, nothing throws.</summary>
    internal static DnsQuestion? TryRead(ReadOnlyMemory<byte> query)
    {
        var bytes = query.Span;
        if (bytes.Length < HeaderSize) return null;
        var flags = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        if ((flags & 0x8000) != 0 || BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]) == 0) return null; // an answer, or no question
        var name = new StringBuilder();
        var at = HeaderSize;
        while (true)
        {
            if (at >= bytes.Length || at - HeaderSize > MaxNameBytes) return null;
            int length = bytes[at++];
            if (length == 0) break;
            if (length > MaxLabelBytes || at + length > bytes.Length) return null; // a compressed name cannot stand in a first question
            if (name.Length > 0) name.Append('.');
            foreach (var b in bytes.Slice(at, length)) AppendByte(name, b);
            at += length;
        }

        if (at + 4 > bytes.Length || at - HeaderSize > MaxNameBytes) return null;
        var type = BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]);
        return new DnsQuestion(BinaryPrimitives.ReadUInt16BigEndian(bytes), flags, name.ToString(), type, query[HeaderSize..(at + 4)]);
    }

    /// <summary>An answer with one address, or with none.</summary>
    internal byte[] Answer(IPAddress? address, int code = 0)
    {
        var answer = new byte[HeaderSize + Raw.Length + (address is null ? 0 : 16)];
        BinaryPrimitives.WriteUInt16BigEndian(answer, Id);
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(2), (ushort)(0x8080 | (Flags & 0x7900) | code)); // response, recursion available; opcode and RD repeated
        answer[5] = 1;
        Raw.CopyTo(answer.AsMemory(HeaderSize));
        if (address is null) return answer;
        answer[7] = 1;
        ReadOnlySpan<byte> record = [0xc0, HeaderSize, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]; // pointer to the name, A, IN, 60 s
        var place = answer.AsSpan(HeaderSize + Raw.Length);
        record.CopyTo(place);
        address.TryWriteBytes(place[record.Length..], out _);
        return answer;
    }

    private static void AppendByte(StringBuilder name, byte value)
    {
        if (value is > 0x20 and < 0x7f and not (byte)'.' and not (byte)'\\') name.Append(char.ToLowerInvariant((char)value));
        else name.Append('\\').Append(value.ToString("d3", System.Globalization.CultureInfo.InvariantCulture));
    }
}
