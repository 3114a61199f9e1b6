using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using CsCheck;
using Fangs.Protocol;
using Fangs.Runner.Sensor;

namespace Fangs.Tests.Runner.Sensor;

/// <summary>Records as the kernel writes them, and what becomes of them. The kernel is trusted to keep to the layout, the bytes in it are not.</summary>
public sealed class RecordDecoderSpecs
{
    private const byte Tcp = 6, Udp = 17;
    private const int KindOffset = 56; // in the header, see records.h

    private static readonly RunId Run = RunId.Parse("019a0c0009080706050403020100ff10");
    private static readonly byte[] SomeAddress = [192, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

    [Fact]
    public void Any_bytes_become_a_payload_of_valid_json_or_nothing()
    {
        var record = Gen.Select(Gen.Byte[0, 9], Gen.Byte.Array[0, 700], Gen.Bool);
        record.Array[1, 12].Sample(records =>
        {
            using var decoder = Decoder();
            foreach (var (kind, bytes, isZeroed) in records)
            {
                if (isZeroed) Array.Clear(bytes, 0, Math.Min(bytes.Length, 120)); // lengths that fit are rare otherwise
                if (bytes.Length > KindOffset) bytes[KindOffset] = kind;
                if (decoder.Decode(bytes) is not { } e) continue;
                var payload = Json(e);
                Assert.Equal(JsonValueKind.Object, payload.GetProperty("Header").ValueKind);
                Assert.Equal(e.Type, payload.GetProperty("Header").GetProperty("Type").GetByte());
                Assert.NotEqual("unknown", EventType.NameOf(e.Type));
            }
        }, iter: 3000);
    }

    [Fact]
    public void A_record_that_is_shorter_than_it_says_is_none() => Gen.Select(Gen.Byte.Array[1, 80], Gen.Byte.Array[1, 80], Gen.Double[0, 0.9999]).Sample((path, newPath, part) =>
    {
        using var decoder = Decoder();
        var file = FileOf(path, newPath, new FileRecord { Op = FileOp.Rename });
        Assert.NotNull(decoder.Decode(file));
        Assert.Null(decoder.Decode(file.AsSpan(0, (int)(file.Length * part))));
        var exec = ExecOf(path, newPath, newPath, path);
        Assert.NotNull(decoder.Decode(exec));
        Assert.Null(decoder.Decode(exec.AsSpan(0, (int)(exec.Length * part))));
    });

    [Fact]
    public void The_header_is_that_of_the_protocol()
    {
        var payload = Json(DecodeOne(Bytes(new ConnectRecord { Header = Header(RecordKind.Connect), Family = 2, Protocol = Tcp, Port = 443, Address = Address(SomeAddress) })));
        Assert.Equal(
            """{"TsNs":18446744073709551615,"CgroupID":99,"RunID":[1,154,12,0,9,8,7,6,5,4,3,2,1,0,255,16],"PID":11,"TID":12,"PPID":10,"UID":1000,"GID":1001,"Type":3,"Tags":2}""",
            payload.GetProperty("Header").GetRawText());
        Assert.Equal("node", payload.GetProperty("CommStr").GetString());
    }

    [Theory]
    [InlineData("/work//a/../b.js", "/work/b.js", 0, 0)]
    [InlineData("/proc/4242/environ", "/proc/self/environ", 0, 4242)]
    [InlineData("/proc/4242/environ", "/proc/4242/environ", 0, 4243)]
    [InlineData("/work//kept/../as/it/is", "/work//kept/../as/it/is", 1, 0)]
    [InlineData("../relative", "../relative", 0, 0)]
    public void A_path_is_plain_unless_the_kernel_resolved_it(string path, string shown, byte isResolved, uint ownNumber)
    {
        var file = FileOf(Text(path + "\0left over"), Text("/new"), new FileRecord { Op = FileOp.Rename, IsResolved = isResolved, OwnNumber = ownNumber, Flags = 0x241, HasResult = 1, Result = -13 });
        var payload = Json(DecodeOne(file));
        Assert.Equal(
            (shown, "/new", "rename", 0x241, -13, isResolved != 0),
            (payload.GetProperty("PathName").GetString(), payload.GetProperty("NewPathName").GetString(), payload.GetProperty("Op").GetString(),
                payload.GetProperty("Flags").GetInt32(), payload.GetProperty("Ret").GetInt32(), payload.GetProperty("ResolvedPath").GetBoolean()));
    }

    [Fact]
    public void A_path_of_any_bytes_is_readable_text() => Gen.Byte[1, 255].Array[1, 100].Sample(path =>
    {
        var name = Json(DecodeOne(FileOf(path, [], new FileRecord { Op = FileOp.Open, IsResolved = 1 }))).GetProperty("PathName").GetString();
        Assert.Equal(Encoding.UTF8.GetString(path), name);
    });

    [Fact]
    public void The_arguments_of_a_program_are_read_back() => Gen.String[Gen.Char['\u0001', '\u02ff'], 0, 20].Array[0, 12].Sample(arguments =>
    {
        var payload = Json(DecodeOne(ExecOf(Text("/usr/bin/node\0"), Text("./x.js\0"), Text("/usr/bin/env\0"), Text(string.Concat(arguments.Select(a => a + "\0"))))));
        Assert.Equal(arguments, payload.GetProperty("ArgvStrs").EnumerateArray().Select(a => a.GetString()));
        Assert.Equal(("/usr/bin/node", "./x.js"), (payload.GetProperty("BinaryPathStr").GetString(), payload.GetProperty("FileStr").GetString()));
        Assert.Equal(arguments.Length, payload.GetProperty("Argc").GetInt32());
        Assert.Equal(["npm"], payload.GetProperty("AncestorComms").EnumerateArray().Select(a => a.GetString()));
    });

    [Fact]
    public void An_address_is_read_back_and_a_mapped_one_is_a_dotted_quad() => Gen.Select(Gen.Byte.Array[16], Gen.UShort, Gen.Int[0, 2]).Sample((bytes, port, form) =>
    {
        var family = form == 0 ? (byte)2 : (byte)10;
        if (form == 2) bytes = [.. new byte[10], 0xff, 0xff, .. bytes[..4]];
        var payload = Json(DecodeOne(Bytes(new ConnectRecord { Header = Header(RecordKind.Connect), Family = family, Protocol = Udp, Port = port, Address = Address(bytes) })));
        var expected = form switch { 0 => new IPAddress(bytes[..4]), 1 => new IPAddress(bytes), _ => new IPAddress(bytes[12..]) };
        if (expected.IsIPv4MappedToIPv6) expected = expected.MapToIPv4();
        Assert.Equal((expected.ToString(), port, "udp"), (payload.GetProperty("DestIP").GetString(), payload.GetProperty("DestPort").GetUInt16(), payload.GetProperty("Proto").GetString()));
    });

    [Theory]
    [InlineData("/run/docker.sock\0rest", 0, "/run/docker.sock")]
    [InlineData("\0abstract", 0, "@abstract")]
    [InlineData("", 2, "vsock:2")]
    public void A_socket_of_the_host_has_a_name(string path, uint context, string name)
    {
        var bytes = new byte[Fangs.Runner.Sensor.Record.UnixPathBytes];
        var length = Encoding.ASCII.GetBytes(path, bytes);
        var record = new UnixRecord { Header = Header(RecordKind.Unix), Family = 1, PathBytes = (ushort)length, ContextId = context, Port = 9, Result = -111 };
        var payload = Json(DecodeOne([.. Bytes(record), .. bytes]));
        Assert.Equal((name, 9, -111), (payload.GetProperty("UnixPath").GetString(), payload.GetProperty("DestPort").GetInt32(), payload.GetProperty("Ret").GetInt32()));
    }

    [Theory]
    [InlineData(1, "ptrace")]
    [InlineData(9999, "#9999")]
    public void A_rare_call_is_named(uint id, string name)
    {
        var payload = Json(DecodeOne(Bytes(new SyscallRecord { Header = Header(RecordKind.Syscall), Id = id, Argument0 = ulong.MaxValue, Argument2 = 3, Result = -1 })));
        Assert.Equal(name, payload.GetProperty("Syscall").GetString());
        Assert.Equal([ulong.MaxValue, 0, 3], payload.GetProperty("Args").EnumerateArray().Select(a => a.GetUInt64()));
    }

    [Fact]
    public void A_fork_is_for_the_roles_only()
    {
        using var decoder = Decoder();
        Assert.Null(decoder.Decode(Bytes(new ForkRecord { Header = Header(RecordKind.Fork), Child = 12 })));
    }

    [Theory]
    [InlineData(Udp)]
    [InlineData(Tcp)]
    public void A_name_look_up_is_seen_over_both_transports(byte protocol)
    {
        byte[] message = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, .. "Evil"u8, 7, .. "example"u8, 0, 0, 28, 0, 1];
        byte[] payload = protocol == Tcp ? [0, (byte)message.Length, .. message] : message;
        var e = DecodeOne(PacketOf(payload, new PacketRecord { Protocol = protocol, IsEgress = 1, RemotePort = 53 }));
        Assert.Equal(EventType.DnsQuery, e.Type);
        Assert.Equal(("Evil.example", 28, JsonValueKind.Null), (Json(e).GetProperty("QName").GetString(), Json(e).GetProperty("QType").GetInt32(), Json(e).GetProperty("ParseErr").ValueKind));
    }

