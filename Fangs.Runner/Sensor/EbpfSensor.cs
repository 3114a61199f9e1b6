using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Fangs.Protocol;
using Fangs.Runner.Bpf;

namespace Fangs.Runner.Sensor;

/// <summary>The eBPF sensor: loads the probes once, attaches them, and hands the records of the ring buffer to the sessions.</summary>
public sealed class EbpfSensor : ISensor
{
    private const string TracePath = "/sys/kernel/tracing";
    private const uint WakeBytes = 128 * 1024;
    private const int PollMilliseconds = 10;
    private const int RunLevel = 2;
    private const int MaxLevel = 31;
    private const int Slots = 256;
    private const int RuleBytes = 255;
    private const uint Off = 0, Recording = 1, FromFirstExec = 2;
    private const uint Keep = 1, Credential = 2, Drop = 3;
    private const int ChangeShift = 8;

    private static readonly string[] CgroupPrograms = ["on_connect4", "on_connect6", "on_sendmsg4", "on_sendmsg6", "on_egress", "on_ingress"];

    // Read by every program on a machine, so never the package's doing; changing one of them is.
    private static readonly string[] NoisyPaths =
    [
        "/usr/share/", "/usr/lib/", "/usr/lib64/", "/lib/", "/lib64/", "/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/", "/dev/null",
        "/dev/urandom", "/sys/devices/system/cpu", "/sys/fs/cgroup", "/proc/stat", "/proc/meminfo",
    ];

    private readonly BpfObject _object;
    private readonly List<BpfLink> _links = [];
    private readonly ConcurrentDictionary<uint, EbpfSession> _sessions = [];
    private readonly Lock _gate = new();
    private readonly bool[] _slots = new bool[Slots];
    private readonly int[] _otherLevels = new int[MaxLevel + 1];
    private readonly string _root;
    private readonly Thread _reader;
    private GCHandle _self;
    private nint _ring;
    private uint _nextSession;
    private volatile bool _isStopping;

    private EbpfSensor(BpfObject bpfObject, string root)
    {
        (_object, _root) = (bpfObject, root);
        _reader = new Thread(Read) { IsBackground = true, Name = "sensor" };
    }

    /// <summary>Says what this host lacks for the sensor, one sentence each with the remedy. Empty when nothing is missing.</summary>
    public static IReadOnlyList<string> Probe()
    {
        var missing = new List<string>();
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
            missing.Add($"The sensor reads the registers of x86-64 only, and this is {RuntimeInformation.ProcessArchitecture}: run runners on x86-64 hosts; orchestrator and commands work here.");
        if (Environment.UserName != "root" && !Environment.IsPrivilegedProcess)
            missing.Add("The sensor needs root (CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN): run the runner as root.");
        if (!System.IO.File.Exists("/sys/kernel/btf/vmlinux"))
            missing.Add("The kernel has no type information (/sys/kernel/btf/vmlinux): use a kernel built with CONFIG_DEBUG_INFO_BTF, as those of Debian 12 are.");
        if (CgroupTree.FindRoot() is null)
            missing.Add("There is no cgroup v2 hierarchy: mount one with 'mount -t cgroup2 none /sys/fs/cgroup/unified'.");
        if (!NativeLibrary.TryLoad("libbpf.so.1", out var library)) missing.Add("libbpf 1.x is not installed: apt-get install libbpf1.");
        else NativeLibrary.Free(library);
        return missing;
    }

    /// <summary>Loads and attaches the probes.</summary>
    /// <exception cref="BpfException">The kernel refuses, or lacks something; the message says what and how to get it.</exception>
    public static EbpfSensor Create() => Create(ringBytes: null);

    /// <summary>Loads with a ring buffer of another size, a power of two, for tests of its overflow.</summary>
    internal static EbpfSensor Create(uint? ringBytes)
    {
        var root = CgroupTree.FindRoot() ?? throw new BpfException("There is no cgroup v2 hierarchy on this host.");
        EnsureTracing();
        var bpfObject = BpfObject.Open("sensor.bpf.o");
        var sensor = new EbpfSensor(bpfObject, root);
        try
        {
            if (ringBytes is { } bytes) _ = LibBpf.MapSetMaxEntries(bpfObject.Map("events"), bytes);
            bpfObject.Load();
            sensor.WriteSettings();
            sensor.AttachAll();
            sensor.StartReading();
            return sensor;
        }
        catch
        {
            sensor.Release();
            throw;
        }
    }

