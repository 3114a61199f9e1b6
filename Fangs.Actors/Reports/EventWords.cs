using System.Globalization;

namespace Fangs.Actors.Reports;

/// <summary>Says in words what an event shows. The result is safe to print.</summary>
public static class EventWords
{
    /// <summary>One line without time: what was done, by whom, with what success.</summary>
    /// <param name="type">Stored type name.</param>
    /// <param name="payload">The payload.</param>
    public static string Describe(string type, EventPayload payload) =>
        $"{Action(type, payload)}{(payload.IsCredential ? " [credential]" : "")}{Actor(payload)}";

    /// <summary>What was done, and with what success, where who did it is shown beside it.</summary>
    /// <param name="type">Stored type name.</param>
    /// <param name="payload">The payload.</param>
    public static string Action(string type, EventPayload payload)
    {
        var words = type switch
        {
            "exec" => "ran " + CommandLine(payload),
            "file_access" => File(payload),
            "net_connect" => "connected to " + EndPoint(payload),
            "dns_query" => $"looked up {Safe(payload.Text("QName"))}{QueryType(payload.Whole("QType"))}",
            "dns_answer" => $"was answered for {Safe(payload.Text("QName"))}{Answers(payload)}",
            "tls_sni" => $"began TLS with {Safe(payload.Text("SNI"))}",
            "http_request" => $"sent an HTTP request to {Safe(payload.Text("HttpHost"))}",
            "syscall_rare" => $"called {Safe(FirstOf(payload.Text("Syscall"), payload.Text("Op"), "a rare system call"))}",
            _ => "did something this version does not know",
        };
        var failure = payload.Errno > 0 ? $" - failed, {Errno.Name(payload.Errno)}" : "";
        return words + failure;
    }

    /// <summary>The command line of an exec event: the program and its arguments. Those of a script begin with the script's path.</summary>
    public static string CommandLine(EventPayload payload)
    {
        var (binary, arguments) = (payload.Text("BinaryPathStr"), payload.Texts("ArgvStrs"));
        var program = FirstOf(binary, payload.Text("FileStr"), arguments is [var first, ..] ? first : "", "?");
        var rest = TerminalText.Arguments(arguments.Skip(1));
        return rest.Length == 0 ? Safe(program) : $"{Safe(program)} {rest}";
    }

    private static string File(EventPayload payload)
    {
        var path = Safe(payload.Text("PathName"));
        var target = Safe(payload.Text("NewPathName"));
        return payload.Op switch
        {
            "open" or "openat" or "openat2" or "creat" => (payload.IsWrite ? "opened for writing " : "read ") + path,
            "unlink" or "unlinkat" or "rmdir" => "removed " + path,
            "rename" or "renameat" or "renameat2" => $"renamed {path} to {target}",
            "link" or "linkat" => $"linked {path} as {target}",
            "symlink" or "symlinkat" => $"made symbolic link {FirstOf(target, path)} to {(target.Length > 0 ? path : "?")}",
            "mkdir" or "mkdirat" => "made directory " + path,
            "chmod" or "fchmodat" or "fchmodat2" => "changed the mode of " + path,
            "truncate" => "truncated " + path,
            var other => $"{Safe(other)} {path}{(target.Length > 0 ? " " + target : "")}",
        };
    }

    private static string EndPoint(EventPayload payload)
    {
        var (address, port) = (payload.Text("DestIP"), payload.Whole("DestPort"));
        if (address.Length == 0) return FirstOf(Safe(payload.Text("PathName")), "an address of another family");
        var host = address.Contains(':', StringComparison.Ordinal) ? $"[{Safe(address)}]" : Safe(address);
        var protocol = payload.Text("Proto") is { Length: > 0 } proto ? $" ({Safe(proto)})" : "";
        return string.Create(CultureInfo.InvariantCulture, $"{host}:{port}{protocol}");
    }

    private static string Answers(EventPayload payload)
    {
        var addresses = payload.Texts("Answers");
        return addresses.Count == 0 ? "" : ": " + string.Join(", ", addresses.Select(Safe));
    }

    private static string QueryType(long type) => type switch
    {
        0 => "",
        1 => " (A)",
        5 => " (CNAME)",
        12 => " (PTR)",
        15 => " (MX)",
        16 => " (TXT)",
        28 => " (AAAA)",
        33 => " (SRV)",
        65 => " (HTTPS)",
        _ => string.Create(CultureInfo.InvariantCulture, $" (type {type})"),
    };

    private static string Actor(EventPayload payload)
    {
        var who = payload.Comm.Length > 0 ? Safe(payload.Comm) : "";
        var parts = new[]
        {
            who,
            payload.Pid > 0 ? string.Create(CultureInfo.InvariantCulture, $"pid {payload.Pid}") : "",
            Safe(payload.Role),
            Safe(payload.Phase),
        }.Where(part => part.Length > 0);
        var text = string.Join(", ", parts);
        return text.Length == 0 ? "" : $"  ({text})";
    }

    private static string FirstOf(params ReadOnlySpan<string> candidates)
    {
        foreach (var candidate in candidates)
        {
            if (candidate.Length > 0) return candidate;
        }

        return "";
    }

    private static string Safe(string text) => TerminalText.Cut(text, 400);
}
