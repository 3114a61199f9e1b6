using System.Text.Json;
using Fangs.Runner.Sandbox;

namespace Fangs.Tests.EndToEnd;

/// <summary>One scan of a package whose script runs <c>Assets/evasions.c</c>.</summary>
public sealed class EvasiveScan(ToyRunner toys) : IAsyncLifetime
{
    // Says that the import phase has come to the daemon that the script has left, and waits until it has acted.
    private const string Index = """
        const fs = require('fs'), end = Date.now() + 8000;
        fs.writeFileSync('/tmp/imported', '');
        while (!fs.existsSync('/tmp/daemon-done') && Date.now() < end);
        console.log('daemon-done=' + Number(fs.existsSync('/tmp/daemon-done')));
        """;

    private string _missing = "";
    private StoredRun? _run;

    internal StoredRun Run
    {
        get
        {
            toys.Require();
            Skip.If(_missing.Length > 0, _missing);
            return _run!;
        }
    }

    internal IReadOnlyList<StoredEvent> Events { get; private set; } = [];

    public async Task InitializeAsync()
    {
        if (!toys.IsUsable) return;
        if (CommandLine.Find("gcc") is not { } compiler)
        {
            _missing = "the evasions are a C program, and this host has no gcc";
            return;
        }

        var program = Path.Combine(Path.GetTempPath(), "fangs-evasions-" + Guid.NewGuid().ToString("N"));
        var source = Path.Combine(AppContext.BaseDirectory, "EndToEnd", "Assets", "evasions.c");
        using var limit = new CancellationTokenSource(ToyRunner.Patience);
        var built = await CommandLine.RunAsync(compiler, ["-O1", "-Wall", "-Werror", "-Wno-unused-result", "-pthread", "-o", program, source], limit.Token);
        Assert.True(built.ExitCode == 0, built.Error);
        var bytes = await File.ReadAllBytesAsync(program);
        File.Delete(program);
        toys.Registry.PublishBinary("evasive", "chmod +x evasions && ./evasions", Index, null, ("evasions", bytes));
        _run = await toys.ScanAsync("evasive");
        Events = _run.Events();
    }

    public Task DisposeAsync() => Task.CompletedTask;
}

/// <summary>What gets past other sensors is seen by this one for what it is, or refused by the sandbox.</summary>
[Collection(nameof(ToyRunner))]
public sealed class EvasionSpecs(EvasiveScan scan) : IClassFixture<EvasiveScan>
{
    private const string Home = "/home/node";
    private const int NotPermitted = -1, NoSuchFile = -2, Denied = -13, NotImplemented = -38, FamilyNotSupported = -97, Refused = -111;
    private const int BadSystemCall = 31; // SIGSYS
    private const int PathOnly = 0x200000; // O_PATH

    [SkippableFact]
    public void The_recording_is_whole_and_every_evasion_has_run()
    {
        scan.Run.AssertDoneWithoutLoss();
        Assert.Equal(1, Value("daemon-done"));
        Assert.Equal(0, Value("metadata6-mapped")); // the last one
        var main = Exec("./evasions");
        Assert.All(Of("exec").Where(e => e.Argv.EndsWith("-argument", StringComparison.Ordinal)), e => Assert.Equal(main.Pid, e.Ppid));
        Assert.DoesNotContain(scan.Events, e => e.Type is "file_access" or "exec" && e.Number("Truncated") != 0);
    }

    [SkippableFact]
    public void Other_entries_into_the_kernel_kill_who_tries_them()
    {
        Assert.Equal((BadSystemCall, BadSystemCall), (Value("int80-signal"), Value("x32-signal")));
        Assert.DoesNotContain("int80=", scan.Run.Output);
        Assert.DoesNotContain("x32=", scan.Run.Output);
    }

    [SkippableFact]
    public void Queues_that_would_bypass_the_probes_do_not_exist_and_asking_for_them_is_seen()
    {
        Assert.All(["uring-setup", "uring-sqpoll", "uring-enter", "uring-register"], name => Assert.Equal(NotImplemented, Value(name)));
        var asked = Of("syscall_rare").Where(e => e.Text("Syscall") == "io_uring_setup").ToArray();
        Assert.Equal([NotImplemented, NotImplemented], asked.Select(e => e.Ret));
        Assert.All(asked, InScript);
    }

