using System.Buffers.Binary;
using Fangs.Protocol;
using Fangs.Runner.Sensor.Dns;
using Fangs.Runner.Sensor.Http;
using Fangs.Runner.Sensor.Tls;

namespace Fangs.Runner.Sensor;

/// <summary>Turns the kernel's records of one session into events. Used by one thread.</summary>
internal sealed class RecordDecoder(RunId run, PhaseTracker phases, CredentialPaths credentials) : IDisposable
{
    private const byte Udp = 17;
    private const int LastPacketOfHead = 3;
    private const ushort DnsPort = 53;

    private readonly EventPayload _payload = new(run);
    private readonly RoleTracker _roles = new();
    private readonly ConnectionHeads _heads = new();

    /// <summary>Decodes a record; null when it is for the sensor's own book-keeping or cannot be read.</summary>
    internal SensorEvent? Decode(ReadOnlySpan<byte> record)
    {
        if (!Record.TryRead<RecordHeader>(record, out var header, out _)) return null;
        return header.Kind switch
        {
            RecordKind.File => File(record),
            RecordKind.Exec => Exec(record),
            RecordKind.Connect => Connect(record),
            RecordKind.Packet => Packet(record),
            RecordKind.Syscall => RareCall(record),
            RecordKind.Fork => Fork(record),
            RecordKind.Unix => UnixConnect(record),
            _ => null,
        };
    }

    /// <inheritdoc/>
    public void Dispose() => _payload.Dispose();

    private SensorEvent? File(ReadOnlySpan<byte> bytes)
    {
        if (!Record.TryRead<FileRecord>(bytes, out var record, out var rest)) return null;
        if (!Record.TryTake(ref rest, record.PathBytes, out var path) || !Record.TryTake(ref rest, record.NewPathBytes, out var newPath)) return null;
        var name = PathName(path, record.IsResolved != 0, record.OwnNumber);
        var newName = newPath.IsEmpty ? "" : PathName(newPath, false, record.OwnNumber);
        // The kernel compared what the program passed; only in its plain form is "/home/node/../../etc/shadow" the name of a credential.
        if ((record.IsResolved == 0 && credentials.Contains(name)) || credentials.Contains(newName))
            record.Header.Tags |= (byte)(EventTags.Interesting | EventTags.Credential);
        var json = _payload.Begin(record.Header, EventType.FileAccess);
        json.WriteNumber("DFD", record.Directory);
        json.WriteNumber("Flags", record.Flags);
        json.WriteNumber("Truncated", record.IsTruncated);
        json.WriteString("PathName", name);
        json.WriteBoolean("ResolvedPath", record.IsResolved != 0);
        json.WriteString("Op", OpName(record.Op));
        if (newName.Length > 0) json.WriteString("NewPathName", newName);
        if (record.HasResult != 0) json.WriteNumber("Ret", record.Result);
        return Finish(record.Header, EventType.FileAccess);
    }

    private SensorEvent? Exec(ReadOnlySpan<byte> bytes)
    {
        if (!Record.TryRead<ExecRecord>(bytes, out var record, out var rest)) return null;
        if (!Record.TryTake(ref rest, record.BinaryBytes, out var binary) || !Record.TryTake(ref rest, record.FileBytes, out var file)
            || !Record.TryTake(ref rest, record.InterpreterBytes, out _) || !Record.TryTake(ref rest, record.ArgumentBytes, out var arguments)) return null;
        var isMark = phases.TryEnter(arguments);
        _roles.Executed(record.Header.Pid, record.Header.Ppid, arguments, phases.Current, isMark);
        if (isMark) return null; // the harness's own sign, not behaviour

        var json = _payload.Begin(record.Header, EventType.Exec);
        var binaryPath = EventPayload.Text(Record.UntilNul(binary));
        var filePath = PathName(file, false, 0);
        json.WriteString("BinaryPathStr", binaryPath.Length > 0 ? binaryPath : filePath);
        if (filePath != binaryPath) json.WriteString("FileStr", filePath);
        json.WriteStartArray("ArgvStrs");
        var list = new ArgumentList(arguments);
        var count = 0;
        for (; list.Next(out var argument); count++) json.WriteStringValue(EventPayload.Text(argument));
        json.WriteEndArray();
        json.WriteNumber("Argc", Math.Min(count, byte.MaxValue));
        json.WriteNumber("Truncated", record.IsTruncated);
        json.WriteStartArray("AncestorComms");
        foreach (var ancestor in record.Ancestors)
            if (ancestor.Pid != 0) json.WriteStringValue(EventPayload.Text(Record.UntilNul(ancestor.Comm)));
        json.WriteEndArray();
        json.WriteNumber("Ret", 0);
        return Finish(record.Header, EventType.Exec);
    }

