using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fangs.Cli.Notifiers;

/// <summary>Source-generated JSON of the extra headers of a target, as they are stored.</summary>
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class NotifierHeadersJson : JsonSerializerContext
{
    /// <summary>The context to use: stored text is not escaped more than JSON asks for.</summary>
    internal static NotifierHeadersJson Wire => Holder.Instance;

    private static class Holder
    {
        internal static readonly NotifierHeadersJson Instance =
            new(new JsonSerializerOptions(Default.Options!) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }
}
