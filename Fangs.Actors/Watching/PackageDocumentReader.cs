using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text.Json;
using Fangs.Protocol;

namespace Fangs.Actors.Watching;

/// <summary>Reads a package's document as it arrives. What is not wanted is never kept, so a document of any size costs the memory of its largest value.</summary>
public sealed class PackageDocumentReader
{
    private const int MaxVersionLength = ScanRules.MaxVersionLength;
    private const int MaxSha1Length = 64;
    private const int MaxDepth = 128;

    private readonly Dictionary<string, RegistryRelease> _releases = new(StringComparer.Ordinal);
    private readonly List<string> _order = [];
    private readonly Dictionary<string, DateTimeOffset> _times = new(StringComparer.Ordinal);
    private string _latest = "";
    private Section _section;
    private string _key = ""; // the name at depth 2: a tag or a version
    private bool _isDist;
    private string _field = "";
    private string _integrity = "", _sha1 = "";
    private bool _hasVersions, _hasTimes;

    private PackageDocumentReader() { }

    private enum Section
    {
        Other,
        Tags,
        Versions,
        Times,
    }

    /// <summary>Reads a document.</summary>
    /// <param name="body">The body, unpacked.</param>
    /// <param name="maxBytes">Longest body.</param>
    /// <param name="maxTokenBytes">Longest single value in it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="RegistryException">It is not JSON, not a package's document, or too large.</exception>
    public static async Task<PackageDocument> ReadAsync(Stream body, long maxBytes, int maxTokenBytes, CancellationToken cancellationToken)
    {
        var document = new PackageDocumentReader();
        var pipe = PipeReader.Create(body, new StreamPipeReaderOptions(bufferSize: 64 * 1024, leaveOpen: true));
        try
        {
            await document.ReadAsync(pipe, maxBytes, maxTokenBytes, cancellationToken);
        }
        catch (JsonException e)
        {
            throw new RegistryException($"the registry's answer is not JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1})", e);
        }
        catch (InvalidOperationException e)
        {
            // Utf8JsonReader's way to say that a string is not valid UTF-8.
            throw new RegistryException("the registry's answer is not valid UTF-8", e);
        }
        finally
        {
            await pipe.CompleteAsync();
        }

        return document.Finish();
    }

    private async Task ReadAsync(PipeReader pipe, long maxBytes, int maxTokenBytes, CancellationToken cancellationToken)
    {
        var state = new JsonReaderState(new JsonReaderOptions { MaxDepth = MaxDepth });
        long consumed = 0;
        long unread = 0;
        while (true)
        {
            // A value that is not complete yet is looked at again when there is twice as much of it: each time it were only a little more,
            // a long one would cost the square of its length.
            var result = await pipe.ReadAtLeastAsync((int)Math.Max(1, unread * 2), cancellationToken);
            var buffer = result.Buffer;
            if (consumed + buffer.Length > maxBytes) throw new RegistryException($"the registry's answer is larger than {maxBytes >> 20} MiB", null, isPermanent: true);
            var used = Take(buffer, result.IsCompleted, ref state);
            consumed += used;
            unread = buffer.Length - used;
            pipe.AdvanceTo(buffer.GetPosition(used), buffer.End);
            if (result.IsCompleted) return;
            if (unread > maxTokenBytes) throw new RegistryException($"the registry's answer has a value of more than {maxTokenBytes >> 20} MiB", null, isPermanent: true);
        }
    }

    private long Take(ReadOnlySequence<byte> buffer, bool isFinal, ref JsonReaderState state)
    {
        var reader = new Utf8JsonReader(buffer, isFinal, state);
        while (reader.Read()) OnToken(ref reader);
        state = reader.CurrentState;
        return reader.BytesConsumed;
    }

    private void OnToken(ref Utf8JsonReader reader)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartArray when reader.CurrentDepth == 0:
                throw new RegistryException("the registry's answer is not a package's document", null, isPermanent: false);
            case JsonTokenType.PropertyName:
                OnName(ref reader);
                break;
            case JsonTokenType.StartObject when _section == Section.Versions && reader.CurrentDepth == 1:
                _hasVersions = true;
                break;
            case JsonTokenType.StartObject when _section == Section.Times && reader.CurrentDepth == 1:
                _hasTimes = true;
                break;
            case JsonTokenType.StartObject when _section == Section.Versions && reader.CurrentDepth == 2:
                (_integrity, _sha1) = ("", "");
                break;
            case JsonTokenType.EndObject when _section == Section.Versions && reader.CurrentDepth == 2 && _key.Length > 0:
                if (_releases.TryAdd(_key, null!)) _order.Add(_key);
                _releases[_key] = new RegistryRelease(_key, _integrity, _sha1, null);
                break;
            case JsonTokenType.String:
                OnText(ref reader);
                break;
        }
    }

    private void OnName(ref Utf8JsonReader reader)
    {
        switch (reader.CurrentDepth)
        {
            case 1:
                _section = reader.ValueTextEquals("versions") ? Section.Versions
                    : reader.ValueTextEquals("dist-tags") ? Section.Tags
                    : reader.ValueTextEquals("time") ? Section.Times
                    : Section.Other;
                (_key, _isDist, _field) = ("", false, "");
                break;
            case 2 when _section != Section.Other:
                _key = Short(ref reader, MaxVersionLength) is { } key && !key.Any(char.IsControl) ? key : "";
                break;
            case 3 when _section == Section.Versions:
                _isDist = reader.ValueTextEquals("dist");
                break;
            case 4 when _isDist:
                _field = reader.ValueTextEquals("integrity") ? "integrity" : reader.ValueTextEquals("shasum") ? "shasum" : "";
                break;
        }
    }

    private void OnText(ref Utf8JsonReader reader)
    {
        if (_section == Section.Versions && reader.CurrentDepth == 4 && _isDist)
        {
            if (_field == "integrity") _integrity = Short(ref reader, PackageIntegrity.MaxLength) ?? "";
            else if (_field == "shasum") _sha1 = Short(ref reader, MaxSha1Length) ?? "";
        }
        else if (reader.CurrentDepth == 2 && _key.Length > 0)
        {
            if (_section == Section.Tags && _key == "latest") _latest = Short(ref reader, MaxVersionLength) ?? "";
            else if (_section == Section.Times && Short(ref reader, 64) is { } text
                && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at)) _times[_key] = at;
        }
    }

    // Null: longer than anything that makes sense there. Escapes make the raw text longer, six times at most.
    private static string? Short(ref Utf8JsonReader reader, int length)
    {
        var raw = reader.HasValueSequence ? reader.ValueSequence.Length : reader.ValueSpan.Length;
        return raw <= length * 6L && reader.GetString() is { } text && text.Length <= length ? text : null;
    }

    private PackageDocument Finish() => _hasVersions
        ? new PackageDocument(_latest, [.. _order.Select(v => _times.TryGetValue(v, out var at) ? _releases[v] with { PublishedAt = at } : _releases[v])], _hasTimes)
        : throw new RegistryException("the registry's answer names no versions", null, isPermanent: false);
}
