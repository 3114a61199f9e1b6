using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Fangs.Cli.Rendering;

/// <summary>Source-generated JSON of what commands print. Use <see cref="Wire"/>, which also sets the encoder.</summary>
[JsonSourceGenerationOptions(WriteIndented = true, GenerationMode = JsonSourceGenerationMode.Metadata)]
[JsonSerializable(typeof(VersionJson))]
[JsonSerializable(typeof(IReadOnlyList<RunJson>))]
[JsonSerializable(typeof(IReadOnlyList<PackageSummaryJson>))]
[JsonSerializable(typeof(PackageCheckJson))]
[JsonSerializable(typeof(CoverageJson))]
[JsonSerializable(typeof(RunShowJson))]
[JsonSerializable(typeof(ScanSubmitJson))]
[JsonSerializable(typeof(IReadOnlyList<ActorJson>))]
[JsonSerializable(typeof(ConfigCheckJson))]
[JsonSerializable(typeof(ConfigShowJson))]
[JsonSerializable(typeof(CertsJson))]
[JsonSerializable(typeof(IReadOnlyList<DeviationJson>))]
[JsonSerializable(typeof(DeviationShowJson))]
[JsonSerializable(typeof(IReadOnlyList<PendingJson>))]
[JsonSerializable(typeof(IReadOnlyList<BaselineJson>))]
[JsonSerializable(typeof(IReadOnlyList<AllowEntryJson>))]
[JsonSerializable(typeof(IReadOnlyList<NotifierJson>))]
[JsonSerializable(typeof(IReadOnlyList<NotificationJson>))]
[JsonSerializable(typeof(IReadOnlyList<WatchedPackageJson>))]
[JsonSerializable(typeof(IReadOnlyList<ReleaseJson>))]
[JsonSerializable(typeof(DiffJson))]
[JsonSerializable(typeof(PromotedJson))]
[JsonSerializable(typeof(DemotedJson))]
[JsonSerializable(typeof(DeviationDecidedJson))]
[JsonSerializable(typeof(ReanalyzedJson))]
[JsonSerializable(typeof(AllowAddedJson))]
[JsonSerializable(typeof(AllowRemovedJson))]
[JsonSerializable(typeof(PackageAddedJson))]
[JsonSerializable(typeof(PackageRemovedJson))]
[JsonSerializable(typeof(NotifierAddedJson))]
[JsonSerializable(typeof(NotifierRemovedJson))]
[JsonSerializable(typeof(NotifierTestJson))]
[JsonSerializable(typeof(MigratedJson))]
[JsonSerializable(typeof(CheckedJson))]
[JsonSerializable(typeof(BackupJson))]
[JsonSerializable(typeof(TransferredJson))]
public sealed partial class CliJson : JsonSerializerContext
{
    /// <summary>The context to use: what could act on a terminal is escaped.</summary>
    public static CliJson Wire => Holder.Instance;

    /// <summary>Prints a value.</summary>
    public static void Write<T>(Invocation call, T value, JsonTypeInfo<T> type)
    {
        ArgumentNullException.ThrowIfNull(call);
        call.Say(JsonSerializer.Serialize(value, type));
    }

    // A class of its own: the generated Default must be initialised first.
    private static class Holder
    {
        internal static readonly CliJson Instance = new(new JsonSerializerOptions(Default.Options!) { Encoder = TerminalText.Json });
    }
}
