using CsCheck;
using Fangs.Runner.Sensor;

namespace Fangs.Tests.Runner.Sensor;

public sealed class ConnectionHeadsSpecs
{
    // Also around the wrap of sequence numbers and where they would turn negative.
    private static readonly Gen<uint> First = Gen.OneOf(Gen.UInt, Gen.UInt[0, 500].Select(n => uint.MaxValue - n), Gen.UInt[0, 500].Select(n => (uint)int.MaxValue - n));

    private static readonly Gen<byte[]> Stream = Gen.Byte.Array[1, 1500];

    [Fact]
    public void However_a_stream_is_cut_its_head_grows_to_the_whole() => Gen.Select(First, Stream, Cutting.Cuts).Sample((first, stream, cuts) =>
    {
        var heads = new ConnectionHeads();
        foreach (var (start, bytes) in Cutting.At(stream, cuts))
            Assert.Equal(stream[..(start + bytes.Length)], heads.Add(1, first + (uint)start, bytes));
    });

    [Fact]
    public void Pieces_in_any_order_some_of_them_sent_again_differently_cut_make_the_whole_too() =>
        Gen.Select(First, Stream, Cutting.Cuts, Cutting.Cuts, Gen.Int).Sample((first, stream, cuts, otherCuts, seed) =>
        {
            var pieces = Cutting.At(stream, cuts).Concat(Cutting.At(stream, otherCuts)).ToArray();
            new Random(seed).Shuffle(pieces);
            var heads = new ConnectionHeads();
            byte[] head = [];
            foreach (var (start, bytes) in pieces) head = heads.Add(1, first + (uint)start, bytes);
            Assert.Equal(stream, head);
        });

    [Fact]
    public void Nothing_behind_a_gap_belongs_to_the_head() => Gen.Select(First, Stream, Stream, Gen.UInt[1, 1000]).Sample((first, stream, behind, gap) =>
    {
        var heads = new ConnectionHeads();
        heads.Add(1, first, stream);
        Assert.Equal(stream, heads.Add(1, first + (uint)stream.Length + gap, behind));
    });

    [Fact]
    public void Connections_do_not_mix() => Gen.Select(Stream, Stream, First).Sample((a, b, first) =>
    {
        var heads = new ConnectionHeads();
        Assert.Equal(a, heads.Add(1, first, a));
        Assert.Equal(b, heads.Add(2, first, b));
        Assert.Equal([.. a, .. b], heads.Add(1, first + (uint)a.Length, b));
    });

    [Fact]
    public void A_head_is_no_longer_than_its_limit() => Gen.Select(First, Gen.Int[1, 60_000].Array[1, 8]).Sample((first, lengths) =>
    {
        var heads = new ConnectionHeads();
        var sent = 0;
        foreach (var length in lengths)
        {
            var head = heads.Add(1, first + (uint)sent, new byte[length]);
            sent += length;
            Assert.Equal(Math.Min(sent, ConnectionHeads.MaxBytes), head.Length);
        }
    });

    [Fact]
    public void The_number_of_connections_is_bounded()
    {
        var heads = new ConnectionHeads();
        for (ulong socket = 0; socket < 5 * ConnectionHeads.MaxConnections; socket++)
        {
            heads.Add(socket, 0, [1]);
            Assert.InRange(heads.Count, 1, ConnectionHeads.MaxConnections);
        }
    }

    [Fact]
    public void A_head_that_was_read_is_not_looked_at_again_and_one_that_was_forgotten_begins_anew()
    {
        var heads = new ConnectionHeads();
        heads.Add(1, 100, [1, 2]);
        heads.Finish(1);
        Assert.Empty(heads.Add(1, 102, [3]));
        heads.Forget(1);
        Assert.Equal([4], heads.Add(1, 103, [4]));
    }
}
