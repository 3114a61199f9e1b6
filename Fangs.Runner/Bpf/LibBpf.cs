using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Fangs.Runner.Bpf;

/// <summary>The part of libbpf 1.x that the runner uses (Debian package <c>libbpf1</c>). One declaration per C function.</summary>
/// <remarks>Functions that return a pointer give 0 and set errno, functions that return an int give a negative errno.</remarks>
internal static unsafe partial class LibBpf
{
    private const string Library = "libbpf.so.1";

    [LibraryImport(Library, EntryPoint = "bpf_object__open_mem", SetLastError = true)]
    internal static partial nint ObjectOpenMemory(byte* image, nuint size, nint options);

    [LibraryImport(Library, EntryPoint = "bpf_object__load")]
    internal static partial int ObjectLoad(nint bpfObject);

    [LibraryImport(Library, EntryPoint = "bpf_object__close")]
    internal static partial void ObjectClose(nint bpfObject);

    [LibraryImport(Library, EntryPoint = "bpf_object__next_program")]
    internal static partial nint ObjectNextProgram(nint bpfObject, nint previous);

    [LibraryImport(Library, EntryPoint = "bpf_object__find_map_by_name", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint ObjectFindMap(nint bpfObject, string name);

    [LibraryImport(Library, EntryPoint = "bpf_program__name")]
    private static partial nint ProgramNamePointer(nint program);

    [LibraryImport(Library, EntryPoint = "bpf_program__section_name")]
    private static partial nint ProgramSectionPointer(nint program);

    [LibraryImport(Library, EntryPoint = "bpf_program__set_autoload")]
    internal static partial int ProgramSetAutoload(nint program, [MarshalAs(UnmanagedType.U1)] bool autoload);

    [LibraryImport(Library, EntryPoint = "bpf_program__attach", SetLastError = true)]
    internal static partial nint ProgramAttach(nint program);

    [LibraryImport(Library, EntryPoint = "bpf_program__attach_tracepoint_opts", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint ProgramAttachTracepoint(nint program, string category, string name, TracepointOptions* options);

    [LibraryImport(Library, EntryPoint = "bpf_program__attach_cgroup", SetLastError = true)]
    internal static partial nint ProgramAttachCgroup(nint program, int cgroupFd);

    [LibraryImport(Library, EntryPoint = "bpf_program__attach_netns", SetLastError = true)]
    internal static partial nint ProgramAttachNetns(nint program, int netnsFd);

    [LibraryImport(Library, EntryPoint = "bpf_link__destroy")]
    internal static partial int LinkDestroy(nint link);

    [LibraryImport(Library, EntryPoint = "bpf_map__fd")]
    internal static partial int MapFd(nint map);

    [LibraryImport(Library, EntryPoint = "bpf_map__set_max_entries")]
    internal static partial int MapSetMaxEntries(nint map, uint entries);

    [LibraryImport(Library, EntryPoint = "bpf_map__initial_value")]
    internal static partial byte* MapInitialValue(nint map, out nuint size);

    [LibraryImport(Library, EntryPoint = "bpf_map_update_elem")]
    internal static partial int MapUpdate(int mapFd, void* key, void* value, ulong flags);

    [LibraryImport(Library, EntryPoint = "bpf_map_lookup_elem")]
    internal static partial int MapLookup(int mapFd, void* key, void* value);

    [LibraryImport(Library, EntryPoint = "bpf_map_delete_elem")]
    internal static partial int MapDelete(int mapFd, void* key);

    [LibraryImport(Library, EntryPoint = "ring_buffer__new", SetLastError = true)]
    internal static partial nint RingBufferNew(int mapFd, delegate* unmanaged[Cdecl]<nint, byte*, nuint, int> callback, nint context, nint options);

    [LibraryImport(Library, EntryPoint = "ring_buffer__poll")]
    internal static partial int RingBufferPoll(nint ring, int timeoutMilliseconds);

    [LibraryImport(Library, EntryPoint = "ring_buffer__consume")]
    internal static partial int RingBufferConsume(nint ring);

    [LibraryImport(Library, EntryPoint = "ring_buffer__free")]
    internal static partial void RingBufferFree(nint ring);

    [LibraryImport(Library, EntryPoint = "libbpf_set_print")]
    internal static partial nint SetPrint(delegate* unmanaged[Cdecl]<int, byte*, nint, int> print);

    /// <summary><c>struct bpf_tracepoint_opts</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct TracepointOptions
    {
        internal nuint Size;
        internal ulong Cookie;
    }

    [LibraryImport("libc", EntryPoint = "vsnprintf")]
    private static partial int FormatVariadic(byte* buffer, nuint size, byte* format, nint arguments);

    internal static string ProgramName(nint program) => Marshal.PtrToStringUTF8(ProgramNamePointer(program)) ?? "";

    internal static string ProgramSection(nint program) => Marshal.PtrToStringUTF8(ProgramSectionPointer(program)) ?? "";

    /// <summary>What libbpf said since the last call, for error messages; verifier logs can be long, so the tail is kept.</summary>
    internal static string TakeMessages()
    {
        lock (Messages)
        {
            var text = string.Concat(Messages);
            Messages.Clear();
            return text.Trim();
        }
    }

    /// <summary>Collects libbpf's warnings instead of letting it write to standard error.</summary>
    internal static void CaptureMessages() => SetPrint(&OnMessage);

    private static readonly Queue<string> Messages = new();

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnMessage(int level, byte* format, nint arguments)
    {
        if (level > 0) return 0; // 0 = warning; info and debug are of no use to an operator
        const int Size = 4096;
        var buffer = stackalloc byte[Size];
        _ = FormatVariadic(buffer, Size, format, arguments);
        lock (Messages)
        {
            if (Messages.Count >= 64) Messages.Dequeue();
            Messages.Enqueue(Marshal.PtrToStringUTF8((nint)buffer) ?? "");
        }

        return 0;
    }
}
