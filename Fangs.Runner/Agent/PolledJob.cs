using System.Text.Json;
using Fangs.Protocol;

namespace Fangs.Runner.Agent;

/// <summary>What a poll brought: a job, nothing, or something that cannot be read as a job.</summary>
/// <param name="Job">The job, when there is one.</param>
/// <param name="Fault">Why the answer is not a job; null when it is, or when there was none.</param>
/// <param name="Run">The run of an unreadable job, when at least that could be read; otherwise empty.</param>
internal sealed record PolledJob(Job? Job, string? Fault, RunId Run)
{
    /// <summary>There is no work.</summary>
    public static readonly PolledJob None = new(null, null, default);

    /// <summary>Reads the body of an answer.</summary>
    public static PolledJob Read(ReadOnlySpan<byte> body)
    {
        try
        {
            return JsonSerializer.Deserialize(body, ProtocolJson.Wire.Job) is { } job
                ? new(job, null, job.RunId)
                : new(null, "the job is null", default);
        }
        catch (JsonException e)
        {
            return new(null, e.Message, FindRun(body));
        }
    }

    // A job that cannot be read still has to be reported as failed, or it would be handed out again and again.
    private static RunId FindRun(ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return default;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isRun = string.Equals(reader.GetString(), "run_id", StringComparison.OrdinalIgnoreCase);
                if (!reader.Read()) return default;
                if (isRun) return JsonSerializer.Deserialize(ref reader, ProtocolJson.Wire.RunId);
                reader.Skip();
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Then its run stays unknown.
        }

        return default;
    }
}