    [Fact]
    public void A_query_that_cannot_be_read_is_told_and_such_an_answer_is_not()
    {
        var query = DecodeOne(PacketOf([1, 2, 3], new PacketRecord { Protocol = Udp, IsEgress = 1, RemotePort = 53 }));
        Assert.Equal(("", "not a DNS question"), (Json(query).GetProperty("QName").GetString(), Json(query).GetProperty("ParseErr").GetString()));
        using var decoder = Decoder();
        Assert.Null(decoder.Decode(PacketOf([1, 2, 3], new PacketRecord { Protocol = Udp, RemotePort = 53 })));
    }

    [Fact]
    public void A_server_name_is_told_once_however_the_hello_is_cut_into_packets() =>
        Gen.Select(Hello.WithName, Cutting.Cuts, Gen.Double[0.001, 1].Array[0, 3], Gen.UInt).Sample((hello, records, packets, first) =>
        {
            using var decoder = Decoder();
            var events = SendTcp(decoder, Hello.InRecords(hello.Message, records), packets, first);
            var e = Assert.Single(events);
            Assert.Equal(EventType.TlsSni, e.Type);
            Assert.Equal(hello.Name, Cutting.Labels(Json(e).GetProperty("SNI").GetString()!.Replace(".", "\\.", StringComparison.Ordinal)).Single());
            Assert.Equal(JsonValueKind.Null, Json(e).GetProperty("ParseErr").ValueKind);
        });

