using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Fangs.Cli.Rendering;

/// <summary>Answer of <c>version</c>.</summary>
public sealed record VersionJson([property: JsonPropertyName("version")] string Version);

/// <summary>Answer of <c>scan submit</c>. The result fields are there with <c>-wait</c>.</summary>
public sealed record ScanSubmitJson
{
    /// <summary>Always true.</summary>
    [JsonPropertyName("queued")]
    public bool Queued { get; init; } = true;

    /// <summary>Id of the run.</summary>
    [JsonPropertyName("run_id")]
    public required string RunId { get; init; }

    /// <summary>Package name.</summary>
    [JsonPropertyName("package")]
    public required string Package { get; init; }

    /// <summary>Package version.</summary>
    [JsonPropertyName("version")]
    public required string Version { get; init; }

    /// <summary>The finished run, with <c>-wait</c>.</summary>
    [JsonPropertyName("run"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public RunJson? Run { get; init; }

    /// <summary>Events by type, with <c>-wait</c>.</summary>
    [JsonPropertyName("events_by_type"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, long>? EventsByType { get; init; }
}

/// <summary>One actor of the orchestrator.</summary>
public sealed record ActorJson(string Path, string State, int Children);

/// <summary>Answer of <c>config check</c>.</summary>
public sealed record ConfigCheckJson(
    [property: JsonPropertyName("file")] string File,
    [property: JsonPropertyName("sound")] bool Sound,
    [property: JsonPropertyName("errors")] IReadOnlyList<ConfigErrorJson> Errors);

/// <summary>One error of a configuration file.</summary>
public sealed record ConfigErrorJson(
    [property: JsonPropertyName("line")] int Line,
    [property: JsonPropertyName("column")] int Column,
    [property: JsonPropertyName("field")] string Field,
    [property: JsonPropertyName("remedy")] string Remedy);

/// <summary>Answer of <c>config show</c>.</summary>
public sealed record ConfigShowJson(
    [property: JsonPropertyName("file")] string File,
    [property: JsonPropertyName("read")] bool Read,
    [property: JsonPropertyName("settings")] IReadOnlyList<ConfigSettingJson> Settings);

/// <summary>One setting: its value, and whether it is from the file (with the line) or the default.</summary>
public sealed record ConfigSettingJson(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("value")] JsonNode Value,
    [property: JsonPropertyName("from")] string From,
    [property: JsonPropertyName("line"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Line);

/// <summary>Answer of <c>certs</c>: what was made, and a command line that uses it.</summary>
public sealed record CertsJson(
    [property: JsonPropertyName("made")] IReadOnlyList<CertificateJson> Made,
    [property: JsonPropertyName("use")] IReadOnlyList<string> Use);

/// <summary>A certificate that was made. Times are RFC 3339.</summary>
public sealed record CertificateJson(
    [property: JsonPropertyName("what")] string What,
    [property: JsonPropertyName("certificate")] string Certificate,
    [property: JsonPropertyName("key")] string Key,
    [property: JsonPropertyName("subject")] string Subject,
    [property: JsonPropertyName("not_before")] string NotBefore,
    [property: JsonPropertyName("not_after")] string NotAfter,
    [property: JsonPropertyName("sha256")] string Sha256);
