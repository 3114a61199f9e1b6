namespace Fangs.Protocol;

/// <summary>Event type numbers of the wire and the names under which they are stored.</summary>
public static class EventType
{
    /// <summary>A file was opened, created, removed, renamed or changed.</summary>
    public const byte FileAccess = 1;

    /// <summary>A program was executed.</summary>
    public const byte Exec = 2;

    /// <summary>A socket was connected or a datagram addressed.</summary>
    public const byte NetConnect = 3;

    /// <summary>A name was looked up.</summary>
    public const byte DnsQuery = 4;

    /// <summary>A TLS ClientHello was sent.</summary>
    public const byte TlsSni = 5;

    /// <summary>Addition of ours: a system call that packages rarely need.</summary>
    public const byte RareSyscall = 16;

    /// <summary>Addition of ours: the first line of an unencrypted HTTP request.</summary>
    public const byte HttpRequest = 17;

    /// <summary>Addition of ours: an answer to a name look-up.</summary>
    public const byte DnsAnswer = 18;

    /// <summary>The stored name of a type number; <c>unknown</c> for one that this version does not know.</summary>
    public static string NameOf(int type) => type switch
    {
        FileAccess => "file_access",
        Exec => "exec",
        NetConnect => "net_connect",
        DnsQuery => "dns_query",
        TlsSni => "tls_sni",
        RareSyscall => "syscall_rare",
        HttpRequest => "http_request",
        DnsAnswer => "dns_answer",
        _ => "unknown",
    };

    /// <summary>The type number of a stored name; 0 for one that this version does not know.</summary>
    public static byte NumberOf(string name) => name switch
    {
        "file_access" => FileAccess,
        "exec" => Exec,
        "net_connect" => NetConnect,
        "dns_query" => DnsQuery,
        "tls_sni" => TlsSni,
        "syscall_rare" => RareSyscall,
        "http_request" => HttpRequest,
        "dns_answer" => DnsAnswer,
        _ => 0,
    };
}

/// <summary>Bits of <c>Header.Tags</c>.</summary>
[Flags]
public enum EventTags
{
    /// <summary>Nothing special.</summary>
    None = 0,

    /// <summary>Interesting.</summary>
    Interesting = 1,

    /// <summary>Touches a credential-tagged path.</summary>
    Credential = 2,
}