    private SensorEvent? Connect(ReadOnlySpan<byte> bytes)
    {
        if (!Record.TryRead<ConnectRecord>(bytes, out var record, out _)) return null;
        var json = _payload.Begin(record.Header, EventType.NetConnect);
        json.WriteNumber("Family", record.Family);
        json.WriteNumber("Source", 1);
        json.WriteNumber("DestPort", record.Port);
        json.WriteString("DestIP", EventPayload.Address(record.Family, record.Address));
        json.WriteString("Proto", ProtocolName(record.Protocol));
        return Finish(record.Header, EventType.NetConnect);
    }

    private SensorEvent? UnixConnect(ReadOnlySpan<byte> bytes)
    {
        if (!Record.TryRead<UnixRecord>(bytes, out var record, out var rest)) return null;
        if (!Record.TryTake(ref rest, Math.Min((int)record.PathBytes, Record.UnixPathBytes), out var path)) return null;
        var json = _payload.Begin(record.Header, EventType.NetConnect);
        json.WriteNumber("Family", record.Family);
        json.WriteNumber("Source", 1);
        json.WriteNumber("DestPort", record.Port);
        json.WriteString("DestIP", "");
        // An abstract name begins with NUL; the customary sign for that is @.
        var name = !path.IsEmpty && path[0] == 0 ? "@" + EventPayload.Text(Record.UntilNul(path[1..])) : EventPayload.Text(Record.UntilNul(path));
        json.WriteString("UnixPath", record.ContextId != 0 ? $"vsock:{record.ContextId}" : name);
        json.WriteNumber("Ret", record.Result);
        return Finish(record.Header, EventType.NetConnect);
    }

    private SensorEvent? RareCall(ReadOnlySpan<byte> bytes)
    {
        if (!Record.TryRead<SyscallRecord>(bytes, out var record, out _)) return null;
        var json = _payload.Begin(record.Header, EventType.RareSyscall);
        json.WriteString("Syscall", record.Id < SyscallProbes.RareCalls.Length ? SyscallProbes.RareCalls[record.Id] : $"#{record.Id}");
        json.WriteStartArray("Args");
        json.WriteNumberValue(record.Argument0);
        json.WriteNumberValue(record.Argument1);
        json.WriteNumberValue(record.Argument2);
        json.WriteEndArray();
        json.WriteNumber("Ret", record.Result);
        return Finish(record.Header, EventType.RareSyscall);
    }

    private SensorEvent? Fork(ReadOnlySpan<byte> bytes)
    {
        if (Record.TryRead<ForkRecord>(bytes, out var record, out _)) _roles.Forked(record.Header.Pid, record.Header.Ppid, record.Child);
        return null;
    }

    private SensorEvent? Packet(ReadOnlySpan<byte> bytes)
    {
        if (!Record.TryRead<PacketRecord>(bytes, out var record, out var rest)) return null;
        if (!Record.TryTake(ref rest, record.Used, out var payload)) return null;
        if (record.Protocol == Udp) return Dns(record, payload);
        var head = _heads.Add(record.Socket, record.Sequence, payload);
        if (record.RemotePort == DnsPort) return DnsOverTcp(record, head);
        var isTls = head.Length > 0 && head[0] == 0x16;
        var sent = isTls ? Tls(record, head) : Http(record, head);
        if (record.Index >= LastPacketOfHead || (sent is not null && !isTls)) _heads.Forget(record.Socket);
        else if (sent is not null) _heads.Finish(record.Socket); // the rest of the handshake looks like the beginning of one
        return sent;
    }

    private SensorEvent? Tls(in PacketRecord record, ReadOnlySpan<byte> head)
    {
        var state = ClientHello.Parse(head, out var serverName);
        if (state == ClientHelloState.Incomplete && record.Index < LastPacketOfHead) return null;
        var json = Peer(record, EventType.TlsSni);
        json.WriteNumber("Source", 3);
        json.WriteString("SourceName", "tcp_clienthello");
        json.WriteString("SNI", serverName);
        json.WriteString("DuplicateOf", "");
        if (state == ClientHelloState.Complete) json.WriteNull("ParseErr");
        else json.WriteString("ParseErr", state == ClientHelloState.Incomplete ? "the ClientHello goes on beyond the captured packets" : "not a ClientHello");
        return Finish(record.Header, EventType.TlsSni);
    }

