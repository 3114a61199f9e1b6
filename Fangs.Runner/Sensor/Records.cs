using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Fangs.Runner.Sensor;

// The layouts of Sensor/bpf/records.h. The kernel pads as the C# compiler does, because every field sits on its own size.

/// <summary>What a record in the ring buffer is.</summary>
internal enum RecordKind : byte
{
    File = 1,
    Exec,
    Connect,
    Packet,
    Syscall,
    Fork,
    Unix,
}

/// <summary>What was done with a file.</summary>
internal enum FileOp : byte
{
    Open = 1,
    Unlink,
    Rename,
    Symlink,
    Link,
    Chmod,
    Truncate,
    Mkdir,
}

/// <summary>A process name: at most 15 bytes and a terminator.</summary>
[InlineArray(16)]
internal struct CommBytes
{
    private byte _first;
}

/// <summary>An address: IPv6, or IPv4 in the first four bytes.</summary>
[InlineArray(16)]
internal struct AddressBytes
{
    private byte _first;
}

/// <summary>The common beginning of all records.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct RecordHeader
{
    internal ulong Time;
    internal ulong Cgroup;
    internal uint Session;
    internal uint Pid;
    internal uint Tid;
    internal uint Ppid;
    internal uint Uid;
    internal uint Gid;
    internal CommBytes Comm;
    internal RecordKind Kind;
    internal byte Tags;
}

/// <summary>A file operation; the path and the new path follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FileRecord
{
    internal RecordHeader Header;
    internal int Directory;
    internal int Flags;
    internal int Result;
    internal FileOp Op;
    internal byte IsResolved;
    internal byte IsTruncated;
    internal byte HasResult;
    internal ushort PathBytes;
    internal ushort NewPathBytes;
    internal uint OwnNumber;
}

/// <summary>A process above the executing one.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Ancestor
{
    internal uint Pid;
    internal CommBytes Comm;
}

/// <summary>The nearest ancestors, the parent first.</summary>
[InlineArray(6)]
internal struct Ancestors
{
    private Ancestor _first;
}

/// <summary>An exec; the binary, the file as passed, the interpreter and the arguments follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ExecRecord
{
    internal RecordHeader Header;
    internal ushort BinaryBytes;
    internal ushort FileBytes;
    internal ushort InterpreterBytes;
    internal ushort ArgumentBytes;
    internal byte IsTruncated;
    private readonly byte _pad1;
    private readonly ushort _pad2;
    private readonly uint _pad3;
    internal Ancestors Ancestors;
}

/// <summary>A socket was connected or a datagram addressed.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ConnectRecord
{
    internal RecordHeader Header;
    internal byte Family;
    internal byte Protocol;
    internal ushort Port;
    private readonly uint _pad;
    internal AddressBytes Address;
}

/// <summary>A packet of interest; its payload follows, of which only <see cref="Used"/> bytes belong to it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PacketRecord
{
    internal RecordHeader Header;
    internal ulong Socket;
    internal byte Family;
    internal byte Protocol;
    internal byte IsEgress;
    internal byte Index;
    internal ushort LocalPort;
    internal ushort RemotePort;
    internal AddressBytes Address;
    internal uint Sequence;
    internal ushort Used;
    private readonly ushort _pad;
}

/// <summary>A rare system call.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SyscallRecord
{
    internal RecordHeader Header;
    internal uint Id;
    private readonly uint _pad;
    internal long Result;
    internal ulong Argument0;
    internal ulong Argument1;
    internal ulong Argument2;
}

/// <summary>A process was born; the header is its parent's.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ForkRecord
{
    internal RecordHeader Header;
    internal uint Child;
    private readonly uint _pad;
}

/// <summary>A connect to a socket of this host or its hypervisor; 108 bytes of path follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UnixRecord
{
    internal RecordHeader Header;
    internal ushort Family;
    internal ushort PathBytes;
    internal int Result;
    internal uint ContextId;
    internal uint Port;
}

/// <summary>Cuts records into their parts. A record that is too short for what it says reads as none.</summary>
internal static class Record
{
    internal const int UnixPathBytes = 108;

    /// <summary>Reads the fixed part and gives what follows it.</summary>
    internal static bool TryRead<T>(ReadOnlySpan<byte> record, out T value, out ReadOnlySpan<byte> rest) where T : unmanaged
    {
        rest = default;
        if (!MemoryMarshal.TryRead(record, out value)) return false;
        rest = record[Unsafe.SizeOf<T>()..];
        return true;
    }

    /// <summary>Takes <paramref name="length"/> bytes off the front.</summary>
    internal static bool TryTake(ref ReadOnlySpan<byte> rest, int length, out ReadOnlySpan<byte> part)
    {
        part = default;
        if (length > rest.Length) return false;
        part = rest[..length];
        rest = rest[length..];
        return true;
    }

    /// <summary>The bytes before the first NUL.</summary>
    internal static ReadOnlySpan<byte> UntilNul(ReadOnlySpan<byte> text)
    {
        var end = text.IndexOf((byte)0);
        return end < 0 ? text : text[..end];
    }
}