    [SkippableTheory]
    [InlineData("openat2-plain", $"{Home}/.npmrc")]
    [InlineData("openat2-jail", $"{Home}/.netrc")]
    [InlineData("proc-root", $"{Home}/.git-credentials")]
    [InlineData("proc-thread-root", $"{Home}/.kube/config")]
    [InlineData("proc-cwd", $"{Home}/.aws/config")]
    [InlineData("proc-fd", $"{Home}/.gnupg/private-keys-v1.d/7C.key")]
    [InlineData("environ-self", "/proc/self/environ")]
    [InlineData("links-through", $"{Home}/.ssh/id_ed25519")]
    [InlineData("links-inside", $"{Home}/.ssh/config")]
    public void A_file_is_seen_under_its_own_name_whatever_the_way_to_it(string evasion, string path)
    {
        Assert.Equal(1, Value(evasion));
        AssertRead(path);
    }

    [SkippableFact]
    public void An_environment_is_a_credential_whoever_it_belongs_to_and_however_its_process_is_spelled()
    {
        Assert.Equal((1, 1, 1, 1, Denied), (Value("environ-self"), Value("environ-thread"), Value("environ-task"), Value("environ-parent"), Value("environ-init")));
        var looks = Of("file_access").Where(e => e.Role == "script" && e.Path.EndsWith("/environ", StringComparison.Ordinal)).ToArray();
        Assert.Equal(5, looks.Length);
        Assert.All(looks, e => Assert.True(e.IsCredential, e.ToString()));
        Assert.Equal(2, looks.Count(e => e.Path.StartsWith("/proc/self/task/", StringComparison.Ordinal)));
        Assert.Single(looks, e => e.Path == "/proc/1/environ" && e.Ret == Denied);
    }

    [SkippableFact]
    public void A_look_in_vain_is_seen_with_its_error_whatever_the_detour()
    {
        Assert.Equal((Denied, Denied, Denied, NoSuchFile), (Value("openat2-denied"), Value("proc-root-denied"), Value("proc-init-root"), Value("legacy-deep")));
        var looks = Of("file_access").Where(e => e.Path == "/etc/shadow" && e.Op == "open").ToArray();
        Assert.Equal(3, looks.Length);
        Assert.All(looks, e => Assert.Equal((Denied, false, true), (e.Ret, e.IsResolved, e.IsCredential)));
        Assert.All(looks, InScript);
        var deep = Assert.Single(Of("file_access"), e => e.Path.StartsWith($"{Home}/deep-folder", StringComparison.Ordinal));
        Assert.Equal(NoSuchFile, deep.Ret);
        Assert.True(deep.Path.Length > 3000 && deep.Path.EndsWith("/deep-folder", StringComparison.Ordinal), deep.Path);
        Assert.Single(scan.Run.Fingerprints(), f => f is { Category: "fs_new_path_read", Value: "/etc/shadow", Role: "script", Count: 3 });
    }

    [SkippableFact]
    public void Giving_a_credential_another_name_or_content_is_seen()
    {
        Assert.All(["links-symlink", "links-hard", "links-rename", "links-denied-target", "legacy-chmod", "legacy-truncate", "legacy-unlink"], name => Assert.Equal(0, Value(name)));
        (string Op, string Path, string NewPath)[] expected =
        [
            ("symlink", $"{Home}/.ssh/id_ed25519", "/tmp/innocent"), ("symlink", "/etc/shadow", "/tmp/shade"), ("link", $"{Home}/.docker/config.json", $"{Home}/notes.txt"),
            ("rename", $"{Home}/.bash_history", $"{Home}/history.txt"), ("chmod", $"{Home}/.netrc", ""), ("truncate", $"{Home}/.config/gh/hosts.yml", ""),
            ("unlink", $"{Home}/.config/gcloud/application_default_credentials.json", ""),
        ];
        foreach (var (op, path, newPath) in expected)
        {
            var e = Assert.Single(Of("file_access"), e => e.Op == op && e.Path == path);
            Assert.Equal((newPath, 0, true), (e.NewPath, e.Ret, e.IsCredential));
            InScript(e);
        }

        Assert.Single(Of("file_access"), e => e.Op == "open" && e.Path == $"{Home}/notes.txt" && e.Ret >= 0);
        Assert.Single(Of("file_access"), e => e.Op == "open" && e.Path == $"{Home}/.profile" && (e.Number("Flags") & 0x41) == 0x41); // creat: O_CREAT and O_WRONLY
    }

