using System.Text.Json.Serialization;
using Fangs.Protocol;

namespace Fangs.Cli.Rendering;

/// <summary>Answer of <c>baseline promote</c>. The first four names are upstream's.</summary>
public sealed record PromotedJson(
    [property: JsonPropertyName("run_id")] string RunId,
    [property: JsonPropertyName("package")] string Package,
    [property: JsonPropertyName("fingerprints_merged")] int FingerprintsMerged,
    [property: JsonPropertyName("promoted")] bool Promoted,
    [property: JsonPropertyName("changed")] bool Changed,
    [property: JsonPropertyName("deviations_accepted")] int DeviationsAccepted)
{
    /// <summary>The JSON form of an answer.</summary>
    public static PromotedJson Of(DecisionResponse answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        return new PromotedJson(answer.RunId, answer.Package, answer.FingerprintsMerged, true, answer.Changed, answer.DeviationsChanged);
    }
}

/// <summary>Answer of <c>baseline demote</c>.</summary>
public sealed record DemotedJson(
    [property: JsonPropertyName("run_id")] string RunId,
    [property: JsonPropertyName("package")] string Package,
    [property: JsonPropertyName("fingerprints_removed")] int FingerprintsRemoved,
    [property: JsonPropertyName("demoted")] bool Demoted,
    [property: JsonPropertyName("changed")] bool Changed,
    [property: JsonPropertyName("deviations_open")] int DeviationsOpen)
{
    /// <summary>The JSON form of an answer.</summary>
    public static DemotedJson Of(DecisionResponse answer)
    {
        ArgumentNullException.ThrowIfNull(answer);
        return new DemotedJson(answer.RunId, answer.Package, answer.FingerprintsRemoved, true, answer.Changed, answer.DeviationsOpen);
    }
}

/// <summary>Answer of <c>deviation accept</c> and <c>deviation reject</c>.</summary>
public sealed record DeviationDecidedJson(
    [property: JsonPropertyName("deviation_id")] string DeviationId,
    [property: JsonPropertyName("run_id")] string RunId,
    [property: JsonPropertyName("package")] string Package,
    [property: JsonPropertyName("status")] string Status,
    [property: JsonPropertyName("changed")] bool Changed,
    [property: JsonPropertyName("deviations_open")] int DeviationsOpen);

/// <summary>Answer of <c>run reanalyze</c>.</summary>
public sealed record ReanalyzedJson(
    [property: JsonPropertyName("run_id")] string RunId,
    [property: JsonPropertyName("package")] string Package,
    [property: JsonPropertyName("changed")] bool Changed,
    [property: JsonPropertyName("deviations_changed")] int DeviationsChanged,
    [property: JsonPropertyName("deviations_open")] int DeviationsOpen);

/// <summary>Answer of <c>allow add</c>; <c>id</c> is empty for a dry run.</summary>
public sealed record AllowAddedJson(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("scope")] string Scope,
    [property: JsonPropertyName("package")] string Package,
    [property: JsonPropertyName("kind")] string Kind,
    [property: JsonPropertyName("value")] string Value,
    [property: JsonPropertyName("expires_at")] string? ExpiresAt,
    [property: JsonPropertyName("added")] bool Added,
    [property: JsonPropertyName("dry_run")] bool DryRun,
    [property: JsonPropertyName("deviations_hidden")] int DeviationsHidden,
    [property: JsonPropertyName("runs_affected")] int RunsAffected);

/// <summary>Answer of <c>allow remove</c>.</summary>
public sealed record AllowRemovedJson(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("removed")] bool Removed,
    [property: JsonPropertyName("dry_run")] bool DryRun,
    [property: JsonPropertyName("deviations_shown")] int DeviationsShown,
    [property: JsonPropertyName("runs_affected")] int RunsAffected);