    private SensorEvent? Http(in PacketRecord record, ReadOnlySpan<byte> head)
    {
        if (!RequestHead.TryParse(head, out var request) || (!request.IsComplete && record.Index < LastPacketOfHead)) return null;
        var json = Peer(record, EventType.HttpRequest);
        json.WriteString("Method", EventPayload.Text(request.Method));
        json.WriteString("Path", EventPayload.Text(request.Target));
        json.WriteString("HttpHost", EventPayload.Text(request.Host));
        return Finish(record.Header, EventType.HttpRequest);
    }

    // RFC 1035, 4.2.2: a length goes before the message, and either may come in pieces.
    private SensorEvent? DnsOverTcp(in PacketRecord record, ReadOnlySpan<byte> head)
    {
        var isWhole = BinaryPrimitives.TryReadUInt16BigEndian(head, out var length) && head.Length - sizeof(ushort) >= length;
        if (!isWhole && record.Index < LastPacketOfHead) return null;
        _heads.Forget(record.Socket);
        return Dns(record, isWhole ? head.Slice(sizeof(ushort), length) : default);
    }

    private SensorEvent? Dns(in PacketRecord record, ReadOnlySpan<byte> message)
    {
        var isParsed = DnsMessage.TryParseQuestion(message, out var question);
        var type = record.IsEgress != 0 ? EventType.DnsQuery : EventType.DnsAnswer;
        if (type == EventType.DnsAnswer && !isParsed) return null;
        var json = Peer(record, type);
        json.WriteString("QName", isParsed ? question.Name : "");
        json.WriteNumber("QType", isParsed ? question.Type : 0);
        if (type == EventType.DnsAnswer)
        {
            json.WriteStartArray("Answers");
            foreach (var address in DnsMessage.Addresses(message, question)) json.WriteStringValue(address.ToString());
            json.WriteEndArray();
        }
        else if (isParsed)
        {
            json.WriteNull("ParseErr");
        }
        else
        {
            json.WriteString("ParseErr", "not a DNS question");
        }

        return Finish(record.Header, type);
    }

    private System.Text.Json.Utf8JsonWriter Peer(in PacketRecord record, byte type)
    {
        var json = _payload.Begin(record.Header, type);
        json.WriteNumber("Family", record.Family);
        json.WriteNumber("DestPort", record.RemotePort);
        json.WriteString("DestIP", EventPayload.Address(record.Family, record.Address));
        json.WriteString("Proto", ProtocolName(record.Protocol));
        return json;
    }

    private SensorEvent Finish(in RecordHeader header, byte type)
    {
        var role = phases.HasPhases ? RoleName(_roles.RoleOf(header.Pid, header.Ppid)) : "";
        return new SensorEvent(type, _payload.End(phases.Current, role), phases.Current);
    }

    // A process looks at itself below /proc under a number that differs from run to run.
    private static string PathName(ReadOnlySpan<byte> path, bool isResolved, uint ownNumber)
    {
        path = Record.UntilNul(path);
        var text = isResolved ? EventPayload.Text(path) : EventPayload.Text(PathText.Normalise(path, new byte[path.Length + 1]));
        if (ownNumber == 0) return text;
        var own = $"/proc/{ownNumber}/";
        return text.StartsWith(own, StringComparison.Ordinal) ? string.Concat("/proc/self/", text.AsSpan(own.Length)) : text;
    }

    private static string OpName(FileOp op) => op switch
    {
        FileOp.Open => "open",
        FileOp.Unlink => "unlink",
        FileOp.Rename => "rename",
        FileOp.Symlink => "symlink",
        FileOp.Link => "link",
        FileOp.Chmod => "chmod",
        FileOp.Truncate => "truncate",
        FileOp.Mkdir => "mkdir",
        _ => "unknown",
    };

    private static string RoleName(ProcessRole role) => role switch
    {
        ProcessRole.Npm => "npm",
        ProcessRole.Script => "script",
        ProcessRole.Import => "import",
        _ => "harness",
    };

    private static string ProtocolName(byte protocol) => protocol switch { 6 => "tcp", Udp => "udp", _ => protocol.ToString(System.Globalization.CultureInfo.InvariantCulture) };
}
