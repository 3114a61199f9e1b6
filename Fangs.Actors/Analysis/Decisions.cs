using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Fangs.Protocol;

namespace Fangs.Actors.Analysis;

/// <summary>Who decides, when, and why.</summary>
/// <param name="Actor">Name for the audit log.</param>
/// <param name="At">The time.</param>
/// <param name="Note">Reason in his words; may be empty.</param>
/// <param name="Force">Whether even a failed or inconclusive run may join the baseline.</param>
public sealed record DecisionContext(string Actor, DateTimeOffset At, string Note, bool Force);

/// <summary>What a decision comes to: a change, or the reason why it is refused.</summary>
public sealed record DecisionResult
{
    /// <summary>What to store; null when refused or when there is nothing to do.</summary>
    public PackageChange? Change { get; init; }

    /// <summary>Why it is refused, and what to do instead; null otherwise.</summary>
    public string? Refusal { get; init; }

    /// <summary>Values of the run that are in the baseline now.</summary>
    public int Merged { get; init; }

    /// <summary>Values that left the baseline.</summary>
    public int Removed { get; init; }

    /// <summary>Deviations that changed their status.</summary>
    public int DeviationsChanged { get; init; }

    /// <summary>Deviations that wait for a decision afterwards.</summary>
    public int Open { get; init; }

    internal static DecisionResult Refused(string reason) => new() { Refusal = reason };

    internal static DecisionResult Nothing(JudgedRun run) => new() { Open = RunChange.None(run).Open };
}

/// <summary>What promoting, demoting, accepting and rejecting change. Pure.</summary>
public static class Decisions
{
    /// <summary>Takes all that a run did into the baseline, but for what a person has rejected.</summary>
    public static DecisionResult Promote(PackageBasis basis, AllowFilter filter, DecisionContext by)
    {
        ArgumentNullException.ThrowIfNull(basis);
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentNullException.ThrowIfNull(by);
        var run = basis.Run;
        if (!basis.HasPackage)
            return DecisionResult.Refused($"run {run.Id} has no package, so there is no baseline for it; scan the package by its name");
        if (!run.IsConclusive && !by.Force)
            return DecisionResult.Refused($"run {run.Id} is inconclusive ({run.InconclusiveReason}); scan again, or use force to take it anyway");
        var open = run.Deviations.Where(row => row.Status == DeviationStatus.Open).ToList();
        if (run is { IsInBaseline: true, BaselineBy: BaselineBy.Manual } && open.Count == 0) return DecisionResult.Nothing(run);

        var rejected = run.Deviations.Where(row => row.Status == DeviationStatus.Rejected && !row.IsSummary).Select(row => row.Key).ToHashSet();
        // Runs of upstream have no fingerprints of their own, but deviations.
        var merged = filter.Apply(run.Fingerprints).Select(f => f.Key).Concat(open.Where(row => !row.IsSummary).Select(row => row.Key))
            .Distinct().Where(key => !rejected.Contains(key)).ToList();
        var accepted = open.Select(row => Decided(row, DeviationStatus.Accepted, by)).ToList();
        var change = RunChange.None(run) with
        {
            IsInBaseline = true,
            BaselineBy = BaselineBy.Manual,
            IsCounted = true,
            Updated = accepted,
            Open = 0,
            Event = DecisionAction.Promote,
            Detail = Words(by, $"{merged.Count} values are in the baseline, {accepted.Count} deviations accepted"),
        };
        return new DecisionResult
        {
            Merged = merged.Count,
            DeviationsChanged = accepted.Count,
            Change = new PackageChange
            {
                Basis = basis,
                Runs = [change],
                // What the run had been counted for is not counted again.
                Learned = [.. merged.Where(key => !run.IsCounted || !basis.Known.ContainsKey(key)).Select(key => new Learned(key, run.Id, run.Id, 1))],
                Audit = Audit(by, DecisionAction.Promote, run.Id.ToString(),
                    ("package", basis.Package), ("fingerprints", merged.Count), ("accepted", accepted.Count), ("force", by.Force)),
            },
        };
    }

