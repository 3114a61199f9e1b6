using System.Text.Json.Serialization;

namespace Fangs.Cli.Rendering;

/// <summary>Answer of <c>db migrate</c>.</summary>
public sealed record MigratedJson(
    [property: JsonPropertyName("database")] string Database,
    [property: JsonPropertyName("schema")] string Schema,
    [property: JsonPropertyName("applied")] IReadOnlyList<string> Applied);

/// <summary>Something that <c>db check</c> has found.</summary>
public sealed record DefectJson(
    [property: JsonPropertyName("check")] string Check,
    [property: JsonPropertyName("detail")] string Detail);

/// <summary>Answer of <c>db check</c>.</summary>
public sealed record CheckedJson(
    [property: JsonPropertyName("database")] string Database,
    [property: JsonPropertyName("sound")] bool Sound,
    [property: JsonPropertyName("checks")] int Checks,
    [property: JsonPropertyName("defects")] IReadOnlyList<DefectJson> Defects);

/// <summary>Answer of <c>db backup</c>.</summary>
public sealed record BackupJson(
    [property: JsonPropertyName("database")] string Database,
    [property: JsonPropertyName("file")] string File,
    [property: JsonPropertyName("bytes")] long Bytes);

/// <summary>One table of an export or import.</summary>
public sealed record TableSumJson(
    [property: JsonPropertyName("table")] string Table,
    [property: JsonPropertyName("rows")] long Rows,
    [property: JsonPropertyName("sha256")] string Sha256);

/// <summary>Answer of <c>db export</c> and <c>db import</c>.</summary>
public sealed record TransferredJson(
    [property: JsonPropertyName("file")] string File,
    [property: JsonPropertyName("database")] string Database,
    [property: JsonPropertyName("bytes")] long Bytes,
    [property: JsonPropertyName("rows")] long Rows,
    [property: JsonPropertyName("tables")] IReadOnlyList<TableSumJson> Tables);
