using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fangs.Protocol;

/// <summary>Source-generated JSON of every wire type. Use <see cref="Wire"/>, which also sets the encoder.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNameCaseInsensitive = true,
    Converters = [typeof(WireBoolean), typeof(WireString), typeof(WireInt32), typeof(WireInt64), typeof(WireUInt64), typeof(WireInstant)])]
[JsonSerializable(typeof(HealthResponse))]
[JsonSerializable(typeof(RegisterRequest))]
[JsonSerializable(typeof(RegisterResponse))]
[JsonSerializable(typeof(HeartbeatRequest))]
[JsonSerializable(typeof(HeartbeatResponse))]
[JsonSerializable(typeof(ScanRequest))]
[JsonSerializable(typeof(ScanResponse))]
[JsonSerializable(typeof(EventsResponse))]
[JsonSerializable(typeof(ResultRequest))]
[JsonSerializable(typeof(ResultResponse))]
[JsonSerializable(typeof(ErrorResponse))]
[JsonSerializable(typeof(DecisionRequest))]
[JsonSerializable(typeof(DecisionResponse))]
[JsonSerializable(typeof(PackageCheckResponse))]
[JsonSerializable(typeof(Job))]
public sealed partial class ProtocolJson : JsonSerializerContext
{
    /// <summary>The context to use: leaves <c>&lt;</c>, <c>&gt;</c>, <c>&amp;</c> and non-ASCII text as they are.</summary>
    public static ProtocolJson Wire => Holder.Instance;

    // A class of its own: the generated Default must be initialised first.
    private static class Holder
    {
        internal static readonly ProtocolJson Instance =
            new(new JsonSerializerOptions(Default.Options!) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }
}
