using System.Buffers.Binary;
using System.Net;
using System.Text;
using CsCheck;
using Fangs.Runner.Sensor.Dns;

namespace Fangs.Tests.Runner.Sensor;

public sealed class DnsMessageSpecs
{
    private static readonly Gen<byte[]> Label = Gen.OneOf(Gen.Byte[(byte)'a', (byte)'z'].Array[1, 12], Gen.Byte.Array[1, 63]);

    private static readonly Gen<byte[][]> Name = Label.Array[0, 8].Where(labels => labels.Sum(l => l.Length + 1) < 255);

    private static readonly Gen<byte[]> Address = Gen.OneOf(Gen.Byte.Array[4], Gen.Byte.Array[16]);

    [Fact]
    public void Any_bytes_are_read_or_refused() => Gen.OneOf(Gen.Byte.Array[0, 600], Gen.Byte[0, 3].Array[12, 60]).Sample(bytes =>
    {
        if (!DnsMessage.TryParseQuestion(bytes, out var question)) return;
        Assert.InRange(question.End, DnsMessage.HeaderBytes + 5, bytes.Length);
        Assert.All(question.Name, c => Assert.InRange(c, '!', '~'));
        Assert.InRange(DnsMessage.Addresses(bytes, question).Count, 0, bytes.Length / 15);
    }, iter: 20_000);

    [Fact]
    public void A_question_is_read_back_as_it_was_asked() => Gen.Select(Gen.UShort, Gen.UShort, Name, Gen.UShort, Gen.UShort).Sample((id, flags, name, type, @class) =>
    {
        byte[] message = [.. Header(id, flags, 1, 0), .. Wire(name), .. Word(type), .. Word(@class)];
        Assert.True(DnsMessage.TryParseQuestion(message, out var question));
        Assert.Equal((id, flags, type, @class, message.Length), (question.Id, question.Flags, question.Type, question.Class, question.End));
        if (name.Length == 0) Assert.Equal(".", question.Name);
        else Assert.Equal(name, Cutting.Labels(question.Name));
        Assert.Equal(((flags & 0x8000) != 0, flags % 16), (question.IsResponse, question.ResponseCode));
    });

    [Fact]
    public void A_question_that_is_cut_short_is_none() => Gen.Select(Name, Gen.Double[0, 0.999]).Sample((name, part) =>
    {
        byte[] message = [.. Header(1, 0, 1, 0), .. Wire(name), 0, 1, 0, 1];
        Assert.False(DnsMessage.TryParseQuestion(message.AsSpan(0, (int)(message.Length * part)), out _));
    });

    [Fact]
    public void What_follows_the_question_does_not_change_it() => Gen.Select(Name, Gen.Byte.Array[0, 40]).Sample((name, rest) =>
    {
        byte[] message = [.. Header(1, 0, 1, 0), .. Wire(name), 0, 1, 0, 1];
        Assert.True(DnsMessage.TryParseQuestion(message, out var alone));
        Assert.True(DnsMessage.TryParseQuestion([.. message, .. rest], out var followed));
        Assert.Equal(alone, followed);
    });

    [Fact]
    public void The_addresses_of_an_answer_are_read_back_and_other_records_passed_over() => Gen.Select(Name, Address.Array[0, 8], Gen.Bool, Gen.Byte.Array[0, 30])
        .Sample((name, addresses, isPointer, other) =>
        {
            byte[] owner = isPointer ? [0xc0, 12] : Wire(name);
            byte[] message =
            [
                .. Header(1, 0x8180, 1, (ushort)(2 * addresses.Length)), .. Wire(name), 0, 1, 0, 1,
                .. addresses.SelectMany(a => (byte[])[.. Resource(owner, 5, other), .. Resource(owner, a.Length == 4 ? 1 : 28, a)]),
            ];
            Assert.True(DnsMessage.TryParseQuestion(message, out var question));
            Assert.Equal(addresses.Select(a => new IPAddress(a)), DnsMessage.Addresses(message, question));
        });