    [SkippableFact]
    public void What_a_thread_does_is_seen_with_its_process_and_itself()
    {
        Assert.Equal(1, Value("thread"));
        var read = AssertRead($"{Home}/.ethereum/keystore/UTC--wallet");
        Assert.NotEqual(read.Pid, read.Tid);
        Assert.Equal(Exec("./evasions").Pid, read.Ppid);
    }

    [SkippableFact]
    public void A_program_without_a_file_is_seen_when_it_is_made_and_when_it_runs()
    {
        var made = Assert.Single(Of("syscall_rare"), e => e.Text("Syscall") == "memfd_create");
        Assert.True(made.Ret >= 0);
        InScript(made);
        var memory = Exec("innocent memfd-argument");
        Assert.Equal(("memfd:payload", made.Pid), (memory.Binary, memory.Pid));
        Assert.Equal("/tmp/.gone", Exec("innocent deleted-argument").Binary);
    }

    [SkippableFact]
    public void A_program_is_seen_as_what_it_is_not_as_what_it_is_called()
    {
        var link = Exec("ls symlink-argument");
        Assert.Equal(("/usr/bin/true", "/tmp/ls"), (link.Binary, link.Text("FileStr")));
        var script = Exec("/usr/bin/env -S sh -e ./run.sh script-argument");
        Assert.Equal(("/usr/bin/env", "/tmp/run.sh"), (script.Binary, script.Text("FileStr")));
        var shell = Exec("sh -e ./run.sh script-argument");
        Assert.Equal(script.Pid, shell.Pid);
    }

    [SkippableFact]
    public void The_names_of_npm_and_of_the_harness_give_nobody_their_role()
    {
        var disguised = Exec($"npm -c {Home}/.ssh/id_rsa");
        InScript(disguised);
        Assert.Equal(disguised.Pid, AssertRead($"{Home}/.ssh/id_rsa").Pid);
        // Taken for the sign between two phases, it would be no event, and all that follows would be of the import phase.
        InScript(Exec("true fangs-phase 00000000000000000000000000000000 import"));
        Assert.All(Of("syscall_rare"), InScript);
    }

    [SkippableFact]
    public void What_outlives_npm_is_still_the_script_that_left_it()
    {
        var read = Assert.Single(Of("file_access"), e => e.Path == $"{Home}/.aws/credentials");
        Assert.Equal(("import", "script", true), (read.Phase, read.Role, read.IsCredential));
        Assert.Single(scan.Run.Fingerprints(), f => f is { Value: $"{Home}/.aws/credentials", Role: "script", Phase: "import" });
    }

    [SkippableTheory]
    [InlineData("ptrace", NotPermitted, true)]
    [InlineData("process_vm_readv", NotPermitted, true)]
    [InlineData("process_vm_writev", NotPermitted, true)]
    [InlineData("bpf", NotPermitted, true)]
    [InlineData("perf_event_open", NotPermitted, true)]
    [InlineData("mount", NotPermitted, true)]
    [InlineData("fsopen", NotPermitted, true)]
    [InlineData("unshare", NotPermitted, true)]
    [InlineData("setns", NotPermitted, true)]
    [InlineData("userfaultfd", NotPermitted, true)]
    [InlineData("keyctl", NotPermitted, true)]
    [InlineData("chroot", NotPermitted, true)]
    [InlineData("open_by_handle_at", NotPermitted, true)]
    [InlineData("pidfd_getfd", NotPermitted, true)]
    [InlineData("init_module", NotPermitted, false)] // kernels without modules have no tracepoint for it
    [InlineData("clone", NotPermitted, false)] // refused by its flags; without them it is every fork
    [InlineData("clone3", NotImplemented, false)]
    [InlineData("vsock", FamilyNotSupported, false)]
    [InlineData("packet", FamilyNotSupported, false)]
    [InlineData("raw", NotPermitted, false)]
    public void A_call_into_other_processes_or_the_kernel_is_refused_and_the_attempt_seen(string call, int error, bool isSeen)
    {
        Assert.Equal(error, Value("forbidden-" + call));
        if (!isSeen) return;
        var attempt = Assert.Single(Of("syscall_rare"), e => e.Text("Syscall") == call);
        Assert.Equal(error, attempt.Ret);
        InScript(attempt);
    }

