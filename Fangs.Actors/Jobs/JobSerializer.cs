using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Akka.Actor;
using Akka.Serialization;
using Fangs.Protocol;

namespace Fangs.Actors.Jobs;

/// <summary>The jobs as a snapshot stores them.</summary>
/// <param name="NextOrder">The place that the next job gets.</param>
/// <param name="Jobs">All jobs.</param>
public sealed record JobQueueSnapshot(long NextOrder, IReadOnlyList<JobEntry> Jobs)
{
    /// <summary>Takes a snapshot.</summary>
    public static JobQueueSnapshot Of(JobQueueState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        return new(state.NextOrder, [.. state.Jobs.Values.OrderBy(j => j.Order).ThenBy(j => j.Job.RunId)]);
    }

    /// <summary>Goes back to it.</summary>
    public JobQueueState ToState() => JobQueueState.From(Jobs, NextOrder);
}

/// <summary>A runner id as a JSON string.</summary>
public sealed class RunnerIdJsonConverter : JsonConverter<RunnerId>
{
    /// <inheritdoc/>
    public override RunnerId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetString() ?? "");

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RunnerId value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(value.Value);
    }
}

/// <summary>JSON of what the dispatcher persists. Names here are on disk: add, never rename.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UseStringEnumConverter = true,
    Converters = [typeof(RunnerIdJsonConverter), typeof(WireBoolean), typeof(WireInt32), typeof(WireInt64), typeof(WireInstant)])]
[JsonSerializable(typeof(JobQueued))]
[JsonSerializable(typeof(JobLeased))]
[JsonSerializable(typeof(LeaseConfirmed))]
[JsonSerializable(typeof(JobReturned))]
[JsonSerializable(typeof(RunEnding))]
[JsonSerializable(typeof(JobForgotten))]
[JsonSerializable(typeof(JobQueueSnapshot))]
public sealed partial class JobJson : JsonSerializerContext;

/// <summary>Writes the events and snapshots of the job queue as JSON under short manifests, which name kind and version.</summary>
public sealed class JobSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    private static readonly (Type Type, string Manifest, JsonTypeInfo Json)[] Kinds =
    [
        (typeof(JobQueued), "job-queued-v1", JobJson.Default.JobQueued),
        (typeof(JobLeased), "job-leased-v1", JobJson.Default.JobLeased),
        (typeof(LeaseConfirmed), "lease-confirmed-v1", JobJson.Default.LeaseConfirmed),
        (typeof(JobReturned), "job-returned-v1", JobJson.Default.JobReturned),
        (typeof(RunEnding), "run-ending-v1", JobJson.Default.RunEnding),
        (typeof(JobForgotten), "job-forgotten-v1", JobJson.Default.JobForgotten),
        (typeof(JobQueueSnapshot), "job-queue-v1", JobJson.Default.JobQueueSnapshot),
    ];

    /// <summary>The types that it writes.</summary>
    public static IEnumerable<Type> Types => Kinds.Select(k => k.Type);

    /// <inheritdoc/>
    public override int Identifier => 410;

    /// <inheritdoc/>
    public override string Manifest(object o) => Kind(k => k.Type == o?.GetType(), o?.GetType().Name).Manifest;

    /// <inheritdoc/>
    public override byte[] ToBinary(object obj) => JsonSerializer.SerializeToUtf8Bytes(obj, Kind(k => k.Type == obj?.GetType(), obj?.GetType().Name).Json);

    /// <inheritdoc/>
    public override object FromBinary(byte[] bytes, string manifest) => JsonSerializer.Deserialize(bytes, Kind(k => k.Manifest == manifest, manifest).Json)
        ?? throw new JsonException($"An entry of kind {manifest} is null.");

    /// <summary>Says why a stored event or snapshot cannot be read; null when it can.</summary>
    /// <param name="manifest">Its manifest.</param>
    /// <param name="bytes">Its bytes.</param>
    public static string? FaultOf(string manifest, ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, Kind(k => k.Manifest == manifest, manifest).Json) is null ? "it is null" : null;
        }
        catch (Exception e) when (e is JsonException or ArgumentException or FormatException)
        {
            return e.Message;
        }
    }

    private static (Type Type, string Manifest, JsonTypeInfo Json) Kind(Func<(Type Type, string Manifest, JsonTypeInfo Json), bool> match, string? what)
    {
        foreach (var kind in Kinds)
            if (match(kind)) return kind;
        throw new ArgumentException($"The job queue has no entry of kind {what}; a newer version of fangs may have written it.");
    }
}
