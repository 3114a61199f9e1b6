using Fangs.Actors.Analysis;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Http.Dashboard.Shared;

/// <summary>Words and kinds of marks.</summary>
public static class Words
{
    /// <summary>The kind of mark for a stored severity, whichever vocabulary it is of.</summary>
    public static string KindOf(string severity) => Severity.RankOf(severity) switch { 1 => "info", 2 => "warn", 3 => "high", _ => "crit" };

    /// <summary>A category in words.</summary>
    public static string Category(string category) => category switch
    {
        FingerprintCategory.PathRead => "File read",
        FingerprintCategory.PathWrite => "File written",
        FingerprintCategory.Exec => "Program run",
        FingerprintCategory.Destination => "Address contacted",
        FingerprintCategory.Dns => "Name looked up",
        FingerprintCategory.HttpsHost => "HTTPS host",
        FingerprintCategory.RareSyscall => "Rare system call",
        _ => category,
    };

    /// <summary>A type of events in words.</summary>
    public static string EventType(string type) => type switch
    {
        "exec" => "Programs",
        "file_access" => "Files",
        "net_connect" => "Connections",
        "dns_query" => "DNS queries",
        "dns_answer" => "DNS answers",
        "tls_sni" => "TLS names",
        "http_request" => "HTTP requests",
        "syscall_rare" => "Rare calls",
        _ => type,
    };

    /// <summary>An action of the audit log in words.</summary>
    public static string Action(string action) => action switch
    {
        "baseline.promote" => "promoted the run",
        "baseline.demote" => "took the run out of the baseline",
        "deviation.accept" => "accepted a deviation",
        "deviation.reject" => "rejected a deviation",
        "allow.add" => "allowed a value",
        "allow.remove" => "removed an entry of the allow list",
        "run.reanalyze" => "had the run judged again",
        "scan.submit" => "asked for a scan",
        "package.add" => "began to watch the package",
        "package.remove" => "stopped watching the package",
        _ => action,
    };

    /// <summary>Singular or plural.</summary>
    public static string Count(long number, string one, string many) => $"{Fangs.Actors.Reports.NumberText.Of(number)} {(number == 1 ? one : many)}";

    /// <summary>Name and version of a release, or what there is of them.</summary>
    public static string Release(RunRow run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return run.PackageName.Length == 0 ? "(no package)" : run.Version.Length == 0 ? run.PackageName : $"{run.PackageName}@{run.Version}";
    }
}
