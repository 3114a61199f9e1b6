using System.Globalization;
using System.Text;
using System.Text.Json;
using Cocona;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Fangs.Cli.Rendering;
using Fangs.Cli.Runs;

namespace Fangs.Cli.Deviations;

/// <summary><c>fangs deviation show</c>: one deviation with the event that shows it.</summary>
public static class DeviationShowCommand
{
    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("deviation show", "Show one deviation and the event that is its evidence", [])
    {
        Arguments = ["deviation"],
        Examples = ["deviation show 3f9c21", "-json deviation show 3f9c21"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Argument] string deviation) => call.RunAsync(() =>
    {
        using var database = call.OpenDatabase();
        var id = Invocation.ResolveDeviation(database, deviation);
        var row = DeviationQueries.ById(database, id) ?? throw new CliException($"deviation {id} was removed meanwhile", ExitCode.NotFound);
        var evidence = EventQueries.ById(database, row.EvidenceEventId);
        if (call.IsJson)
        {
            var json = new DeviationShowJson
            {
                Deviation = DeviationJson.Of(row),
                EvidenceEvent = evidence is null ? null : EvidenceJson.Of(evidence),
            };
            CliJson.Write(call, json, CliJson.Wire.DeviationShowJson);
        }
        else
        {
            PrintDeviation(call, row, RunQueries.ById(database, row.RunId));
            PrintEvidence(call, row, evidence);
        }

        return Task.FromResult(ExitCode.Success);
    });

    private static void PrintDeviation(Invocation call, DeviationRow row, RunRow? run)
    {
        void Fact(string name, string value) => call.Say($"{name,-14}{value}");

        Fact("Deviation", TerminalText.Escape(row.Id));
        Fact("Run", TerminalText.Escape(row.RunId));
        if (run is not null) Fact("Package", $"{TerminalText.Escape(run.PackageName)} {TerminalText.Escape(run.Version)}");
        Fact("Category", TerminalText.Escape(row.Category));
        Fact("Value", TerminalText.Cut(row.Value, 4_000));
        Fact("Severity", TerminalText.Escape(row.Severity) + (row.Credential ? " (credentials)" : ""));
        if (row.Role.Length + row.Phase.Length > 0)
            Fact("Done by", string.Join(", ", new[] { row.Role, row.Phase }.Where(part => part.Length > 0).Select(TerminalText.Escape)));
        Fact("Events", RunText.Number(row.Count));
        Fact("Detected", TimeText.Absolute(row.DetectedAt));
        Fact("Notified", TimeText.Absolute(row.NotifiedAt));
        if (row.Suppressed) Fact("Suppressed", "yes");
        Fact("Status", TerminalText.Escape(row.Status)
            + (row.DecidedAt is null ? "" : $" by {TerminalText.Cut(row.DecidedBy.Length > 0 ? row.DecidedBy : "?", 80)} at {TimeText.Absolute(row.DecidedAt)}"));
        if (row.Note.Length > 0) Fact("Note", TerminalText.Cut(row.Note, 1_000));
        Fact("Evidence", row.EvidenceEventId.ToString(CultureInfo.InvariantCulture));
    }

    private static void PrintEvidence(Invocation call, DeviationRow row, EventRow? evidence)
    {
        call.Say("");
        if (evidence is null)
        {
            call.Say($"The event {row.EvidenceEventId} that showed it is not stored any more.");
            return;
        }

        var payload = EventPayload.Parse(evidence.Data);
        call.Say($"Event {evidence.Id}  {TerminalText.Escape(evidence.Type)}  ts_ns {evidence.TsNs}");
        call.Say("  " + EventWords.Describe(evidence.Type, payload));
        foreach (var line in Indented(payload.Root).Split('\n')) call.Say("  " + line);
    }

    private static string Indented(JsonElement payload)
    {
        using var text = new MemoryStream();
        using (var writer = new Utf8JsonWriter(text, new JsonWriterOptions { Indented = true, Encoder = TerminalText.Json }))
            new PayloadJsonConverter().Write(writer, payload, JsonSerializerOptions.Default);
        return Encoding.UTF8.GetString(text.GetBuffer().AsSpan(0, (int)text.Length));
    }
}
