using System.Text;
using Fangs.Protocol.Events;

namespace Fangs.Actors.Ingest;

/// <summary>Keys of payloads that ingest looks at.</summary>
internal enum PayloadField : byte
{
    Other,
    Header,
    HeaderTsNs,
    HeaderTags,
    HeaderComm,
    HeaderRunId,
    Path,
    Argv,
    ArgvLens,
    BinaryPath,
    Ancestors,
    AncestorComm,
    AncestorPid,
    DestAddr,
    Query,
    RawPayload,
    CommStr,
    PathName,
    NewPathName,
    Op,
    Ret,
    Flags,
    Role,
    Phase,
    Argc,
    ArgvStrs,
    BinaryPathStr,
    AncestorComms,
    DestIP,
    DestPort,
    QName,
    Sni,
    ParseErr,
}

/// <summary>Raw buffers of a payload, which repeat the bytes of parsed fields beside them.</summary>
[Flags]
internal enum RawBuffers
{
    None = 0,
    HeaderComm = 1,
    Path = 2,
    Argv = 4,
    ArgvLens = 8,
    BinaryPath = 16,
    AncestorComm = 32,
    DestAddr = 64,
    Query = 128,
    RawPayload = 256,
    All = 511,
}

/// <summary>The objects of a payload whose members ingest tells apart.</summary>
internal enum PayloadScope : byte
{
    Root,
    Header,
    Ancestor,
}

/// <summary>Finds the meaning of a payload's keys, without regard to case.</summary>
internal static class PayloadFields
{
    private const int LongestEscapedKey = 6 * 13;

    /// <summary>What a key means in its object.</summary>
    internal static PayloadField Find(PayloadScope scope, ReadOnlySpan<byte> key, bool isEscaped)
    {
        if (isEscaped)
        {
            if (key.Length > LongestEscapedKey) return PayloadField.Other;
            Span<byte> plain = stackalloc byte[LongestEscapedKey];
            return Find(scope, plain[..JsonText.Unescape(key, plain)], isEscaped: false);
        }

        return scope switch
        {
            PayloadScope.Root => FindInRoot(key),
            PayloadScope.Header => key.Length switch
            {
                4 => Is(key, "TsNs"u8, PayloadField.HeaderTsNs) | Is(key, "Tags"u8, PayloadField.HeaderTags)
                    | Is(key, "Comm"u8, PayloadField.HeaderComm),
                5 => Is(key, "RunID"u8, PayloadField.HeaderRunId),
                _ => PayloadField.Other,
            },
            _ => key.Length switch
            {
                3 => Is(key, "PID"u8, PayloadField.AncestorPid),
                4 => Is(key, "Comm"u8, PayloadField.AncestorComm),
                _ => PayloadField.Other,
            },
        };
    }

    /// <summary>The raw buffer that a key names; none for other keys.</summary>
    internal static RawBuffers BufferOf(PayloadField field) => field switch
    {
        PayloadField.HeaderComm => RawBuffers.HeaderComm,
        PayloadField.Path => RawBuffers.Path,
        PayloadField.Argv => RawBuffers.Argv,
        PayloadField.ArgvLens => RawBuffers.ArgvLens,
        PayloadField.BinaryPath => RawBuffers.BinaryPath,
        PayloadField.AncestorComm => RawBuffers.AncestorComm,
        PayloadField.DestAddr => RawBuffers.DestAddr,
        PayloadField.Query => RawBuffers.Query,
        PayloadField.RawPayload => RawBuffers.RawPayload,
        _ => RawBuffers.None,
    };

    // The names of one length exclude each other, so their values can simply be joined.
    private static PayloadField FindInRoot(ReadOnlySpan<byte> key) => key.Length switch
    {
        2 => Is(key, "Op"u8, PayloadField.Op),
        3 => Is(key, "Ret"u8, PayloadField.Ret) | Is(key, "SNI"u8, PayloadField.Sni),
        4 => Is(key, "Path"u8, PayloadField.Path) | Is(key, "Argv"u8, PayloadField.Argv) | Is(key, "Argc"u8, PayloadField.Argc)
            | Is(key, "Role"u8, PayloadField.Role),
        5 => Is(key, "Flags"u8, PayloadField.Flags) | Is(key, "Phase"u8, PayloadField.Phase) | Is(key, "QName"u8, PayloadField.QName)
            | Is(key, "Query"u8, PayloadField.Query),
        6 => Is(key, "Header"u8, PayloadField.Header) | Is(key, "DestIP"u8, PayloadField.DestIP),
        7 => Is(key, "CommStr"u8, PayloadField.CommStr),
        8 => Is(key, "PathName"u8, PayloadField.PathName) | Is(key, "ArgvStrs"u8, PayloadField.ArgvStrs)
            | Is(key, "ArgvLens"u8, PayloadField.ArgvLens) | Is(key, "DestAddr"u8, PayloadField.DestAddr)
            | Is(key, "DestPort"u8, PayloadField.DestPort) | Is(key, "ParseErr"u8, PayloadField.ParseErr),
        9 => Is(key, "Ancestors"u8, PayloadField.Ancestors),
        10 => Is(key, "BinaryPath"u8, PayloadField.BinaryPath) | Is(key, "RawPayload"u8, PayloadField.RawPayload),
        11 => Is(key, "NewPathName"u8, PayloadField.NewPathName),
        13 => Is(key, "BinaryPathStr"u8, PayloadField.BinaryPathStr) | Is(key, "AncestorComms"u8, PayloadField.AncestorComms),
        _ => PayloadField.Other,
    };

    private static PayloadField Is(ReadOnlySpan<byte> key, ReadOnlySpan<byte> name, PayloadField field) =>
        Ascii.EqualsIgnoreCase(key, name) ? field : PayloadField.Other;
}
