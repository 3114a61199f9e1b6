using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Fangs.Runner.Sensor.Dns;

/// <summary>The first question of a DNS message.</summary>
/// <param name="Id">The message's id.</param>
/// <param name="Flags">The sixteen flag bits of the header, QR being the highest.</param>
/// <param name="Name">Presentation format without the trailing dot, as spelled in the message; the root is <c>.</c></param>
/// <param name="Type">QTYPE, for instance 1 for A.</param>
/// <param name="Class">QCLASS, 1 for the Internet.</param>
/// <param name="End">Offset of the first byte after the question, counted from the start of the message.</param>
internal readonly record struct DnsQuestion(ushort Id, ushort Flags, string Name, ushort Type, ushort Class, int End)
{
    /// <summary>True for an answer.</summary>
    internal bool IsResponse => (Flags & 0x8000) != 0;

    /// <summary>The response code; 0 means no error, 3 no such name.</summary>
    internal int ResponseCode => Flags & 15;
}

/// <summary>Reads the parts of DNS messages that tell what a program looks for. Pure; garbage gives false.</summary>
internal static class DnsMessage
{
    /// <summary>Length of the fixed header in bytes.</summary>
    internal const int HeaderBytes = 12;

    private const int MaxNameBytes = 255;
    private const int MaxLabelBytes = 63;
    private const int TypeA = 1;
    private const int TypeAaaa = 28;

    /// <summary>Reads the first question. Compressed names are refused: there is nothing before it that one could point to.</summary>
    internal static bool TryParseQuestion(ReadOnlySpan<byte> message, out DnsQuestion question)
    {
        question = default;
        if (message.Length < HeaderBytes || BinaryPrimitives.ReadUInt16BigEndian(message[4..]) == 0) return false;
        var position = HeaderBytes;
        if (!TryReadName(message, ref position, out var name) || message.Length - position < 4) return false;
        question = new DnsQuestion(
            BinaryPrimitives.ReadUInt16BigEndian(message),
            BinaryPrimitives.ReadUInt16BigEndian(message[2..]),
            name,
            BinaryPrimitives.ReadUInt16BigEndian(message[position..]),
            BinaryPrimitives.ReadUInt16BigEndian(message[(position + 2)..]),
            position + 4);
        return true;
    }

    /// <summary>The addresses (A and AAAA records) in the answer section, as far as the message is whole.</summary>
    /// <param name="message">The message.</param>
    /// <param name="question">Its question, from <see cref="TryParseQuestion"/>.</param>
    internal static List<IPAddress> Addresses(ReadOnlySpan<byte> message, in DnsQuestion question)
    {
        var addresses = new List<IPAddress>();
        var position = question.End;
        // With more than one question, which nobody sends, the answers are not where we look.
        if (BinaryPrimitives.ReadUInt16BigEndian(message[4..]) != 1) return addresses;
        for (int left = BinaryPrimitives.ReadUInt16BigEndian(message[6..]); left > 0; left--)
        {
            if (!TrySkipName(message, ref position) || message.Length - position < 10) break;
            var type = BinaryPrimitives.ReadUInt16BigEndian(message[position..]);
            var length = BinaryPrimitives.ReadUInt16BigEndian(message[(position + 8)..]);
            position += 10;
            if (message.Length - position < length) break;
            if ((type == TypeA && length == 4) || (type == TypeAaaa && length == 16))
                addresses.Add(new IPAddress(message.Slice(position, length)));
            position += length;
        }

        return addresses;
    }

    private static bool TryReadName(ReadOnlySpan<byte> message, ref int position, out string name)
    {
        name = "";
        var start = position;
        var text = new StringBuilder();
        while (position < message.Length)
        {
            int length = message[position++];
            if (length == 0)
            {
                name = text.Length == 0 ? "." : text.ToString();
                return position - start <= MaxNameBytes;
            }

            if (length > MaxLabelBytes || length > message.Length - position) return false;
            if (text.Length > 0) text.Append('.');
            PresentationText.Append(text, message.Slice(position, length), ".\\\""u8);
            position += length;
            if (position - start > MaxNameBytes) return false;
        }

        return false;
    }

    private static bool TrySkipName(ReadOnlySpan<byte> message, ref int position)
    {
        while (position < message.Length)
        {
            int length = message[position++];
            if (length == 0) return true;
            if ((length & 0xc0) == 0xc0) // a pointer ends the name
            {
                position++;
                return position <= message.Length;
            }

            if (length > MaxLabelBytes) return false;
            position += length;
        }

        return false;
    }
}
