using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Fangs.Cli.Hosting;

/// <summary>The log of orchestrator and runner on standard output: one line per entry, as text or as JSON.</summary>
public static class LogOutput
{
    private const string TimeForm = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <summary>Sets the log up.</summary>
    public static Action<ILoggingBuilder> In(LogFormat format) => logging =>
    {
        logging.SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning).AddFilter("System", LogLevel.Warning);
        logging.AddConsole(console => console.FormatterName = format == LogFormat.Json ? JsonLines.FormatterName : TextLines.FormatterName);
        logging.Services.AddSingleton<ConsoleFormatter>(new TextLines(TimeProvider.System));
        logging.Services.AddSingleton<ConsoleFormatter>(new JsonLines(TimeProvider.System));
    };

    /// <summary>Text: time, level, actor or class, message, ids. What others have chosen cannot act on a terminal.</summary>
    internal sealed class TextLines(TimeProvider clock) : ConsoleFormatter(FormatterName)
    {
        public const string FormatterName = "fangs-text";

        public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
        {
            var line = LogLine.Of(logEntry, scopeProvider, clock);
            var who = line.Actor ?? line.Logger[(line.Logger.LastIndexOf('.') + 1)..];
            var text = new StringBuilder();
            text.Append(line.At.UtcDateTime.ToString(TimeForm, CultureInfo.InvariantCulture)).Append(' ').Append(line.Level.PadRight(5)).Append(' ')
                .Append(TerminalText.Escape(who)).Append(": ").Append(TerminalText.Escape(line.Message));
            // What the line shows anyway is not said twice.
            AppendId(text, "run", line.Run);
            AppendId(text, "runner", line.Runner);
            textWriter.WriteLine(text);
            if (line.Error is null) return;
            foreach (var part in line.Error.ToString().Split('\n')) textWriter.WriteLine("    " + TerminalText.Escape(part.TrimEnd('\r')));
        }

        private static void AppendId(StringBuilder text, string name, string? id)
        {
            if (id is null || text.ToString().Contains(id, StringComparison.Ordinal)) return;
            text.Append(' ').Append(name).Append('=').Append(TerminalText.Escape(id));
        }
    }

    /// <summary>JSON: the same parts as members, and the named values of the message.</summary>
    internal sealed class JsonLines(TimeProvider clock) : ConsoleFormatter(FormatterName)
    {
        public const string FormatterName = "fangs-json";

        private static readonly JsonWriterOptions Options = new() { Encoder = TerminalText.Json };

        public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
        {
            var line = LogLine.Of(logEntry, scopeProvider, clock);
            var buffer = new ArrayBufferWriter<byte>(512);
            using (var json = new Utf8JsonWriter(buffer, Options))
            {
                json.WriteStartObject();
                json.WriteString("time", line.At.UtcDateTime.ToString(TimeForm, CultureInfo.InvariantCulture));
                json.WriteString("level", line.Level);
                json.WriteString("logger", line.Logger);
                if (line.Actor is not null) json.WriteString("actor", line.Actor);
                if (line.Run is not null) json.WriteString("run_id", line.Run);
                if (line.Runner is not null) json.WriteString("runner_id", line.Runner);
                json.WriteString("message", line.Message);
                if (line.Error is not null) json.WriteString("exception", line.Error.ToString());
                if (line.Values.Count > 0) WriteValues(json, line.Values);
                json.WriteEndObject();
            }

            textWriter.WriteLine(Encoding.UTF8.GetString(buffer.WrittenSpan));
        }

        private static void WriteValues(Utf8JsonWriter json, IReadOnlyList<KeyValuePair<string, object?>> values)
        {
            json.WriteStartObject("values");
            foreach (var (name, value) in values)
            {
                switch (value)
                {
                    case null:
                        json.WriteNull(name);
                        break;
                    case bool truth:
                        json.WriteBoolean(name, truth);
                        break;
                    case int or long or uint or ushort or short or byte:
                        json.WriteNumber(name, Convert.ToInt64(value, CultureInfo.InvariantCulture));
                        break;
                    case ulong number:
                        json.WriteNumber(name, number);
                        break;
                    case double number when double.IsFinite(number):
                        json.WriteNumber(name, number);
                        break;
                    default:
                        json.WriteString(name, Convert.ToString(value, CultureInfo.InvariantCulture));
                        break;
                }
            }

            json.WriteEndObject();
        }
    }
}
