using System.Buffers.Binary;
using CsCheck;

namespace Fangs.Tests.Runner.Sensor;

/// <summary>Builds ClientHello messages, plain and strange ones.</summary>
internal static class Hello
{
    /// <summary>Messages with some other extensions before and after the name.</summary>
    internal static readonly Gen<(byte[] Message, byte[] Name)> WithName = Gen.Select(
        Gen.OneOf(Gen.Byte[(byte)'a', (byte)'z'].Array[1, 60], Gen.Byte.Array[1, 255]), Gen.Byte.Array[0, 32], Others, Others,
        (name, session, before, after) => (Message(session, [.. before, (0, NameList(0, name)), .. after]), name));

    private static Gen<(int Type, byte[] Body)[]> Others => Gen.Select(Gen.Int[1, 65_535], Gen.Byte.Array[0, 600]).Array[0, 5];

    /// <summary>The handshake message, without records around it.</summary>
    internal static byte[] Message(byte[] session, IEnumerable<(int Type, byte[] Body)> extensions)
    {
        byte[] all = [.. extensions.SelectMany(e => (byte[])[.. Word(e.Type), .. Word(e.Body.Length), .. e.Body])];
        byte[] body = [3, 3, .. new byte[32], (byte)session.Length, .. session, 0, 4, 0x13, 1, 0x13, 2, 1, 0, .. Word(all.Length), .. all];
        return [1, (byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length, .. body];
    }

    /// <summary>The body of a server_name extension with one name.</summary>
    internal static byte[] NameList(byte type, byte[] name) => [.. Word(name.Length + 3), type, .. Word(name.Length), .. name];

    /// <summary>A message in TLS records that end at the given parts of it. Empty records, which TLS forbids, are left out.</summary>
    internal static byte[] InRecords(byte[] message, double[] cuts) =>
        [.. Cutting.At(message, cuts).Where(p => p.Bytes.Length > 0).SelectMany(p => (byte[])[0x16, 3, 1, .. Word(p.Bytes.Length), .. p.Bytes])];

    internal static byte[] Word(int value)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)value);
        return bytes;
    }
}
