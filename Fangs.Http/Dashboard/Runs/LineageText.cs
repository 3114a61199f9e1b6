using Fangs.Actors.Reports;
using Fangs.Http.Dashboard.Runs.Lineage;

namespace Fangs.Http.Dashboard.Runs;

/// <summary>Processes in words.</summary>
public static class LineageText
{
    /// <summary>What it is: the last command line, or its name where none was recorded. Safe to print.</summary>
    public static string Title(ProcessNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return node.Commands is [.., var last] ? last : node.Comm.Length > 0 ? TerminalText.Cut(node.Comm, 60) : $"process {node.Pid}";
    }

    /// <summary>Number of its file accesses.</summary>
    public static int Files(ProcessNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return node.CountOf("file_access");
    }

    /// <summary>Number of its connections, look-ups and the like.</summary>
    public static int Network(ProcessNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return node.CountOf("net_connect") + node.CountOf("dns_query") + node.CountOf("tls_sni") + node.CountOf("http_request");
    }
}