    [Fact]
    public void Of_an_answer_that_is_cut_short_the_whole_records_count() => Gen.Select(Address.Array[1, 8], Gen.Double[0, 1]).Sample((addresses, part) =>
    {
        byte[] start = [.. Header(1, 0x8180, 1, (ushort)addresses.Length), .. Wire([]), 0, 1, 0, 1];
        byte[] message = [.. start, .. addresses.SelectMany(a => Resource([0xc0, 12], a.Length == 4 ? 1 : 28, a))];
        var length = start.Length + (int)((message.Length - start.Length) * part);
        var whole = addresses.Where((_, i) => start.Length + addresses.Take(i + 1).Sum(a => 12 + a.Length) <= length).Select(a => new IPAddress(a));
        Assert.True(DnsMessage.TryParseQuestion(message.AsSpan(0, length), out var question));
        Assert.Equal(whole, DnsMessage.Addresses(message.AsSpan(0, length), question));
    });

    [Fact]
    public void An_address_of_the_wrong_length_is_none()
    {
        byte[] message = [.. Header(1, 0x8180, 1, 2), .. Wire([]), 0, 1, 0, 1, .. Resource([0], 1, new byte[16]), .. Resource([0], 28, new byte[4])];
        Assert.True(DnsMessage.TryParseQuestion(message, out var question));
        Assert.Empty(DnsMessage.Addresses(message, question));
    }

    [Theory]
    [InlineData(63, true)]
    [InlineData(64, false)]
    public void A_label_has_at_most_63_bytes(int length, bool isRead) =>
        Assert.Equal(isRead, DnsMessage.TryParseQuestion([.. Header(1, 0, 1, 0), (byte)length, .. new byte[length], 0, 0, 1, 0, 1], out _));

    [Theory]
    [InlineData(61, true)] // 3 * 64 + 62 + 1 = 255
    [InlineData(62, false)]
    public void A_name_has_at_most_255_bytes(int last, bool isRead)
    {
        byte[][] name = [new byte[63], new byte[63], new byte[63], new byte[last]];
        Assert.Equal(isRead, DnsMessage.TryParseQuestion([.. Header(1, 0, 1, 0), .. Wire(name), 0, 1, 0, 1], out _));
    }

    [Theory]
    [InlineData(new byte[] { 0xc0, 12 })]
    [InlineData(new byte[] { 1, (byte)'a', 0xc0, 12 })]
    public void A_first_name_that_points_elsewhere_is_refused(byte[] name) =>
        Assert.False(DnsMessage.TryParseQuestion([.. Header(1, 0, 1, 0), .. name, 0, 1, 0, 1], out _));

    [Fact]
    public void A_message_without_a_question_has_none() => Assert.False(DnsMessage.TryParseQuestion([.. Header(1, 0, 0, 0), .. Wire([]), 0, 1, 0, 1], out _));

    [Theory]
    [InlineData("a.b", "a\\.b")]
    [InlineData("a\\b", "a\\\\b")]
    [InlineData("a\"b", "a\\\"b")]
    [InlineData("a b", "a\\032b")]
    [InlineData("a\0b", "a\\000b")]
    [InlineData("\u007f", "\\127")]
    public void What_a_label_must_not_hold_is_written_by_number(string label, string shown)
    {
        Assert.True(DnsMessage.TryParseQuestion([.. Header(1, 0, 1, 0), .. Wire([Encoding.ASCII.GetBytes(label)]), 0, 1, 0, 1], out var question));
        Assert.Equal(shown, question.Name);
    }

    private static byte[] Header(ushort id, ushort flags, ushort questions, ushort answers) => [.. Word(id), .. Word(flags), .. Word(questions), .. Word(answers), 0, 0, 0, 0];

    private static byte[] Wire(byte[][] name) => [.. name.SelectMany(label => (byte[])[(byte)label.Length, .. label]), 0];

    private static byte[] Resource(byte[] owner, int type, byte[] data) => [.. owner, .. Word((ushort)type), 0, 1, 0, 0, 0, 60, .. Word((ushort)data.Length), .. data];

    private static byte[] Word(ushort value)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, value);
        return bytes;
    }
}
