using System.Runtime.InteropServices;

namespace Fangs.Runner.Bpf;

/// <summary>The kernel refused something that the sensor or the gateway needs. The message says what and how to get it.</summary>
public sealed class BpfException : Exception
{
    /// <summary>Creates the exception.</summary>
    public BpfException(string message) : base(message) { }

    /// <summary>Creates the exception with its cause.</summary>
    public BpfException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>An attached eBPF program; disposing detaches it.</summary>
internal sealed class BpfLink : SafeHandle
{
    internal BpfLink(nint link) : base(0, ownsHandle: true) => SetHandle(link);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => LibBpf.LinkDestroy(handle) == 0;
}

/// <summary>An eBPF object file, opened from an embedded resource; disposing unloads it.</summary>
internal sealed unsafe class BpfObject : SafeHandle
{
    private BpfObject(nint bpfObject) : base(0, ownsHandle: true) => SetHandle(bpfObject);

    public override bool IsInvalid => handle == 0;

    /// <summary>Opens the embedded object <c>bpf/{name}</c>. Nothing is in the kernel before <see cref="Load"/>.</summary>
    /// <exception cref="BpfException">libbpf does not accept the object.</exception>
    internal static BpfObject Open(string name)
    {
        LibBpf.CaptureMessages();
        using var resource = typeof(BpfObject).Assembly.GetManifestResourceStream("bpf/" + name)
            ?? throw new BpfException($"The eBPF object {name} is not embedded in this build.");
        var image = new byte[resource.Length];
        resource.ReadExactly(image);
        fixed (byte* bytes = image)
        {
            var opened = LibBpf.ObjectOpenMemory(bytes, (nuint)image.Length, 0);
            return opened != 0
                ? new BpfObject(opened)
                : throw new BpfException($"libbpf cannot open {name}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}. {LibBpf.TakeMessages()}");
        }
    }

    /// <summary>The programs of the object as (handle, name, section).</summary>
    internal List<(nint Program, string Name, string Section)> Programs()
    {
        var programs = new List<(nint, string, string)>();
        for (var p = LibBpf.ObjectNextProgram(handle, 0); p != 0; p = LibBpf.ObjectNextProgram(handle, p))
            programs.Add((p, LibBpf.ProgramName(p), LibBpf.ProgramSection(p)));
        return programs;
    }

    /// <summary>A program's handle, for <c>LibBpf.Program…</c> functions.</summary>
    /// <exception cref="BpfException">The object has no such program.</exception>
    internal nint Program(string name)
    {
        foreach (var (program, programName, _) in Programs())
            if (programName == name) return program;
        throw new BpfException($"The eBPF object has no program '{name}'.");
    }

    /// <summary>Loads maps and programs into the kernel.</summary>
    /// <exception cref="BpfException">The verifier or the kernel's policy refuses; the message has their words.</exception>
    internal void Load()
    {
        var result = LibBpf.ObjectLoad(handle);
        if (result == 0) return;
        throw new BpfException($"the kernel refuses the eBPF programs: {Marshal.GetPInvokeErrorMessage(-result)}. {LibBpf.TakeMessages()}");
    }

    /// <summary>A map's handle, for <c>LibBpf.Map…</c> functions.</summary>
    /// <exception cref="BpfException">The object has no such map.</exception>
    internal nint Map(string name)
    {
        var map = LibBpf.ObjectFindMap(handle, name);
        return map != 0 ? map : throw new BpfException($"The eBPF object has no map '{name}'.");
    }

    /// <summary>A map's file descriptor; valid after <see cref="Load"/> until this object is disposed.</summary>
    internal int MapFd(string name) => LibBpf.MapFd(Map(name));

    protected override bool ReleaseHandle()
    {
        LibBpf.ObjectClose(handle);
        return true;
    }
}
