using System.Globalization;
using Fangs.Actors.Analysis;
using Fangs.Protocol;

namespace Fangs.Actors.Packages;

/// <summary>What a decision must look like. Pure rules, the same whether it comes over HTTP or from a command.</summary>
public static class DecisionRules
{
    private const int MaxNote = 4096;
    private const int MaxActor = 256;

    private static readonly string[] Actions =
    [
        DecisionAction.Promote, DecisionAction.Demote, DecisionAction.Accept, DecisionAction.Reject, DecisionAction.AllowAdd,
        DecisionAction.AllowRemove, DecisionAction.Reanalyze,
    ];

    /// <summary>What is wrong with a request by itself; null when nothing is.</summary>
    public static DecisionOutcome? Check(DecisionRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (string.IsNullOrWhiteSpace(request.By)) return DecisionOutcome.Invalid("by", "required: who decides, for the audit log");
        if (request.By.Length > MaxActor || request.By.Any(char.IsControl))
            return DecisionOutcome.Invalid("by", $"must have at most {MaxActor} characters and no control characters");
        if (request.Note?.Length > MaxNote) return DecisionOutcome.Invalid("note", $"must have at most {MaxNote} characters");
        switch (request.Action)
        {
            case DecisionAction.Promote or DecisionAction.Demote or DecisionAction.Reanalyze:
                return RunId.TryParse(request.RunId, out _) ? NoDryRun(request) : DecisionOutcome.Invalid("run_id", "required: 32 lower-case hex digits");
            case DecisionAction.Accept or DecisionAction.Reject:
                return IsId(request.DeviationId) ? NoDryRun(request) : DecisionOutcome.Invalid("deviation_id", "required: the full id of the deviation");
            case DecisionAction.AllowRemove:
                return IsId(request.AllowId) ? null : DecisionOutcome.Invalid("allow_id", "required: the full id of the entry");
            case DecisionAction.AllowAdd:
                return CheckAllow(request.Allow);
            default:
                return DecisionOutcome.Invalid("action", $"must be one of {string.Join(", ", Actions)}");
        }
    }

    private static DecisionOutcome? NoDryRun(DecisionRequest request) =>
        request.DryRun ? DecisionOutcome.Invalid("dry_run", $"only for {DecisionAction.AllowAdd} and {DecisionAction.AllowRemove}") : null;

    private static bool IsId(string? id) => id is { Length: > 0 and <= 64 } && id.All(char.IsAsciiLetterOrDigit);

    private static DecisionOutcome? CheckAllow(AllowRequest? allow)
    {
        if (allow is null) return DecisionOutcome.Invalid("allow", "required: kind and value of the entry");
        if (AllowEntry.TryCreate(allow.Kind, allow.Value, allow.Package, out _) is { } wrong)
        {
            var colon = wrong.IndexOf(": ", StringComparison.Ordinal);
            return DecisionOutcome.Invalid("allow." + wrong[..colon], wrong[(colon + 2)..]);
        }

        if (!string.IsNullOrEmpty(allow.Package) && !ScanRules.IsPackageName(allow.Package))
            return DecisionOutcome.Invalid("allow.package", "is not an npm package name; leave it out for all packages");
        return allow.ExpiresAt is null || TryParseTime(allow.ExpiresAt, out _)
            ? null
            : DecisionOutcome.Invalid("allow.expires_at", "must be an RFC 3339 time with an offset, such as 2026-01-02T03:04:05Z");
    }

    /// <summary>Reads an instant that says its offset; without one it would mean the time zone of this host.</summary>
    internal static bool TryParseTime(string text, out DateTimeOffset time)
    {
        time = default;
        var hasOffset = text.Length > 19 && (text[^1] is 'Z' or 'z' || text.AsSpan(19).IndexOfAny('+', '-') >= 0);
        return hasOffset && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out time);
    }
}