    /// <summary>Takes a run out of the baseline, with the values that it has brought. Needs <see cref="PackageBasis.Contributions"/>.</summary>
    public static DecisionResult Demote(PackageBasis basis, DecisionContext by)
    {
        ArgumentNullException.ThrowIfNull(basis);
        ArgumentNullException.ThrowIfNull(by);
        var run = basis.Run;
        if (!basis.HasPackage) return DecisionResult.Refused($"run {run.Id} has no package, so it is in no baseline");
        if (!run.IsInBaseline && !run.IsCounted) return DecisionResult.Nothing(run);
        var id = run.Id.ToString();
        if (basis.Contributions.FirstOrDefault(part => part.Mark.FirstSeen == id && part.LaterOther is not null) is { } shared)
        {
            return DecisionResult.Refused(
                $"run {shared.LaterOther} has shown {shared.Key.Category} {Short(shared.Key.Value)} as well, which this run brought into the baseline; "
                + "demote that run first, or reject single deviations");
        }

        var (forgotten, released) = Differ.Withdraw(basis);
        var gone = forgotten.ToHashSet();
        var categories = forgotten.Select(key => key.Category).ToHashSet(StringComparer.Ordinal);
        var reopened = run.Deviations
            .Where(row => row.Status is DeviationStatus.Accepted or DeviationStatus.Note)
            .Where(row => row.IsSummary ? categories.Contains(row.Key.Category) : gone.Contains(row.Key))
            .Select(row => row.Undecided(DeviationStatus.Open)).ToList();
        var change = RunChange.None(run) with
        {
            IsInBaseline = false,
            BaselineBy = BaselineBy.Manual,
            IsCounted = false,
            Updated = reopened,
            Event = DecisionAction.Demote,
            Detail = Words(by, $"{forgotten.Count} values left the baseline, {reopened.Count} deviations are open again"),
        };
        change = change with { Open = change.Open + reopened.Count };
        return new DecisionResult
        {
            Removed = forgotten.Count,
            DeviationsChanged = reopened.Count,
            Open = change.Open,
            Change = new PackageChange
            {
                Basis = basis,
                Runs = [change],
                Forgotten = forgotten,
                Released = released,
                Audit = Audit(by, DecisionAction.Demote, id, ("package", basis.Package), ("removed", forgotten.Count), ("reopened", reopened.Count)),
            },
        };
    }

    /// <summary>Takes one deviation into the baseline. When none is left open, the run joins the baseline.</summary>
    public static DecisionResult Accept(PackageBasis basis, AllowFilter filter, string deviationId, DecisionContext by)
    {
        ArgumentNullException.ThrowIfNull(basis);
        ArgumentNullException.ThrowIfNull(by);
        var run = basis.Run;
        var row = run.Deviations.Single(d => d.Id == deviationId);
        if (!basis.HasPackage) return DecisionResult.Refused($"run {run.Id} has no package, so there is no baseline for it");
        if (row.Status == DeviationStatus.Accepted) return DecisionResult.Nothing(run);
        // With one value only, everything else that the next runs do would be a deviation.
        if (!basis.HasBaseline)
            return DecisionResult.Refused($"{basis.Package} has no baseline yet; promote a run (with force when it is inconclusive) or wait for a conclusive one");

        List<FingerprintKey> keys = row.IsSummary
            ? [.. DeviationRows.BehindSummary(run, row.Key.Category, Differ.Novel(basis, filter)).Select(f => f.Key)]
            : [row.Key];
        var learned = keys.Where(key => !basis.Known.ContainsKey(key)).Select(key => new Learned(key, run.Id, run.Id, 1)).ToList();
        var open = run.Deviations.Count(d => d.Status == DeviationStatus.Open && d.Id != deviationId);
        var change = RunChange.None(run) with
        {
            Updated = [Decided(row, DeviationStatus.Accepted, by)],
            Open = open,
            Event = DecisionAction.Accept,
            Detail = Words(by, $"{row.Key.Category} {row.Key.Value}"),
        };
        if (open == 0 && !run.IsInBaseline && (run.IsConclusive || by.Force))
        {
            change = change with { IsInBaseline = true, BaselineBy = BaselineBy.Manual, IsCounted = true };
            if (!run.IsCounted)
            {
                var rest = filter.Apply(run.Fingerprints).Where(f => basis.Known.ContainsKey(f.Key));
                learned.AddRange(rest.Select(f => new Learned(f.Key, run.Id, run.Id, 1)));
            }
        }

        return new DecisionResult
        {
            Merged = keys.Count,
            DeviationsChanged = 1,
            Open = open,
            Change = new PackageChange
            {
                Basis = basis,
                Runs = [change],
                Learned = learned,
                Audit = AuditOf(by, DecisionAction.Accept, basis, row),
            },
        };
    }

