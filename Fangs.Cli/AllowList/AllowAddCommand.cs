using Cocona;
using Fangs.Actors.Analysis;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Decisions;
using Fangs.Cli.Rendering;
using Fangs.Cli.Scans;
using Fangs.Protocol;

namespace Fangs.Cli.AllowList;

/// <summary><c>fangs allow add</c>: declares a value to be noise.</summary>
public static class AllowAddCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("allow add", "Declare a value to be noise: it never deviates again",
    [
        new("kind", FlagKind.Text, "", "what the value is: cidr, path, sni or dns") { Choices = AllowKind.All },
        new("value", FlagKind.Text, "", "address range, path, or host name; a path stands for all below it, *.example.com for all hosts of a domain"),
        new("from", FlagKind.Text, "", "take kind and value from this deviation"),
        new("package", FlagKind.Text, "", "only for this package; for all when not given"),
        new("note", FlagKind.Text, "", "why, for the record"),
        new("expires", FlagKind.Duration, "0", "let it count for this long only, such as 720h; for ever when not given"),
        new("dry-run", FlagKind.Boolean, "false", "only tell what it would hide"),
        .. OperatorDecisions.Flags,
    ])
    {
        Details = "Runs that wait for a decision are judged again. Accesses to credentials are never hidden.",
        Examples =
        [
            "allow add -kind sni -value metrics.example -package left-thing",
            "allow add -kind cidr -value 192.0.2.0/24 -expires 720h -note lab",
            "allow add -from 3f9c21 -package left-thing -dry-run",
        ],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => (
        [Option("kind")] string kind, [Option("value")] string value, [Option("from")] string from, [Option("package")] string package,
        [Option("note")] string note, [Option("expires")] TimeSpan expires, [Option("dry-run")] bool dryRun) => call.RunAsync(async () =>
        {
            if (from.Length > 0 && kind.Length + value.Length > 0) throw new UsageException("-from takes kind and value from the deviation: leave -kind and -value out");
            if (from.Length == 0 && (kind.Length == 0 || value.Length == 0)) throw new UsageException("allow add needs -kind and -value, or -from");
            if (call.Line.Given.Contains("expires") && expires == TimeSpan.Zero) throw new UsageException("-expires must be longer than 0");
            if (package.Length > 0 && !NpmName.IsName(package)) throw new UsageException($"-package {package}: not a package name");
            if (from.Length > 0) Invocation.CheckIdForChange(from);
            else _ = Checked(kind, value, package);

            var expiresAt = expires > TimeSpan.Zero ? StorageText.Time(Later(call.Environment.Clock.GetUtcNow(), expires)) : null;
            AllowEntry entry = null!;
            var answer = await OperatorDecisions.DecideAsync(call, database =>
            {
                entry = from.Length > 0 ? FromDeviation(database, from, package) : Checked(kind, value, package);
                return new DecisionRequest
                {
                    Action = DecisionAction.AllowAdd,
                    Note = note,
                    DryRun = dryRun,
                    Allow = new AllowRequest { Kind = entry.Kind, Value = entry.Value, Package = entry.PackageName, ExpiresAt = expiresAt },
                };
            });
            Print(call, entry, expiresAt, dryRun, answer);
            return ExitCode.Success;
        });

    private static void Print(Invocation call, AllowEntry entry, string? expiresAt, bool dryRun, DecisionResponse answer)
    {
        if (call.IsJson)
        {
            CliJson.Write(call, new AllowAddedJson(
                answer.AllowId, entry.PackageName is null ? "global" : "package", entry.PackageName ?? "", entry.Kind, entry.Value, expiresAt, !dryRun, dryRun,
                answer.DeviationsChanged, answer.RunsAffected), CliJson.Wire.AllowAddedJson);
            return;
        }

        var scope = entry.PackageName is null ? "for every package" : $"for {TerminalText.Escape(entry.PackageName)}";
        var until = expiresAt is null ? "" : $" until {TimeText.Rfc3339(expiresAt)}";
        call.Say($"{(dryRun ? "Would allow" : "Allowed")} {entry.Kind} {TerminalText.Cut(entry.Value, 400)} {scope}{until}: {AllowEffect.Hidden(answer, dryRun)}");
        if (!dryRun) call.Say($"Entry  {TerminalText.Escape(answer.AllowId)}");
    }

    private static AllowEntry Checked(string kind, string value, string package) =>
        AllowEntry.TryCreate(kind, value, package, out var entry) is { } fault ? throw new UsageException("-" + fault) : entry!;

    private static AllowEntry FromDeviation(ReadOnlyDatabase database, string prefix, string package)
    {
        var id = Invocation.ResolveDeviation(database, prefix);
        var deviation = DeviationQueries.ById(database, id) ?? throw new CliException($"deviation {id} was removed meanwhile", ExitCode.NotFound);
        var (kind, value, fault) = AllowSuggestion.Of(deviation);
        AllowEntry? entry = null;
        fault ??= AllowEntry.TryCreate(kind, value, package, out entry);
        return entry ?? throw new CliException($"deviation {TerminalText.ShortId(id)} cannot be allowed: {TerminalText.Cut(fault, 500)}");
    }

    // Whatever is further away than years can be written counts for ever in practice.
    private static DateTimeOffset Later(DateTimeOffset now, TimeSpan span) => DateTimeOffset.MaxValue - now < span ? DateTimeOffset.MaxValue : now + span;
}
