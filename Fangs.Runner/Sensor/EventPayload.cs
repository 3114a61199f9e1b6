using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Fangs.Protocol;

namespace Fangs.Runner.Sensor;

/// <summary>Writes the payload objects of one session with the field names of the wire protocol. Raw byte arrays are left out.</summary>
internal sealed class EventPayload : IDisposable
{
    private readonly ArrayBufferWriter<byte> _buffer = new(1024);
    private readonly Utf8JsonWriter _json;
    private readonly byte[] _run = new byte[RunId.Size];

    internal EventPayload(RunId run)
    {
        _json = new Utf8JsonWriter(_buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        run.CopyTo(_run);
    }

    /// <summary>Begins a payload: header and process name.</summary>
    internal Utf8JsonWriter Begin(in RecordHeader header, byte type)
    {
        _buffer.ResetWrittenCount();
        _json.Reset();
        _json.WriteStartObject();
        _json.WriteStartObject("Header");
        _json.WriteNumber("TsNs", header.Time);
        _json.WriteNumber("CgroupID", header.Cgroup);
        _json.WriteStartArray("RunID");
        foreach (var b in _run) _json.WriteNumberValue(b);
        _json.WriteEndArray();
        _json.WriteNumber("PID", header.Pid);
        _json.WriteNumber("TID", header.Tid);
        _json.WriteNumber("PPID", header.Ppid);
        _json.WriteNumber("UID", header.Uid);
        _json.WriteNumber("GID", header.Gid);
        _json.WriteNumber("Type", type);
        _json.WriteNumber("Tags", header.Tags);
        _json.WriteEndObject();
        _json.WriteString("CommStr", Text(Record.UntilNul(header.Comm)));
        return _json;
    }

    /// <summary>Ends the payload with who did it and when.</summary>
    internal byte[] End(string phase, string role)
    {
        if (phase.Length > 0) _json.WriteString("Phase", phase);
        if (role.Length > 0) _json.WriteString("Role", role);
        _json.WriteEndObject();
        _json.Flush();
        return _buffer.WrittenSpan.ToArray();
    }

    /// <summary>Bytes as text; what is not UTF-8 becomes U+FFFD.</summary>
    internal static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    /// <summary>An address as the protocol writes it: IPv4-mapped IPv6 as a dotted quad.</summary>
    internal static string Address(byte family, ReadOnlySpan<byte> bytes)
    {
        const byte Inet = 2, Inet6 = 10;
        if (family is not (Inet or Inet6)) return "";
        var address = new IPAddress(family == Inet ? bytes[..4] : bytes);
        return (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
    }

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();
}
