using Fangs.Cli.Arguments;

namespace Fangs.Cli.Hosting;

/// <summary>How log lines look.</summary>
public enum LogFormat
{
    /// <summary>One line of text for people.</summary>
    Console,

    /// <summary>One JSON object per line for machines.</summary>
    Json,
}

/// <summary>The flags of observation that orchestrator and runner share.</summary>
public static class ObservationFlags
{
    /// <summary>Name of the flag for the format of the log.</summary>
    public const string LogFormatFlag = "log-format";

    /// <summary>Name of the flag for the receiver of traces.</summary>
    public const string OtlpFlag = "otlp-endpoint";

    /// <summary>Variable that stands in for <see cref="OtlpFlag"/>.</summary>
    public const string OtlpVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>What they are.</summary>
    public static IReadOnlyList<FlagSpec> All { get; } = CommandSpec.Unbound(
        new(LogFormatFlag, FlagKind.Text, "console", "console or json"),
        new(OtlpFlag, FlagKind.Text, "", $"OTLP receiver of traces, such as http://127.0.0.1:4318; by default {OtlpVariable}, else none"));

    /// <summary>Reads the format of the log.</summary>
    /// <exception cref="UsageException">It is not one.</exception>
    public static LogFormat LogFormatOf(CommandLine line)
    {
        ArgumentNullException.ThrowIfNull(line);
        return line.Text(LogFormatFlag) switch
        {
            "console" => LogFormat.Console,
            "json" => LogFormat.Json,
            var other => throw new UsageException($"-{LogFormatFlag} {other}: expected console or json"),
        };
    }

    /// <summary>Reads the receiver of traces; null for none.</summary>
    /// <exception cref="UsageException">It is not an address.</exception>
    public static Uri? OtlpOf(Invocation call)
    {
        ArgumentNullException.ThrowIfNull(call);
        var (text, source) = call.Line.Text(OtlpFlag) is { Length: > 0 } flag ? (flag, "-" + OtlpFlag) : (call.Environment.Variable(OtlpVariable), OtlpVariable);
        return string.IsNullOrEmpty(text) ? null : ReadReceiver(text, source);
    }

    /// <summary>Reads the address of a receiver.</summary>
    /// <param name="text">The address.</param>
    /// <param name="source">Where it stands, for the message.</param>
    /// <exception cref="UsageException">It is none.</exception>
    public static Uri ReadReceiver(string text, string source) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps)
            ? address
            : throw new UsageException($"{source} {text}: expected an http or https address such as http://127.0.0.1:4318");
}
