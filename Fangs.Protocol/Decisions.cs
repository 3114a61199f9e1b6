using System.Text.Json.Serialization;

namespace Fangs.Protocol;

/// <summary>What an operator can decide; values of <see cref="DecisionRequest.Action"/>.</summary>
public static class DecisionAction
{
    /// <summary>Take all that a run did into the baseline of its package. Needs <c>run_id</c>.</summary>
    public const string Promote = "baseline.promote";

    /// <summary>Take a run out of the baseline again, with the values that no other run has shown. Needs <c>run_id</c>.</summary>
    public const string Demote = "baseline.demote";

    /// <summary>Take one deviation into the baseline. Needs <c>deviation_id</c>.</summary>
    public const string Accept = "deviation.accept";

    /// <summary>Keep one deviation out of the baseline for good. Needs <c>deviation_id</c>.</summary>
    public const string Reject = "deviation.reject";

    /// <summary>Declare a value to be noise, and judge again what waits for a decision. Needs <c>allow</c>.</summary>
    public const string AllowAdd = "allow.add";

    /// <summary>Take such a declaration back. Needs <c>allow_id</c>.</summary>
    public const string AllowRemove = "allow.remove";

    /// <summary>Such a declaration has come to its end. Nobody asks for it; it stands in the audit log.</summary>
    public const string AllowExpire = "allow.expire";

    /// <summary>Compute a run's fingerprints again from its stored events, and judge it again. Needs <c>run_id</c>.</summary>
    public const string Reanalyze = "run.reanalyze";
}

/// <summary>Body of <c>POST /v1/operator/decisions</c>, an addition of ours: one decision of an operator, carried out in one transaction.</summary>
public sealed record DecisionRequest
{
    /// <summary>A value of <see cref="DecisionAction"/>.</summary>
    [JsonPropertyName("action")]
    public string? Action { get; init; }

    /// <summary>Who decides, for the audit log; a client certificate overrides it.</summary>
    [JsonPropertyName("by")]
    public string? By { get; init; }

    /// <summary>Why, in the operator's words.</summary>
    [JsonPropertyName("note"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Note { get; init; }

    /// <summary>The run, 32 lower-case hex digits.</summary>
    [JsonPropertyName("run_id"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? RunId { get; init; }

    /// <summary>The deviation, its full id.</summary>
    [JsonPropertyName("deviation_id"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? DeviationId { get; init; }

    /// <summary>Promote even a failed or inconclusive run.</summary>
    [JsonPropertyName("force"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool Force { get; init; }

    /// <summary>Only tell what would happen; nothing is changed.</summary>
    [JsonPropertyName("dry_run"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool DryRun { get; init; }

    /// <summary>The entry to add.</summary>
    [JsonPropertyName("allow"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public AllowRequest? Allow { get; init; }

    /// <summary>The entry to remove, its full id.</summary>
    [JsonPropertyName("allow_id"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? AllowId { get; init; }
}

/// <summary>An entry of the allow list as an operator asks for it.</summary>
public sealed record AllowRequest
{
    /// <summary><c>cidr</c>, <c>path</c>, <c>sni</c> or <c>dns</c>.</summary>
    [JsonPropertyName("kind")]
    public string? Kind { get; init; }

    /// <summary>What to allow.</summary>
    [JsonPropertyName("value")]
    public string? Value { get; init; }

    /// <summary>Only for this package; absent for all.</summary>
    [JsonPropertyName("package"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Package { get; init; }

    /// <summary>When the entry stops to count, RFC 3339; absent for never.</summary>
    [JsonPropertyName("expires_at"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? ExpiresAt { get; init; }
}

/// <summary>Answer of <c>POST /v1/operator/decisions</c>: what was changed, or with <c>dry_run</c> what would be.</summary>
public sealed record DecisionResponse
{
    /// <summary>The action that was asked for.</summary>
    [JsonPropertyName("action")]
    public string Action { get; init; } = "";

    /// <summary>False when nothing had to be changed: the same had been decided before.</summary>
    [JsonPropertyName("changed")]
    public bool Changed { get; init; }

    /// <summary>The run that it is about; empty for the allow list.</summary>
    [JsonPropertyName("run_id")]
    public string RunId { get; init; } = "";

    /// <summary>The package that it is about; empty for a global entry of the allow list.</summary>
    [JsonPropertyName("package")]
    public string Package { get; init; } = "";

    /// <summary>The deviation that it is about; empty otherwise.</summary>
    [JsonPropertyName("deviation_id")]
    public string DeviationId { get; init; } = "";

    /// <summary>The entry of the allow list that it is about; empty otherwise, and for a dry run.</summary>
    [JsonPropertyName("allow_id")]
    public string AllowId { get; init; } = "";

    /// <summary>Values of the run that are in the baseline now.</summary>
    [JsonPropertyName("fingerprints_merged")]
    public int FingerprintsMerged { get; init; }

    /// <summary>Values that left the baseline.</summary>
    [JsonPropertyName("fingerprints_removed")]
    public int FingerprintsRemoved { get; init; }

    /// <summary>Deviations that are open (or hidden) no more, or again.</summary>
    [JsonPropertyName("deviations_changed")]
    public int DeviationsChanged { get; init; }

    /// <summary>Deviations of the run that still wait for a decision.</summary>
    [JsonPropertyName("deviations_open")]
    public int DeviationsOpen { get; init; }

    /// <summary>Runs that were judged again, or would be.</summary>
    [JsonPropertyName("runs_affected")]
    public int RunsAffected { get; init; }
}
