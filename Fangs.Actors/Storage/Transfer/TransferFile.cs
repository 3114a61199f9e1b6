using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fangs.Actors.Storage.Transfer;

/// <summary>What stands at the beginning of an export.</summary>
/// <param name="Format">Version of the form; this build writes and reads 1.</param>
/// <param name="Schema">The newest schema version of the database.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="MadeBy">Version of fangs.</param>
/// <param name="Backend"><c>sqlite</c> or <c>postgres</c>.</param>
/// <param name="Tables">The tables in their order.</param>
/// <param name="Sequences">By table, the last number that was given to a row.</param>
public sealed record TransferHeader(
    int Format, string Schema, string CreatedAt, string MadeBy, string Backend, IReadOnlyList<PortableTable> Tables, IReadOnlyDictionary<string, long> Sequences);

/// <summary>What stands behind the rows of a table.</summary>
/// <param name="Table">The table.</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="Sha256">Over the lines of the rows, in hex.</param>
public sealed record TableSum(string Table, long Rows, string Sha256);

/// <summary>What stands at the end.</summary>
/// <param name="Rows">Number of all rows.</param>
/// <param name="Sha256">Over all lines before this one, in hex.</param>
internal sealed record TransferEnd(long Rows, string Sha256);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(TransferHeader))]
[JsonSerializable(typeof(TableSum))]
[JsonSerializable(typeof(TransferEnd))]
internal sealed partial class TransferJson : JsonSerializerContext;

/// <summary>Writes the lines of an export: a plain first line that says what it is, then everything else compressed with gzip.</summary>
internal sealed class TransferWriter : IDisposable
{
    internal const string Magic = "FANGS export\n";

    private readonly GZipStream _stream;
    private readonly IncrementalHash _all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    internal TransferWriter(Stream file)
    {
        file.Write(Encoding.ASCII.GetBytes(Magic));
        _stream = new GZipStream(file, CompressionLevel.Fastest, leaveOpen: true);
    }

    internal void Header(TransferHeader header) => Line(JsonSerializer.SerializeToUtf8Bytes(header, TransferJson.Default.TransferHeader));

    internal void Row(ReadOnlySpan<byte> line)
    {
        _all.AppendData(line);
        _stream.Write(line);
    }

    internal void Sum(TableSum sum) => Line(JsonSerializer.SerializeToUtf8Bytes(sum, TransferJson.Default.TableSum));

    internal void End(long rows) => Line(JsonSerializer.SerializeToUtf8Bytes(
        new TransferEnd(rows, Convert.ToHexStringLower(_all.GetCurrentHash())), TransferJson.Default.TransferEnd));

    public void Dispose()
    {
        _stream.Dispose();
        _all.Dispose();
    }

    private void Line(byte[] json)
    {
        Row(json);
        Row("\n"u8);
    }
}

/// <summary>Reads the lines of an export. Whatever is not as it was written is refused.</summary>
internal sealed class TransferReader : IDisposable
{
    // A payload is at most 8 MiB; in JSON inside JSON it may grow, but not to this.
    private const int LongestLine = 256 << 20;

    private readonly string _name;
    private readonly GZipStream _stream;
    private readonly IncrementalHash _all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private byte[] _buffer = new byte[1 << 16];
    private int _start;
    private int _end;

    internal TransferReader(Stream file, string name)
    {
        _name = name;
        var magic = new byte[TransferWriter.Magic.Length];
        if (file.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) < magic.Length || Encoding.ASCII.GetString(magic) != TransferWriter.Magic)
            throw new StorageException($"{name} is not an export of fangs");
        _stream = new GZipStream(file, CompressionMode.Decompress, leaveOpen: true);
    }

    /// <summary>The next line without its break. Valid until the next call.</summary>
    /// <param name="isCounted">Whether it belongs to what the end's hash is over.</param>
    internal ReadOnlyMemory<byte> Next(bool isCounted = true)
    {
        var line = ReadLine();
        if (isCounted) Count(line.Span);
        return line;
    }

    internal void Count(ReadOnlySpan<byte> line)
    {
        _all.AppendData(line);
        _all.AppendData("\n"u8);
    }

    internal string HashSoFar() => Convert.ToHexStringLower(_all.GetCurrentHash());

    /// <summary>Makes sure that nothing follows.</summary>
    internal void ExpectEnd()
    {
        if (_start < _end || Fill() > 0) throw Altered();
    }

    internal T Parse<T>(ReadOnlyMemory<byte> line, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        try
        {
            return JsonSerializer.Deserialize(line.Span, type) ?? throw Altered();
        }
        catch (JsonException e)
        {
            throw new StorageException($"{_name} is damaged or was altered: {e.Message}", e);
        }
    }

    internal StorageException Altered() => new($"{_name} is damaged or was altered: its contents do not match its hashes and counts");

    public void Dispose()
    {
        _stream.Dispose();
        _all.Dispose();
    }

    private ReadOnlyMemory<byte> ReadLine()
    {
        var searched = 0;
        while (true)
        {
            var at = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (at >= 0)
            {
                var line = _buffer.AsMemory(_start, searched + at);
                _start += searched + at + 1;
                return line;
            }

            searched = _end - _start;
            if (Fill() == 0) throw new StorageException($"{_name} is truncated: its end is missing");
        }
    }

    private int Fill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= LongestLine) throw Altered();
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        try
        {
            var read = _stream.Read(_buffer, _end, _buffer.Length - _end);
            _end += read;
            return read;
        }
        catch (InvalidDataException e)
        {
            throw new StorageException($"{_name} is truncated or damaged: {e.Message}", e);
        }
    }
}
