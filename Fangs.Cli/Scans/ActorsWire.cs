using System.Text.Json.Serialization;

namespace Fangs.Cli.Scans;

/// <summary>One actor as the orchestrator reports it.</summary>
public sealed record ActorWire
{
    /// <summary>Path below the actor system, such as <c>/user/runners</c>.</summary>
    [JsonPropertyName("path")]
    public string Path { get; init; } = "";

    /// <summary>Its state in a line.</summary>
    [JsonPropertyName("state")]
    public string State { get; init; } = "";

    /// <summary>Number of its children, also those not reported.</summary>
    [JsonPropertyName("children")]
    public int Children { get; init; }
}

/// <summary>Source-generated JSON of <c>GET /ui/actors</c>.</summary>
[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(IReadOnlyList<ActorWire>))]
public sealed partial class ActorsWire : JsonSerializerContext;