    [SkippableTheory]
    [InlineData("sendto", "203.0.113.53:53")]
    [InlineData("connected", "203.0.113.55:53")]
    [InlineData("sendmmsg", "203.0.113.56:53")]
    [InlineData("six", "2001:db8::53:53")]
    [InlineData("mapped", "203.0.113.57:53")]
    public void A_question_to_any_name_server_is_seen_whatever_call_sends_it(string call, string destination)
    {
        Assert.Equal(1, Value("datagrams-" + call));
        InScript(Assert.Single(Of("net_connect"), e => e.Destination == destination && e.Text("Proto") == "udp"));
        var question = Assert.Single(Of("dns_query"), e => e.Destination == destination);
        Assert.Equal(($"{call}.evasion.example", 1), (question.Text("QName"), question.Number("QType")));
        InScript(question);
    }

    [SkippableFact]
    public void Other_addresses_are_seen_whatever_their_family()
    {
        InScript(Assert.Single(Of("net_connect"), e => e.Destination == "203.0.113.54:9999" && e.Text("Proto") == "udp"));
        InScript(Assert.Single(Of("net_connect"), e => e.Destination == "fd00:ec2::254:80"));
        InScript(Assert.Single(Of("net_connect"), e => e.Destination == "169.254.170.2:80"));
        Assert.Equal((NoSuchFile, Refused), (Value("local-docker"), Value("local-abstract")));
        Assert.Equal(NoSuchFile, Assert.Single(Of("net_connect"), e => e.Text("UnixPath") == "/var/run/docker.sock").Ret);
        Assert.Equal(Refused, Assert.Single(Of("net_connect"), e => e.Text("UnixPath") == "@hidden").Ret);
    }

    [SkippableTheory]
    [InlineData("split-tls", "203.0.113.71:443", "halves.evasion.example")]
    [InlineData("late-tls", "203.0.113.72:443", "late.evasion.example")]
    [InlineData("records-tls", "203.0.113.74:443", "records.evasion.example")]
    [InlineData("fast-open", "203.0.113.77:443", "fast.evasion.example")]
    public void A_server_name_is_read_however_the_hello_is_cut(string evasion, string destination, string name)
    {
        Assert.Equal(1, Value(evasion)); // all of it was sent
        InScript(Assert.Single(Of("net_connect"), e => e.Destination == destination));
        var hello = Assert.Single(Of("tls_sni"), e => e.Destination == destination);
        Assert.Equal((name, JsonValueKind.Null), (hello.Text("SNI"), hello.Data.GetProperty("ParseErr").ValueKind));
        InScript(hello);
    }

    [SkippableFact]
    public void A_hello_in_more_pieces_than_are_captured_is_seen_as_one_that_hides_its_name()
    {
        Assert.Equal(1, Value("crumbs-tls"));
        var hello = Assert.Single(Of("tls_sni"), e => e.Destination == "203.0.113.73:443");
        Assert.Equal(("", "the ClientHello goes on beyond the captured packets"), (hello.Text("SNI"), hello.Text("ParseErr")));
        InScript(hello);
    }

    [SkippableFact]
    public void Requests_and_questions_are_read_however_they_are_cut()
    {
        Assert.Equal((1, 1), (Value("split-http"), Value("split-dns")));
        var request = Assert.Single(Of("http_request"), e => e.Destination == "203.0.113.75:80");
        Assert.Equal(("GET", "/split?q=1", "http.evasion.example"), (request.Text("Method"), request.Text("Path"), request.Text("HttpHost")));
        var question = Assert.Single(Of("dns_query"), e => e.Destination == "203.0.113.76:53");
        Assert.Equal(("tcp.evasion.example", "tcp"), (question.Text("QName"), question.Text("Proto")));
        Assert.All([request, question], InScript);
    }

    private IEnumerable<StoredEvent> Of(string type)
    {
        _ = scan.Run; // skips where there is none
        return scan.Events.Where(e => e.Type == type);
    }

    private StoredEvent Exec(string argv) => Assert.Single(Of("exec"), e => e.Argv == argv);

    private StoredEvent AssertRead(string path)
    {
        var e = Assert.Single(Of("file_access"), e => e.Path == path && e.Op == "open" && (e.Number("Flags") & PathOnly) == 0);
        Assert.True(e is { IsCredential: true, IsResolved: true, Ret: >= 0 }, e.ToString());
        InScript(e);
        return e;
    }

    private static void InScript(StoredEvent e) => Assert.Equal(("install", "script"), (e.Phase, e.Role));

    /// <summary>What the program printed behind a name.</summary>
    private int Value(string name)
    {
        var line = Assert.Single(scan.Run.Output.Split('\n'), l => l.StartsWith(name + "=", StringComparison.Ordinal));
        return int.Parse(line.AsSpan(name.Length + 1), System.Globalization.CultureInfo.InvariantCulture);
    }
}
