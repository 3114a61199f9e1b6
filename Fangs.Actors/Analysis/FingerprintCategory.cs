namespace Fangs.Actors.Analysis;

/// <summary>The kinds of behaviour that are compared with a baseline, by the names under which they are stored.</summary>
public static class FingerprintCategory
{
    /// <summary>A file was opened for reading.</summary>
    public const string PathRead = "fs_new_path_read";

    /// <summary>A file was opened for writing, created, removed, renamed or changed.</summary>
    public const string PathWrite = "fs_new_path_write";

    /// <summary>A program was executed.</summary>
    public const string Exec = "proc_new_exec";

    /// <summary>An address and port were contacted.</summary>
    public const string Destination = "net_new_destination";

    /// <summary>A name was looked up.</summary>
    public const string Dns = "net_new_dns";

    /// <summary>A TLS server was named.</summary>
    public const string HttpsHost = "net_new_https_host";

    /// <summary>Reserved; nothing yields it.</summary>
    public const string RareSyscall = "syscall_rare_category";

    /// <summary>All categories, in the order in which they are shown.</summary>
    public static IReadOnlyList<string> All { get; } = [PathRead, PathWrite, Exec, Destination, Dns, HttpsHost, RareSyscall];
}