    /// <summary>Keeps one deviation out of the baseline; what only this run has brought there is taken out again.</summary>
    public static DecisionResult Reject(PackageBasis basis, string deviationId, DecisionContext by)
    {
        ArgumentNullException.ThrowIfNull(basis);
        ArgumentNullException.ThrowIfNull(by);
        var run = basis.Run;
        var id = run.Id.ToString();
        var row = run.Deviations.Single(d => d.Id == deviationId);
        if (row.Status == DeviationStatus.Rejected) return DecisionResult.Nothing(run);
        var isOnlyHere = !row.IsSummary && basis.Known.TryGetValue(row.Key, out var mark) && mark.FirstSeen == id && mark.LastSeen == id;
        var open = run.Deviations.Count(d => d.Status == DeviationStatus.Open && d.Id != deviationId);
        var change = RunChange.None(run) with
        {
            Updated = [Decided(row, DeviationStatus.Rejected, by)],
            Open = open,
            Event = DecisionAction.Reject,
            Detail = Words(by, $"{row.Key.Category} {row.Key.Value}"),
        };
        return new DecisionResult
        {
            Removed = isOnlyHere ? 1 : 0,
            DeviationsChanged = 1,
            Open = open,
            Change = new PackageChange
            {
                Basis = basis,
                Runs = [change],
                Forgotten = isOnlyHere ? [row.Key] : [],
                Audit = AuditOf(by, DecisionAction.Reject, basis, row),
            },
        };
    }

    /// <summary>A line for the audit log.</summary>
    /// <param name="by">Who, and why.</param>
    /// <param name="action">A value of <see cref="DecisionAction"/>.</param>
    /// <param name="subject">Id of what it is about.</param>
    /// <param name="facts">Texts, numbers and truth values.</param>
    public static AuditEntry Audit(DecisionContext by, string action, string subject, params ReadOnlySpan<(string Name, object? Value)> facts)
    {
        ArgumentNullException.ThrowIfNull(by);
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            foreach (var (name, value) in facts)
            {
                switch (value)
                {
                    case bool truth: json.WriteBoolean(name, truth); break;
                    case int number: json.WriteNumber(name, number); break;
                    case null: json.WriteNull(name); break;
                    default: json.WriteString(name, value.ToString()); break;
                }
            }

            if (by.Note.Length > 0) json.WriteString("note", by.Note);
            json.WriteEndObject();
        }

        return new AuditEntry(by.Actor, action, subject, Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    private static AuditEntry AuditOf(DecisionContext by, string action, PackageBasis basis, Deviation row) => Audit(by, action, row.Id,
        ("run_id", basis.Run.Id.ToString()), ("package", basis.Package), ("category", row.Key.Category), ("value", row.Key.Value), ("was", row.Status));

    private static string Short(string value) => value.Length <= 200 ? value : value[..200] + "…";

    private static Deviation Decided(Deviation row, string status, DecisionContext by) =>
        row with { Status = status, DecidedBy = by.Actor, DecidedAt = by.At, DecisionNote = by.Note };

    private static string Words(DecisionContext by, string what) => $"{by.Actor}: {what}{(by.Note.Length > 0 ? $" ({by.Note})" : "")}";
}
