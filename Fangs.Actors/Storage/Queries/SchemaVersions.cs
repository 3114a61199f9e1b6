namespace Fangs.Actors.Storage.Queries;

/// <summary>Which schema versions this build knows, and how they compare with those that a database records.</summary>
public static class SchemaVersions
{
    private const string ResourcePrefix = "migrations/sqlite/";

    /// <summary>The version of upstream that adds targets of alerts and the log of deliveries.</summary>
    public const string Notifiers = "0002_notifiers";

    /// <summary>The version of upstream that adds what the result of a run says.</summary>
    public const string Results = "0003_run_result";

    /// <summary>The version of upstream that adds the allow list.</summary>
    public const string AllowList = "0004_allowlists";

    /// <summary>The version that adds batches, counts and history; databases made by upstream stop before it.</summary>
    public const string Ingest = "0005_ingest";

    /// <summary>The version that adds verdicts and the decisions of operators.</summary>
    public const string Verdicts = "0006_verdicts";

    /// <summary>Versions embedded in this build, oldest first.</summary>
    public static IReadOnlyList<string> Known { get; } =
    [
        .. typeof(SchemaVersions).Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(ResourcePrefix, StringComparison.Ordinal))
            .Select(NameOf)
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>The bare version of a recorded script name: without folder and without file extension.</summary>
    public static string NameOf(string recorded)
    {
        ArgumentNullException.ThrowIfNull(recorded);
        var start = recorded.LastIndexOf('/') + 1;
        var name = recorded[start..];
        return name.EndsWith(".sql", StringComparison.Ordinal) ? name[..^4] : name;
    }

    /// <summary>The newest recorded version if this build does not know it; null when all is known.</summary>
    public static string? NewerThanKnown(IEnumerable<string> recorded)
    {
        var newest = recorded.Select(NameOf).Max(StringComparer.Ordinal);
        return newest is not null && string.CompareOrdinal(newest, Known[^1]) > 0 ? newest : null;
    }
}
