using System.Text.Json.Serialization;

namespace Fangs.Actors.Reports;

/// <summary>Answer of <c>diff</c>.</summary>
public sealed record DiffJson
{
    /// <summary>The first run.</summary>
    [JsonPropertyName("a")]
    public required RunJson A { get; init; }

    /// <summary>How the first run was chosen.</summary>
    [JsonPropertyName("a_chosen")]
    public required string AChosen { get; init; }

    /// <summary>The second run.</summary>
    [JsonPropertyName("b")]
    public required RunJson B { get; init; }

    /// <summary>How the second run was chosen.</summary>
    [JsonPropertyName("b_chosen")]
    public required string BChosen { get; init; }

    /// <summary>What only the first did, by category and value.</summary>
    [JsonPropertyName("only_a")]
    public required IReadOnlyList<DifferenceJson> OnlyA { get; init; }

    /// <summary>How many values only the first shows, with those beyond the limit.</summary>
    [JsonPropertyName("only_a_count")]
    public required int OnlyACount { get; init; }

    /// <summary>What only the second did, by category and value.</summary>
    [JsonPropertyName("only_b")]
    public required IReadOnlyList<DifferenceJson> OnlyB { get; init; }

    /// <summary>How many values only the second shows, with those beyond the limit.</summary>
    [JsonPropertyName("only_b_count")]
    public required int OnlyBCount { get; init; }

    /// <summary>How many values both show.</summary>
    [JsonPropertyName("common_count")]
    public required int CommonCount { get; init; }

    /// <summary>How many differences the allow list hides.</summary>
    [JsonPropertyName("hidden_count")]
    public required int HiddenCount { get; init; }
}

/// <summary>One value that only one of two runs shows.</summary>
/// <param name="Category">Category of the fingerprint.</param>
/// <param name="Value">Value of the fingerprint.</param>
/// <param name="Severity">Severity that a deviation by it has.</param>
/// <param name="Role">Who did it; empty when unknown.</param>
/// <param name="Phase">When; empty when unknown.</param>
/// <param name="Count">Contributing events.</param>
/// <param name="Credential">Whether credentials were touched.</param>
/// <param name="EvidenceEventId">The earliest event.</param>
/// <param name="Evidence">That event in words; null when it is not stored any more.</param>
public sealed record DifferenceJson(
    [property: JsonPropertyName("category")] string Category,
    [property: JsonPropertyName("value")] string Value,
    [property: JsonPropertyName("severity")] string Severity,
    [property: JsonPropertyName("role")] string Role,
    [property: JsonPropertyName("phase")] string Phase,
    [property: JsonPropertyName("count")] long Count,
    [property: JsonPropertyName("credential")] bool Credential,
    [property: JsonPropertyName("evidence_event_id")] long EvidenceEventId,
    [property: JsonPropertyName("evidence")] string? Evidence);
