using System.Net;

namespace Fangs.Runner.Agent;

/// <summary>A request body made of batches that lie in memory one by one: they are not copied together.</summary>
internal sealed class EventsContent : HttpContent
{
    private readonly IReadOnlyList<ReadOnlyMemory<byte>> _batches;

    public EventsContent(IReadOnlyList<ReadOnlyMemory<byte>> batches)
    {
        _batches = batches;
        Headers.ContentType = new("application/json");
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        foreach (var batch in _batches) await stream.WriteAsync(batch, cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _batches.Sum(batch => (long)batch.Length);
        return true;
    }
}
