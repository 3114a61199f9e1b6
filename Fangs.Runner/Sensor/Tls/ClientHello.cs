using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Fangs.Runner.Sensor.Tls;

/// <summary>How far the first bytes of a connection are a ClientHello.</summary>
internal enum ClientHelloState
{
    /// <summary>They are something else, or broken.</summary>
    Invalid,

    /// <summary>So far they could be one; more bytes are needed.</summary>
    Incomplete,

    /// <summary>The whole message is there.</summary>
    Complete,
}

/// <summary>Finds the server name in the first message of a TLS client. Pure; garbage gives <see cref="ClientHelloState.Invalid"/>.</summary>
internal static class ClientHello
{
    /// <summary>Longest message that is looked at, in bytes. Real ones stay below 4 KiB.</summary>
    internal const int MaxBytes = 16 * 1024;

    private const byte HandshakeRecord = 0x16;
    private const byte ClientHelloMessage = 1;
    private const int RecordHeaderBytes = 5;
    private const int MessageHeaderBytes = 4;
    private const int ServerNameExtension = 0;

    /// <summary>Reads the bytes that a client sent first, which may be any part of a hello, cut into any number of TLS records.</summary>
    /// <param name="stream">The bytes, from the first one on.</param>
    /// <param name="serverName">The server name in presentation format; empty when the hello has none.</param>
    internal static ClientHelloState Parse(ReadOnlySpan<byte> stream, out string serverName)
    {
        serverName = "";
        var buffer = ArrayPool<byte>.Shared.Rent(MaxBytes);
        try
        {
            var state = Unwrap(stream, buffer, out var length);
            if (state != ClientHelloState.Complete) return state;
            return TryReadServerName(buffer.AsSpan(MessageHeaderBytes, length - MessageHeaderBytes), out serverName)
                ? ClientHelloState.Complete
                : ClientHelloState.Invalid;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // Takes the message out of its records.
    private static ClientHelloState Unwrap(ReadOnlySpan<byte> stream, Span<byte> message, out int length)
    {
        length = 0;
        while (true)
        {
            if (stream.Length > 0 && stream[0] != HandshakeRecord) return ClientHelloState.Invalid;
            if (stream.Length > 1 && stream[1] != 3) return ClientHelloState.Invalid;
            if (stream.Length < RecordHeaderBytes) return ClientHelloState.Incomplete;
            int size = BinaryPrimitives.ReadUInt16BigEndian(stream[3..]);
            if (size == 0) return ClientHelloState.Invalid; // not allowed, and would let a record cost nothing
            var part = stream.Slice(RecordHeaderBytes, Math.Min(size, stream.Length - RecordHeaderBytes));
            if (part.Length > message.Length - length) part = part[..(message.Length - length)];
            part.CopyTo(message[length..]);
            length += part.Length;
            if (length > 0 && message[0] != ClientHelloMessage) return ClientHelloState.Invalid;
            if (length >= MessageHeaderBytes)
            {
                var total = MessageHeaderBytes + (message[1] << 16 | message[2] << 8 | message[3]);
                if (total > MaxBytes) return ClientHelloState.Invalid;
                if (length >= total)
                {
                    length = total;
                    return ClientHelloState.Complete;
                }
            }

            if (stream.Length < RecordHeaderBytes + size) return ClientHelloState.Incomplete;
            stream = stream[(RecordHeaderBytes + size)..];
        }
    }

    private static bool TryReadServerName(ReadOnlySpan<byte> hello, out string serverName)
    {
        serverName = "";
        const int VersionAndRandom = 2 + 32;
        if (hello.Length < VersionAndRandom) return false;
        hello = hello[VersionAndRandom..];
        if (!TryTake(ref hello, 1, out _) || !TryTake(ref hello, 2, out _) || !TryTake(ref hello, 1, out _)) return false; // session, ciphers, compression
        if (hello.IsEmpty) return true; // SSL 3 has no extensions
        if (!TryTake(ref hello, 2, out var extensions)) return false;
        while (!extensions.IsEmpty)
        {
            if (extensions.Length < 2) return false;
            var type = BinaryPrimitives.ReadUInt16BigEndian(extensions);
            extensions = extensions[2..];
            if (!TryTake(ref extensions, 2, out var body)) return false;
            if (type == ServerNameExtension) return TryReadNameList(body, out serverName);
        }

        return true;
    }

    private static bool TryReadNameList(ReadOnlySpan<byte> body, out string serverName)
    {
        serverName = "";
        if (!TryTake(ref body, 2, out var names)) return false;
        while (!names.IsEmpty)
        {
            var isHostName = names[0] == 0;
            names = names[1..];
            if (!TryTake(ref names, 2, out var name)) return false;
            if (!isHostName) continue;
            var text = new StringBuilder(name.Length);
            PresentationText.Append(text, name, "\\\""u8);
            serverName = text.ToString();
            return true;
        }

        return true;
    }

    // Takes a block that begins with its length in `prefix` bytes.
    private static bool TryTake(ref ReadOnlySpan<byte> rest, int prefix, out ReadOnlySpan<byte> block)
    {
        block = default;
        if (rest.Length < prefix) return false;
        var length = prefix == 1 ? rest[0] : BinaryPrimitives.ReadUInt16BigEndian(rest);
        if (rest.Length - prefix < length) return false;
        block = rest.Slice(prefix, length);
        rest = rest[(prefix + length)..];
        return true;
    }
}
