using System.Net;
using System.Text.Json.Nodes;
using Fangs.Actors.Analysis;
using Fangs.Actors.Configuration;
using Fangs.Cli.Hosting;
using Fangs.Protocol;

namespace Fangs.Cli.Configuration;

/// <summary>One setting as it counts.</summary>
/// <param name="Name">Full name in the file.</param>
/// <param name="Value">Its value.</param>
/// <param name="Texts">The value for people, a line per item of a list; not escaped.</param>
/// <param name="Line">Line of the file that sets it; null for the default.</param>
public sealed record EffectiveSetting(string Name, JsonNode Value, IReadOnlyList<string> Texts, int? Line);

/// <summary>Lists the settings that an orchestrator would have. Taken from what the composition makes of the file, so that it cannot say something else.</summary>
public static class EffectiveSettings
{
    /// <summary>Names of all settings.</summary>
    public static IReadOnlyList<string> Names { get; } =
        [.. Of(new LoadedConfiguration(new("", IsRead: false, IsNamed: false), new FileSettings())).Select(setting => setting.Name)];

    /// <summary>All settings in the order of the sample file.</summary>
    public static IReadOnlyList<EffectiveSetting> Of(LoadedConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        var file = configuration.Settings;
        var settings = Composition.Settings(new OrchestratorOptions(new IPEndPoint(IPAddress.Loopback, 0), "-", "-", configuration));
        var analysis = settings.Core.Analysis!;
        return
        [
            List("watched_paths", settings.Edge.WatchedPaths, path => path.CredTagged ? $"{path.Prefix} (credential)" : path.Prefix,
                path => new JsonObject { ["prefix"] = path.Prefix, ["cred"] = path.CredTagged }),
            Allow("cidrs", AllowKind.Cidr),
            Allow("snis", AllowKind.Sni),
            Allow("paths", AllowKind.Path),
            Allow("dns", AllowKind.Dns),
            Number("baseline.min_runs", analysis.MinRuns),
            Number("limits.max_events_per_run", settings.Core.MaxEventsPerRun),
            Duration("limits.max_job_duration", settings.Edge.MaxJobDuration),
            Duration("limits.stream_idle_timeout", settings.Edge.StreamIdleTimeout),
            Duration("limits.result_slack", settings.Core.Jobs.ResultSlack),
            One("cdn.enabled", JsonValue.Create(analysis.CdnEnabled)),
            List("cdn.extra", analysis.CdnExtra, range => range, range => JsonValue.Create(range)),
            // The two that this version has only one value for.
            One("sandbox.import_phase", JsonValue.Create(file.ImportPhase ?? true)),
            One("sandbox.layout", JsonValue.Create(file.SandboxLayout ?? "work")),
            One("notifier.allow_private", JsonValue.Create(settings.Core.Notifier.AllowPrivate)),
        ];

        EffectiveSetting Allow(string key, string kind) => List(
            $"allow.{key}", [.. settings.Core.ConfiguredAllow!.Where(a => a.Entry.Kind == kind)],
            a => a.Note.Length > 0 ? $"{a.Entry.Value}  # {a.Note}" : a.Entry.Value,
            a => new JsonObject { ["id"] = a.Id, ["value"] = a.Entry.Value, ["note"] = a.Note });

        EffectiveSetting Number(string name, int value) => One(name, JsonValue.Create(value));

        EffectiveSetting Duration(string name, TimeSpan value) => One(name, JsonValue.Create(GoDuration.Format(value.Ticks * 100)));

        EffectiveSetting One(string name, JsonValue value) => new(name, value, [value.ToString()], LineOf(name));

        EffectiveSetting List<T>(string name, IReadOnlyList<T> items, Func<T, string> text, Func<T, JsonNode> json) =>
            new(name, new JsonArray([.. items.Select(json)]), items.Count > 0 ? [.. items.Select(text)] : ["(none)"], LineOf(name));

        int? LineOf(string name) => file.Lines.TryGetValue(name, out var line) ? line : null;
    }
}
