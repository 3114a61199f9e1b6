using System.Globalization;
using System.Text;

namespace Fangs.Tests.Ingest;

/// <summary>Payloads in the forms that upstream's runner and ours send.</summary>
internal static class Payloads
{
    /// <summary>Text as a kernel buffer: its bytes, then zeros, as an array of numbers.</summary>
    internal static string Buffer(string text, int size)
    {
        var bytes = new byte[size];
        Encoding.UTF8.GetBytes(text, bytes);
        return Numbers(bytes);
    }

    internal static string Numbers(params byte[] bytes) => "[" + string.Join(',', bytes.Select(b => b.ToString(CultureInfo.InvariantCulture))) + "]";

    internal static string Header(int type, ulong ts = 86400000000123, int tags = 0, string comm = "node") =>
        $$"""{"TsNs":{{ts}},"CgroupID":18446744073709551615,"RunID":{{Batches.RunJson}},"PID":4711,"TID":4712,"PPID":1,"UID":1000,"GID":1000,"Comm":{{Buffer(comm, 16)}},"Type":{{type}},"Tags":{{tags}}}""";

    internal static string UpstreamFile(string path = "/etc/hosts", int flags = 0, ulong ts = 86400000000123, int tags = 0) =>
        $$"""{"Header":{{Header(1, ts, tags)}},"DFD":-100,"Flags":{{flags}},"PathLen":{{path.Length}},"Truncated":0,"Path":{{Buffer(path, 256)}},"PathName":"{{path}}","CommStr":"node"}""";

    internal static string UpstreamExec(string binary = "/usr/bin/node")
    {
        var none = $$"""{"PID":0,"PPID":0,"Comm":{{Buffer("", 16)}}}""";
        var parent = $$"""{"PID":10,"PPID":1,"Comm":{{Buffer("sh", 16)}}}""";
        return $$"""{"Header":{{Header(2)}},"Argc":2,"ArgvLens":[4,2,0,0,0,0,0,0],"Argv":{{Buffer("node", 512)}},"BinaryPath":{{Buffer(binary, 256)}},"Ancestors":[{{parent}},{{none}},{{none}},{{none}},{{none}}],"BinaryPathStr":"{{binary}}","ArgvStrs":["node","-e"],"CommStr":"node","AncestorComms":["sh"]}""";
    }

    internal static string UpstreamConnect(string ip = "1.1.1.1", int port = 443) =>
        $$"""{"Header":{{Header(3)}},"Family":2,"Source":1,"DestPort":{{port}},"Sockfd":21,"DestAddr":[1,1,1,1,0,0,0,0,0,0,0,0,0,0,0,0],"DestIP":"{{ip}}","CommStr":"node"}""";

    internal static string UpstreamDns(string name = "Registry.Example.org", string parseErr = "null") =>
        $$"""{"Header":{{Header(4)}},"Family":2,"DestPort":53,"QueryLen":36,"DestAddr":[10,0,0,2,0,0,0,0,0,0,0,0,0,0,0,0],"Query":{{Buffer("\u0001", 200)}},"QName":"{{name}}","QType":1,"DestIP":"10.0.0.2","CommStr":"node","ParseErr":{{parseErr}}}""";

    internal static string UpstreamSni(string name = "Registry.Example.org", string parseErr = "null") =>
        $$"""{"Header":{{Header(5)}},"Source":3,"SniLen":18,"RawPayloadLen":512,"RawPayload":{{Buffer("\u0016\u0003\u0001", 512)}},"SNI":"{{name}}","DuplicateOf":"","SourceName":"tcp_clienthello","CommStr":"node","ParseErr":{{parseErr}}}""";

    internal static string OwnFile(string path = "/home/node/.npmrc", string op = "open", int ret = 3, string role = "script", string phase = "install",
        string? newPath = null, int flags = 0, int tags = 0, ulong ts = 5) =>
        $$"""{"Header":{"TsNs":{{ts}},"CgroupID":99,"RunID":{{Batches.RunJson}},"PID":5,"TID":5,"PPID":4,"UID":1000,"GID":1000,"Type":1,"Tags":{{tags}}},"DFD":-100,"Flags":{{flags}},"Truncated":0,"PathName":"{{path}}","CommStr":"node","Op":"{{op}}","Ret":{{ret}},"ResolvedPath":true,"NewPathName":{{(newPath is null ? "null" : $"\"{newPath}\"")}},"Phase":"{{phase}}","Role":"{{role}}"}""";
}