    /// <inheritdoc/>
    public ISensorSession Arm(SensorTarget target)
    {
        ArgumentNullException.ThrowIfNull(target);
        lock (_gate)
        {
            var slot = Array.IndexOf(_slots, false);
            if (slot < 0) throw new BpfException($"The sensor records {Slots} runs at once, not more.");
            var cgroup = CgroupTree.IdOf(target.CgroupPath);
            var level = CgroupTree.LevelOf(_root, target.CgroupPath);
            if (level is < 1 or > MaxLevel) throw new BpfException($"{target.CgroupPath} is not a cgroup below {_root}.");
            var links = IsOurs(target.CgroupPath) ? [] : AttachCgroup(target.CgroupPath);
            var session = new EbpfSession(this, ++_nextSession, (uint)slot, cgroup, target, links);
            _slots[slot] = true;
            _sessions[session.Id] = session;
            if (level != RunLevel && _otherLevels[level]++ == 0) WriteSettings();
            WriteRules(session.Slot, target.WatchedPaths, isAdding: true);
            Update("counters", session.Slot, default(KernelCounters));
            Update("states", session.Slot, target.FromFirstExec ? FromFirstExec : Recording);
            Update("runs", cgroup, new KernelRun(session.Id, session.Slot));
            return session;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var session in _sessions.Values) await session.DisposeAsync();
        _isStopping = true;
        if (_reader.IsAlive) _reader.Join();
        Release();
    }

    internal void Stop(EbpfSession session) => Update("states", session.Slot, Off);

    internal unsafe void Remove(EbpfSession session)
    {
        lock (_gate)
        {
            if (!_sessions.TryRemove(session.Id, out _)) return;
            Update("states", session.Slot, Off);
            var cgroup = session.Cgroup;
            _ = LibBpf.MapDelete(_object.MapFd("runs"), &cgroup);
            WriteRules(session.Slot, session.Target.WatchedPaths, isAdding: false);
            foreach (var link in session.Links) link.Dispose();
            var level = CgroupTree.LevelOf(_root, session.Target.CgroupPath);
            if (level != RunLevel && --_otherLevels[level] == 0) WriteSettings();
            _slots[session.Slot] = false;
        }
    }

    internal unsafe (ulong Seen, ulong Kept, ulong Filtered, ulong Lost) ReadCounters(uint slot)
    {
        KernelCounters counters;
        _ = LibBpf.MapLookup(_object.MapFd("counters"), &slot, &counters);
        return (counters.Seen, counters.Kept, counters.Filtered, counters.Lost);
    }

    private static void EnsureTracing()
    {
        if (Directory.Exists(TracePath + "/events/syscalls")) return;
        if (Mount("tracefs", TracePath, "tracefs", 0, 0) != 0 || !Directory.Exists(TracePath + "/events/syscalls"))
            throw new BpfException($"The kernel's tracepoints are not to be had: mount them with 'mount -t tracefs tracefs {TracePath}' ({Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}).");
    }

    private bool IsOurs(string cgroup) => Path.GetFullPath(cgroup).StartsWith(_root + "/fangs/", StringComparison.Ordinal);

    private void AttachAll()
    {
        foreach (var call in SyscallProbes.FileCalls) AttachCall("on_file_call", call.Name, call.Cookie);
        // The first name is not a call of its own; the kernel half uses its index for what goes through io_uring.
        for (var i = 1; i < SyscallProbes.RareCalls.Length; i++) AttachCall("on_rare_call", SyscallProbes.RareCalls[i], (ulong)i);
        AttachCall("on_local_connect", "connect", 0);
        foreach (var program in new[] { "on_exec", "on_fork" }) _links.Add(Attached(LibBpf.ProgramAttach(_object.Program(program)), program));
        if (Directory.Exists(TracePath + "/events/io_uring/io_uring_submit_req")) _links.Add(Attached(LibBpf.ProgramAttach(_object.Program("on_io_uring")), "on_io_uring"));
        Directory.CreateDirectory(_root + "/fangs");
        _links.AddRange(AttachCgroup(_root + "/fangs"));
    }

    private unsafe void AttachCall(string program, string call, ulong cookie)
    {
        if (!Directory.Exists($"{TracePath}/events/syscalls/sys_exit_{call}"))
        {
            if (SyscallProbes.Required.Contains(call))
                throw new BpfException($"The kernel has no tracepoint for {call}: use one built with CONFIG_FTRACE_SYSCALLS, as those of Debian 12 are.");
            return; // the kernel does not have the call, so nobody can make it
        }

        var options = new LibBpf.TracepointOptions { Size = (nuint)sizeof(LibBpf.TracepointOptions), Cookie = cookie };
        _links.Add(Attached(LibBpf.ProgramAttachTracepoint(_object.Program(program), "syscalls", "sys_exit_" + call, &options), $"{program} to {call}"));
    }

