using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Fangs.Benchmarks.Load;

/// <summary>What events look like.</summary>
internal enum PayloadKind
{
    /// <summary>As upstream's runner sends them: with the kernel's byte buffers as arrays of numbers, 1.1 kB each.</summary>
    Full,

    /// <summary>As our runner sends them, 0.3 kB each.</summary>
    Slim,
}

/// <summary>Batches of one run, made beforehand; only the number of the batch is written in when one is sent.</summary>
/// <remarks>Each batch is framed as a chunk of HTTP/1.1; <see cref="Body"/> leaves the frame out.</remarks>
internal sealed class EventLoad
{
    /// <summary>Events of a batch: what upstream's runner puts into one.</summary>
    public const int EventsPerBatch = 64;

    private const int SeqDigits = 10;
    private const int Templates = 16;
    private const int DistinctPaths = 300;

    private readonly List<(byte[] Chunk, int BodyStart, int BodyLength, int SeqAt)> _templates = [];

    /// <summary>Makes the batches of a run.</summary>
    /// <param name="run">The run, 32 hex digits.</param>
    /// <param name="kind">What the events look like.</param>
    /// <param name="variant">Adds three paths that other variants do not have.</param>
    /// <param name="events">Events of a batch.</param>
    public EventLoad(string run, PayloadKind kind, int variant = 0, int events = EventsPerBatch)
    {
        var id = Numbers(Convert.FromHexString(run));
        Events = events;
        var number = 0;
        for (var t = 0; t < Templates; t++)
        {
            var head = $$"""{"run_id":{{id}},"seq":""";
            var body = new StringBuilder(head).Append(' ', SeqDigits).Append(",\"events\":[");
            for (var e = 0; e < events; e++, number++)
                body.Append(e == 0 ? "" : ",").Append(kind == PayloadKind.Full ? Full(number, id, variant) : Slim(number, id, variant));
            var text = Encoding.UTF8.GetBytes(body.Append("]}").ToString());
            var frame = Encoding.ASCII.GetBytes(text.Length.ToString("x", CultureInfo.InvariantCulture) + "\r\n");
            _templates.Add(([.. frame, .. text, .. "\r\n"u8], frame.Length, text.Length, frame.Length + head.Length));
        }

        BytesPerEvent = _templates.Average(t => (double)t.BodyLength) / events;
    }

    public int Events { get; }

    public double BytesPerEvent { get; }

    /// <summary>A batch as a chunk. Valid until the next call for a batch whose number differs by a multiple of the templates.</summary>
    public ReadOnlyMemory<byte> Chunk(int seq) => Template(seq).Chunk;

    /// <summary>A batch alone.</summary>
    public ReadOnlyMemory<byte> Body(int seq)
    {
        var (chunk, start, length, _) = Template(seq);
        return chunk.AsMemory(start, length);
    }

    /// <summary>Bytes as a JSON array of numbers.</summary>
    public static string Numbers(byte[] bytes) => "[" + string.Join(',', bytes) + "]";

    private (byte[] Chunk, int BodyStart, int BodyLength, int SeqAt) Template(int seq)
    {
        var template = _templates[seq % Templates];
        var digits = template.Chunk.AsSpan(template.SeqAt, SeqDigits);
        digits.Fill((byte)' ');
        Utf8Formatter.TryFormat(seq, digits, out _);
        return template;
    }

    private static string PathOf(int number, int variant) => number % 97 < 3 && variant > 0
        ? $"/home/node/app/node_modules/extra-{variant}/lib/part-{number % 97}.js"
        : $"/home/node/app/node_modules/left-thing/lib/internal/file-{number % DistinctPaths}.js";

    private static string Slim(int number, string run, int variant)
    {
        var header = $$"""{"TsNs":{{86400000000000L + number}},"CgroupID":4711,"RunID":{{run}},"PID":4711,"TID":4711,"PPID":1,"UID":1000,"GID":1000,"Type":{{TypeOf(number)}},"Tags":0}""";
        return TypeOf(number) switch
        {
            2 => $$$"""{"type":2,"payload":{"Header":{{{header}}},"BinaryPathStr":"/usr/bin/node","ArgvStrs":["node","install.js"],"CommStr":"node","Phase":"install","Role":"script"}}""",
            3 => $$$"""{"type":3,"payload":{"Header":{{{header}}},"Family":2,"DestPort":443,"DestIP":"93.184.216.{{{number % 4}}}","CommStr":"node","Phase":"install","Role":"script"}}""",
            4 => $$$"""{"type":4,"payload":{"Header":{{{header}}},"QName":"registry.example.org","QType":1,"DestIP":"10.0.0.2","CommStr":"node","ParseErr":null,"Phase":"install","Role":"script"}}""",
            _ => $$$"""{"type":1,"payload":{"Header":{{{header}}},"Flags":0,"PathName":"{{{PathOf(number, variant)}}}","CommStr":"node","Op":"open","Ret":3,"Phase":"install","Role":"script"}}""",
        };
    }

    private static string Full(int number, string run, int variant)
    {
        var comm = Buffer("node", 16);
        var header = $$"""{"TsNs":{{86400000000000L + number}},"CgroupID":4711,"RunID":{{run}},"PID":4711,"TID":4711,"PPID":1,"UID":1000,"GID":1000,"Comm":{{comm}},"Type":{{TypeOf(number)}},"Tags":0}""";
        switch (TypeOf(number))
        {
            case 2:
                var none = $$"""{"PID":0,"PPID":0,"Comm":{{Buffer("", 16)}}}""";
                return $$$"""{"type":2,"payload":{"Header":{{{header}}},"Argc":2,"ArgvLens":[4,10,0,0,0,0,0,0],"Argv":{{{Buffer("node", 512)}}},"BinaryPath":{{{Buffer("/usr/bin/node", 256)}}},"Ancestors":[{{{none}}},{{{none}}},{{{none}}},{{{none}}},{{{none}}}],"BinaryPathStr":"/usr/bin/node","ArgvStrs":["node","install.js"],"CommStr":"node","AncestorComms":[]}}""";
            case 3:
                return $$$"""{"type":3,"payload":{"Header":{{{header}}},"Family":2,"Source":1,"DestPort":443,"Sockfd":21,"DestAddr":[93,184,216,{{{number % 4}}},0,0,0,0,0,0,0,0,0,0,0,0],"DestIP":"93.184.216.{{{number % 4}}}","CommStr":"node"}}""";
            case 4:
                return $$$"""{"type":4,"payload":{"Header":{{{header}}},"Family":2,"DestPort":53,"QueryLen":38,"DestAddr":[10,0,0,2,0,0,0,0,0,0,0,0,0,0,0,0],"Query":{{{Buffer("registry.example.org", 200)}}},"QName":"registry.example.org","QType":1,"DestIP":"10.0.0.2","CommStr":"node","ParseErr":null}}""";
            default:
                var path = PathOf(number, variant);
                return $$$"""{"type":1,"payload":{"Header":{{{header}}},"DFD":-100,"Flags":0,"PathLen":{{{path.Length}}},"Truncated":0,"Path":{{{Buffer(path, 256)}}},"PathName":"{{{path}}}","CommStr":"node"}}""";
        }
    }

    // Of 64 events 58 open files, 2 start programs, 2 connect, 2 ask for names.
    private static int TypeOf(int number) => (number % 32) switch { 5 => 2, 11 => 3, 17 => 4, _ => 1 };

    private static string Buffer(string text, int size)
    {
        var bytes = new byte[size];
        Encoding.UTF8.GetBytes(text, bytes);
        return Numbers(bytes);
    }
}