    [Fact]
    public void The_rest_of_a_handshake_is_not_taken_for_another_hello()
    {
        using var decoder = Decoder();
        var hello = Hello.InRecords(Hello.Message([], [(0, Hello.NameList(0, "a.example"u8.ToArray()))]), [0.5]);
        byte[] keyExchange = [0x16, 3, 3, 0, 5, 16, 0, 0, 1, 0];
        var socket = new PacketRecord { Protocol = Tcp, IsEgress = 1, RemotePort = 443, Socket = 5 };
        Assert.NotNull(decoder.Decode(PacketOf(hello, socket)));
        for (byte index = 1; index <= 3; index++)
            Assert.Null(decoder.Decode(PacketOf(keyExchange, socket with { Index = index, Sequence = (uint)(hello.Length + (10 * (index - 1))) })));
    }

    [Fact]
    public void A_hello_that_goes_on_beyond_the_captured_packets_is_told_as_such()
    {
        using var decoder = Decoder();
        var hello = Hello.InRecords(Hello.Message([], [(21, new byte[2000]), (0, Hello.NameList(0, "a.example"u8.ToArray()))]), []);
        var events = SendTcp(decoder, hello[..^1], [0.2, 0.4, 0.6], 7);
        Assert.Contains("goes on", Json(Assert.Single(events)).GetProperty("ParseErr").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_plain_request_is_told_once_however_it_is_cut_into_packets() =>
        Gen.Select(Gen.String[Gen.Char['a', 'z'], 1, 20], Gen.Double[0.01, 0.99].Array[0, 3], Gen.UInt).Sample((name, packets, first) =>
        {
            using var decoder = Decoder();
            var request = Text($"POST /{name}?a=b HTTP/1.1\r\nAccept: */*\r\nHost: {name}.example\r\n\r\n");
            var e = Assert.Single(SendTcp(decoder, request, packets, first));
            Assert.Equal(EventType.HttpRequest, e.Type);
            Assert.Equal(("POST", $"/{name}?a=b", $"{name}.example"),
                (Json(e).GetProperty("Method").GetString(), Json(e).GetProperty("Path").GetString(), Json(e).GetProperty("HttpHost").GetString()));
        });

    [Fact]
    public void Bytes_that_are_neither_give_no_event() => Gen.Byte[0x80, 0xff].Array[1, 100].Sample(bytes =>
    {
        using var decoder = Decoder();
        Assert.Empty(SendTcp(decoder, bytes, [0.3, 0.6], 1));
    });

    private static List<SensorEvent> SendTcp(RecordDecoder decoder, byte[] stream, double[] cuts, uint first)
    {
        var events = new List<SensorEvent>();
        byte index = 0;
        foreach (var (start, bytes) in Cutting.At(stream, cuts).Where(p => p.Bytes.Length > 0))
        {
            var packet = new PacketRecord { Protocol = Tcp, IsEgress = 1, RemotePort = 8443, Socket = 77, Sequence = first + (uint)start, Index = index++ };
            if (decoder.Decode(PacketOf(bytes, packet)) is { } e) events.Add(e);
        }

        return events;
    }

    private static RecordDecoder Decoder() => new(Run, new PhaseTracker(), new CredentialPaths([new WatchedPath { Prefix = "/root/.ssh/", CredTagged = true }]));

    private static SensorEvent DecodeOne(byte[] record)
    {
        using var decoder = Decoder();
        return decoder.Decode(record) ?? throw new InvalidOperationException("The record gave no event.");
    }

    private static JsonElement Json(SensorEvent e)
    {
        using var document = JsonDocument.Parse(e.Payload);
        return document.RootElement.Clone();
    }

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private static RecordHeader Header(RecordKind kind)
    {
        var header = new RecordHeader { Time = ulong.MaxValue, Cgroup = 99, Session = 3, Pid = 11, Tid = 12, Ppid = 10, Uid = 1000, Gid = 1001, Kind = kind, Tags = 2 };
        "node"u8.CopyTo(header.Comm);
        return header;
    }

    private static AddressBytes Address(byte[] bytes)
    {
        var address = default(AddressBytes);
        bytes.CopyTo((Span<byte>)address);
        return address;
    }

    private static byte[] FileOf(byte[] path, byte[] newPath, FileRecord record) =>
        [.. Bytes(record with { Header = Header(RecordKind.File), PathBytes = (ushort)path.Length, NewPathBytes = (ushort)newPath.Length }), .. path, .. newPath];

    private static byte[] ExecOf(byte[] binary, byte[] file, byte[] interpreter, byte[] arguments)
    {
        var record = new ExecRecord
        {
            Header = Header(RecordKind.Exec),
            BinaryBytes = (ushort)binary.Length,
            FileBytes = (ushort)file.Length,
            InterpreterBytes = (ushort)interpreter.Length,
            ArgumentBytes = (ushort)arguments.Length,
        };
        record.Ancestors[0].Pid = 10;
        "npm"u8.CopyTo(record.Ancestors[0].Comm);
        return [.. Bytes(record), .. binary, .. file, .. interpreter, .. arguments];
    }

    // The kernel reserves more than it fills; what lies behind is left over from earlier records.
    private static byte[] PacketOf(byte[] payload, PacketRecord record) =>
        [.. Bytes(record with { Header = Header(RecordKind.Packet), Family = 2, Address = Address(SomeAddress), Used = (ushort)payload.Length }), .. payload, .. "left over"u8];

    private static byte[] Bytes<T>(T record) where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in record)).ToArray();
}