    private List<BpfLink> AttachCgroup(string path)
    {
        using var directory = CgroupTree.OpenDirectory(path);
        var fd = (int)directory.DangerousGetHandle();
        return [.. CgroupPrograms.Select(program => Attached(LibBpf.ProgramAttachCgroup(_object.Program(program), fd), $"{program} to {path}"))];
    }

    private static BpfLink Attached(nint link, string what) => link != 0
        ? new BpfLink(link)
        : throw new BpfException($"the kernel does not attach {what}: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}. {LibBpf.TakeMessages()}");

    private unsafe void StartReading()
    {
        _self = GCHandle.Alloc(this);
        _ring = LibBpf.RingBufferNew(_object.MapFd("events"), &OnRecord, GCHandle.ToIntPtr(_self), 0);
        if (_ring == 0) throw new BpfException($"libbpf cannot read the ring buffer: {LibBpf.TakeMessages()}");
        _reader.Start();
    }

    private void Read()
    {
        while (!_isStopping)
        {
            // Woken only when much waits, so what is below that is taken at each round's end.
            if (LibBpf.RingBufferPoll(_ring, PollMilliseconds) <= 0) _ = LibBpf.RingBufferConsume(_ring);
            foreach (var (_, session) in _sessions) session.CheckDrained();
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static unsafe int OnRecord(nint context, byte* data, nuint size)
    {
        var sensor = (EbpfSensor)GCHandle.FromIntPtr(context).Target!;
        var record = new ReadOnlySpan<byte>(data, (int)size);
        if (Record.TryRead<RecordHeader>(record, out var header, out _) && sensor._sessions.TryGetValue(header.Session, out var session)) session.OnRecord(record);
        return 0;
    }

    private void WriteSettings()
    {
        var levels = 0u;
        for (var i = 1; i < _otherLevels.Length; i++)
            if (_otherLevels[i] > 0) levels |= 1u << i;
        Update("settings", 0u, new KernelSettings(levels, WakeBytes));
    }

    private void WriteRules(uint slot, IReadOnlyList<WatchedPath> watched, bool isAdding)
    {
        foreach (var noisy in NoisyPaths) WriteRule(slot, noisy, isAdding ? Drop | Keep << ChangeShift : 0);
        foreach (var path in watched)
        {
            var action = path.CredTagged ? Credential : Keep;
            WriteRule(slot, path.Prefix, isAdding ? action | action << ChangeShift : 0);
        }
    }

    private unsafe void WriteRule(uint slot, string prefix, uint rule)
    {
        // struct rule_key: prefix length in bits, slot, path
        Span<byte> key = stackalloc byte[sizeof(uint) + 1 + RuleBytes];
        key.Clear();
        var bytes = Encoding.UTF8.GetBytes(prefix);
        var length = Math.Min(bytes.Length, RuleBytes);
        MemoryMarshal.Write(key, (uint)(8 * (1 + length)));
        key[sizeof(uint)] = (byte)slot;
        bytes.AsSpan(0, length).CopyTo(key[(sizeof(uint) + 1)..]);
        fixed (byte* pointer = key)
        {
            if (rule == 0) _ = LibBpf.MapDelete(_object.MapFd("rules"), pointer);
            else Check(LibBpf.MapUpdate(_object.MapFd("rules"), pointer, &rule, 0), "rules");
        }
    }

    private unsafe void Update<TKey, TValue>(string map, TKey key, TValue value) where TKey : unmanaged where TValue : unmanaged =>
        Check(LibBpf.MapUpdate(_object.MapFd(map), &key, &value, 0), map);

    private static void Check(int result, string map)
    {
        if (result != 0) throw new BpfException($"the kernel does not take an entry of the map '{map}': {Marshal.GetPInvokeErrorMessage(-result)}.");
    }

    private void Release()
    {
        foreach (var link in _links) link.Dispose();
        _links.Clear();
        if (_ring != 0) LibBpf.RingBufferFree(_ring);
        _ring = 0;
        _object.Dispose();
        if (_self.IsAllocated) _self.Free();
    }

    [DllImport("libc", EntryPoint = "mount", SetLastError = true, CharSet = CharSet.Ansi)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Mount([MarshalAs(UnmanagedType.LPUTF8Str)] string source, [MarshalAs(UnmanagedType.LPUTF8Str)] string target,
        [MarshalAs(UnmanagedType.LPUTF8Str)] string type, nuint flags, nint data);

    private readonly record struct KernelSettings(uint OtherLevels, uint WakeBytes);

    private readonly record struct KernelRun(uint Session, uint Slot);

    private struct KernelCounters
    {
        internal ulong Seen;
        internal ulong Kept;
        internal ulong Filtered;
        internal ulong Lost;
    }
}
