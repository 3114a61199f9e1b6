using System.Text;
using CsCheck;
using Fangs.Runner.Sensor.Tls;

namespace Fangs.Tests.Runner.Sensor;

public sealed class ClientHelloSpecs
{
    [Fact]
    public void Any_bytes_are_read_or_refused() => Gen.OneOf(
            Gen.Byte.Array[0, 400],
            Gen.Byte.Array[0, 400].Select(rest => (byte[])[0x16, 3, 1, 1, 0x90, 1, 0, 0, 100, 3, 3, .. rest]))
        .Sample(bytes =>
        {
            var state = ClientHello.Parse(bytes, out var name);
            Assert.All(name, c => Assert.InRange(c, '!', '~'));
            if (state != ClientHelloState.Complete) Assert.Empty(name);
        }, iter: 20_000);

    [Fact]
    public void The_server_name_is_read_back_however_the_message_is_cut_into_records() => Gen.Select(Hello.WithName, Cutting.Cuts).Sample((hello, cuts) =>
    {
        Assert.Equal(ClientHelloState.Complete, ClientHello.Parse(Hello.InRecords(hello.Message, cuts), out var name));
        Assert.Equal(hello.Name, Cutting.Labels(name.Replace(".", "\\.", StringComparison.Ordinal)).Single());
    });

    [Fact]
    public void A_message_that_is_not_whole_needs_more() => Gen.Select(Hello.WithName, Cutting.Cuts, Gen.Double[0, 0.9999]).Sample((hello, cuts, part) =>
    {
        var stream = Hello.InRecords(hello.Message, cuts);
        Assert.Equal(ClientHelloState.Incomplete, ClientHello.Parse(stream.AsSpan(0, (int)(stream.Length * part)), out var name));
        Assert.Empty(name);
    });

    [Fact]
    public void What_follows_the_message_does_not_change_it() => Gen.Select(Hello.WithName, Cutting.Cuts, Gen.Byte.Array[0, 200]).Sample((hello, cuts, rest) =>
    {
        var stream = Hello.InRecords(hello.Message, cuts);
        _ = ClientHello.Parse(stream, out var alone);
        Assert.Equal(ClientHelloState.Complete, ClientHello.Parse([.. stream, .. rest], out var followed));
        Assert.Equal(alone, followed);
    });

    [Fact]
    public void A_damaged_message_is_read_or_refused_and_nothing_else() =>
        Gen.Select(Hello.WithName, Cutting.Cuts, Gen.Select(Gen.Double[0, 0.9999], Gen.Byte).Array[1, 5]).Sample((hello, cuts, damages) =>
        {
            var stream = Hello.InRecords(hello.Message, cuts);
            foreach (var (part, value) in damages) stream[(int)(stream.Length * part)] = value;
            Assert.True(Enum.IsDefined(ClientHello.Parse(stream, out _)));
        }, iter: 20_000);

    [Fact]
    public void Length_fields_that_point_beyond_their_block_are_refused()
    {
        var message = Hello.Message([], [(0, Hello.NameList(0, "a.example"u8.ToArray()))]);
        foreach (var at in new[] { 4 + 34, 4 + 35, 4 + 41, 4 + 43, 4 + 47, 4 + 49, 4 + 52 }) // session, ciphers, compression, extensions, extension, list, name
        {
            var damaged = message.ToArray();
            damaged[at] = 0xff;
            Assert.Equal(ClientHelloState.Invalid, ClientHello.Parse(Hello.InRecords(damaged, []), out var name));
            Assert.Empty(name);
        }
    }

    [Fact]
    public void A_message_without_a_name_is_complete_and_names_nobody()
    {
        Assert.Equal(ClientHelloState.Complete, ClientHello.Parse(Hello.InRecords(Hello.Message([], []), []), out var name));
        Assert.Empty(name);
        Assert.Equal(ClientHelloState.Complete, ClientHello.Parse(Hello.InRecords(Hello.Message([], [(0, Hello.NameList(7, "a.example"u8.ToArray()))]), []), out name));
        Assert.Empty(name);
        byte[] ancient = [1, 0, 0, 43, 3, 0, .. new byte[32], 0, 0, 4, 0, 1, 0, 2, 1, 0];
        ancient[3] = (byte)(ancient.Length - 4);
        Assert.Equal(ClientHelloState.Complete, ClientHello.Parse(Hello.InRecords(ancient, []), out name));
        Assert.Empty(name);
    }

    [Fact]
    public void A_name_of_another_kind_is_passed_over()
    {
        var name = "a.example"u8.ToArray();
        byte[] list = [.. Hello.Word((2 * name.Length) + 6), 7, .. Hello.Word(name.Length), .. name, 0, .. Hello.Word(name.Length), .. Encoding.ASCII.GetBytes("b.example")];
        Assert.Equal(ClientHelloState.Complete, ClientHello.Parse(Hello.InRecords(Hello.Message([], [(0, list)]), []), out var found));
        Assert.Equal("b.example", found);
    }

    [Theory]
    [InlineData(ClientHello.MaxBytes, ClientHelloState.Complete)]
    [InlineData(ClientHello.MaxBytes + 1, ClientHelloState.Invalid)]
    public void The_size_of_a_message_is_bounded(int size, object state)
    {
        var shell = Hello.Message([], [(21, [])]);
        var message = Hello.Message([], [(21, new byte[size - shell.Length])]);
        Assert.Equal(size, message.Length);
        Assert.Equal(state, ClientHello.Parse(Hello.InRecords(message, [0.4]), out _));
    }

    [Theory]
    [InlineData(new byte[] { 0x17, 3, 1, 0, 1, 1 })] // application data
    [InlineData(new byte[] { 0x16, 2, 0, 0, 1, 1 })] // SSL 2
    [InlineData(new byte[] { 0x16, 3, 1, 0, 0, 1 })] // an empty record
    [InlineData(new byte[] { 0x16, 3, 1, 0, 4, 2 })] // another handshake message
    [InlineData(new byte[] { 0x16, 3, 1, 0, 1, 1, 0x17, 3, 1 })] // data amid the message
    [InlineData(new byte[] { (byte)'G', (byte)'E', (byte)'T' })]
    public void What_cannot_become_one_is_refused_at_once(byte[] stream) => Assert.Equal(ClientHelloState.Invalid, ClientHello.Parse(stream, out _));
}
