using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Fangs.Actors.Analysis;
using Fangs.Protocol;

namespace Fangs.Actors.Configuration;

/// <summary>Reads the configuration file of the orchestrator. Strict: what is not understood is an error, never ignored. Pure: content in, settings or errors out.</summary>
public static class ConfigurationParser
{
    /// <summary>Longest file that is read, in bytes.</summary>
    public const int MaxBytes = 256 * 1024;

    private const int MaxErrors = 200;

    /// <summary>Reads the content of a file.</summary>
    /// <param name="content">The bytes; more than <see cref="MaxBytes"/> are refused.</param>
    public static ConfigurationResult Parse(ReadOnlySpan<byte> content)
    {
        if (content.Length > MaxBytes) return Refused(1, 1, $"longer than {MaxBytes / 1024} KiB; is this the right file?");
        if (content.StartsWith(Encoding.UTF8.Preamble)) content = content[Encoding.UTF8.Preamble.Length..];
        if (FirstNotText(content) is { } offset)
        {
            var before = content[..offset];
            var lineStart = before.LastIndexOf((byte)'\n') + 1;
            return Refused(
                before.Count((byte)'\n') + 1, Encoding.UTF8.GetCharCount(before[lineStart..]) + 1,
                $"byte 0x{content[offset]:x2} is no text in UTF-8; is this the right file?");
        }

        return Parse(Encoding.UTF8.GetString(content));
    }

    /// <summary>Reads a text.</summary>
    /// <param name="text">The whole file.</param>
    public static ConfigurationResult Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var errors = new List<ConfigurationError>();
        var root = new YamlReader(errors).Read(text);
        var settings = new Binder(errors).Bind(root);
        // A stable sort: errors of one place stay in the order in which they were found.
        List<ConfigurationError> ordered = [.. errors.OrderBy(e => e.Line).ThenBy(e => e.Column)];
        if (ordered.Count > MaxErrors)
        {
            var last = ordered[MaxErrors - 1];
            var left = ordered.Count - MaxErrors;
            ordered.RemoveRange(MaxErrors, left);
            ordered.Add(last with { Field = "", Remedy = $"{left} more errors follow" });
        }

        return new ConfigurationResult(settings, ordered);
    }

    private static ConfigurationResult Refused(int line, int column, string remedy) =>
        new(new FileSettings(), [new ConfigurationError(line, column, "", remedy)]);

    // The first byte that is no UTF-8 or a control character that no text has.
    private static int? FirstNotText(ReadOnlySpan<byte> content)
    {
        for (var offset = 0; offset < content.Length;)
        {
            if (Rune.DecodeFromUtf8(content[offset..], out var rune, out var length) != System.Buffers.OperationStatus.Done) return offset;
            if (rune.Value < ' ' && rune.Value is not ('\t' or '\n' or '\r')) return offset;
            offset += length;
        }

        return null;
    }

    /// <summary>Makes settings of the tree and collects what is wrong with it.</summary>
    private sealed class Binder(List<ConfigurationError> errors)
    {
        private readonly ImmutableSortedDictionary<string, int>.Builder _lines = ImmutableSortedDictionary.CreateBuilder<string, int>(StringComparer.Ordinal);
        private readonly List<ConfiguredAllowEntry> _allow = [];
        private FileSettings _settings = new();

        public FileSettings Bind(YamlNode? root)
        {
            if (root is null or YamlScalar { IsNull: true }) return _settings;
            Map(
                root, "",
                ("watched_paths", WatchedPaths), ("allow", Allow), ("baseline", Baseline), ("limits", Limits), ("cdn", Cdn), ("sandbox", Sandbox),
                ("notifier", Notifier));
            return _settings with { Allow = _allow, Lines = _lines.ToImmutable() };
        }

        private void WatchedPaths(YamlNode node, string field)
        {
            var paths = new Dictionary<string, (WatchedPath Path, int Line)>(StringComparer.Ordinal);
            List(node, field, (item, itemField) =>
            {
                string? prefix = null;
                YamlNode? prefixNode = null;
                var isCredential = false;
                Map(
                    item, itemField,
                    ("prefix", (value, name) => (prefix, prefixNode) = (Text(value, name), value)),
                    ("cred", (value, name) => isCredential = Boolean(value, name) ?? false));
                if (prefixNode is null) Missing(item, itemField, "prefix", "an absolute path such as /etc/");
                if (prefix is null) return;
                var fault = ScanRules.CheckWatchedPrefix(prefix)
                    ?? (prefix.Any(char.IsControl) ? "must not hold control characters" : null)
                    ?? (LexicalPath.Resolve(prefix) is var plain && plain != prefix ? $"would never match, because the kernel's names are plain; write {plain}" : null)
                    ?? (paths.TryGetValue(prefix, out var first) ? $"{prefix} stands in line {first.Line} already; remove one" : null);
                if (fault is not null) Fault(prefixNode!, $"{itemField}.prefix", fault);
                else paths.Add(prefix, (new WatchedPath { Prefix = prefix, CredTagged = isCredential }, prefixNode!.Line));
            });
            if (paths.Count > ScanRules.MaxWatchedPaths) Fault(node, field, $"{paths.Count} prefixes; at most {ScanRules.MaxWatchedPaths} can be watched");
            // An empty list asks for nothing else than the default, as it does in the original.
            if (paths.Count > 0) Set(node, field, _settings with { WatchedPaths = [.. paths.Values.Select(p => p.Path)] });
        }

        private void Allow(YamlNode node, string field) => Map(
            node, field,
            ("cidrs", (list, name) => AllowEntries(list, name, AllowKind.Cidr)),
            ("snis", (list, name) => AllowEntries(list, name, AllowKind.Sni)),
            ("paths", (list, name) => AllowEntries(list, name, AllowKind.Path)),
            ("dns", (list, name) => AllowEntries(list, name, AllowKind.Dns)));

        private void AllowEntries(YamlNode node, string field, string kind)
        {
            var seen = new Dictionary<string, int>(StringComparer.Ordinal);
            List(node, field, (item, itemField) =>
            {
                string? text = null, note = "";
                YamlNode? valueNode = null;
                Map(
                    item, itemField,
                    ("value", (value, name) => (text, valueNode) = (Text(value, name), value)),
                    ("note", (value, name) => note = Note(value, name)));
                if (valueNode is null) Missing(item, itemField, "value", "what to allow");
                if (text is null || note is null) return;
                if (AllowEntry.TryCreate(kind, text, null, out var entry) is { } fault)
                    Fault(valueNode!, $"{itemField}.value", fault.StartsWith("value: ", StringComparison.Ordinal) ? fault["value: ".Length..] : fault);
                else if (!seen.TryAdd(entry!.Value, valueNode!.Line))
                    Fault(valueNode, $"{itemField}.value", $"{entry.Value} stands in line {seen[entry.Value]} already; remove one");
                else
                    _allow.Add(new ConfiguredAllowEntry(entry, note));
            });
            if (seen.Count > 0) _lines[field] = node.Line;
        }

        private string? Note(YamlNode node, string field)
        {
            const int MaxLength = 500;
            var note = Text(node, field);
            if (note is null) return null;
            if (note.Length > MaxLength || note.Any(char.IsControl))
            {
                Fault(node, field, $"must be one line of at most {MaxLength} characters");
                return null;
            }

            return note;
        }

        private void Baseline(YamlNode node, string field) => Map(
            node, field,
            ("min_runs", (value, name) => Number(value, name, 1, 20, number => _settings with { MinRuns = number })));

        private void Limits(YamlNode node, string field) => Map(
            node, field,
            ("max_events_per_run", (value, name) => Number(value, name, 1_000, 10_000_000, number => _settings with { MaxEventsPerRun = number })),
            ("max_job_duration", (value, name) => Duration(value, name, TimeSpan.FromSeconds(10), TimeSpan.FromHours(24), time => _settings with { MaxJobDuration = time })),
            ("stream_idle_timeout", (value, name) => Duration(value, name, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), time => _settings with { StreamIdleTimeout = time })),
            ("result_slack", (value, name) => Duration(value, name, TimeSpan.FromSeconds(10), TimeSpan.FromHours(1), time => _settings with { ResultSlack = time })));

        private void Cdn(YamlNode node, string field) => Map(node, field, ("enabled", CdnEnabled), ("extra", CdnExtra));

        private void CdnEnabled(YamlNode node, string field)
        {
            if (Boolean(node, field) is { } enabled) Set(node, field, _settings with { CdnEnabled = enabled });
        }

        private void CdnExtra(YamlNode node, string field)
        {
            var ranges = new Dictionary<string, int>(StringComparer.Ordinal);
            List(node, field, (item, itemField) =>
            {
                if (Text(item, itemField) is not { } text) return;
                if (AllowEntry.TryCreate(AllowKind.Cidr, text, null, out var entry) is { } fault) Fault(item, itemField, fault["value: ".Length..]);
                else if (!ranges.TryAdd(entry!.Value, item.Line)) Fault(item, itemField, $"{entry.Value} stands in line {ranges[entry.Value]} already; remove one");
            });
            if (ranges.Count > 0) Set(node, field, _settings with { CdnExtra = [.. ranges.Keys] });
        }

        private void Sandbox(YamlNode node, string field) => Map(node, field, ("import_phase", ImportPhase), ("layout", Layout));

        private void ImportPhase(YamlNode node, string field)
        {
            if (Boolean(node, field) is not { } wanted) return;
            if (!wanted) Fault(node, field, "this version always loads what it has installed; write true or remove the line");
            else Set(node, field, _settings with { ImportPhase = true });
        }

        private void Notifier(YamlNode node, string field) => Map(node, field, ("allow_private", (value, name) =>
        {
            if (Boolean(value, name) is { } allowed) Set(value, name, _settings with { AllowPrivateNotifiers = allowed });
        }
        ));

        private void Layout(YamlNode node, string field)
        {
            if (Text(node, field) is not { } layout) return;
            if (layout is "compat" or "scan") Fault(node, field, $"this version does not have the layout {layout}; write work or remove the line");
            else if (layout != "work") Fault(node, field, "expected work");
            else Set(node, field, _settings with { SandboxLayout = layout });
        }

        // The primitives: each reports what is wrong and yields null or nothing then.

        private void Map(YamlNode node, string field, params (string Key, Action<YamlNode, string> Read)[] keys)
        {
            if (node is YamlScalar { IsNull: true }) return; // a section whose lines are all commented out
            if (node is not YamlMap map)
            {
                Fault(node, field, $"expected a mapping with {Words(keys.Select(k => k.Key))}, found {node.Kind}");
                return;
            }

            var seen = new Dictionary<string, int>(StringComparer.Ordinal);
            foreach (var (key, value) in map.Entries)
            {
                var name = field.Length > 0 ? $"{field}.{key.Value}" : key.Value;
                if (!seen.TryAdd(key.Value, key.Line)) Fault(key, name, $"stands in line {seen[key.Value]} already; remove one");
                else if (keys.FirstOrDefault(k => k.Key == key.Value).Read is { } read) read(value, name);
                else Fault(key, name, $"unknown key; expected {Words(keys.Select(k => k.Key))}");
            }
        }

        private void List(YamlNode node, string field, Action<YamlNode, string> read)
        {
            if (node is YamlScalar { IsNull: true }) return;
            if (node is YamlList list)
            {
                for (var i = 0; i < list.Items.Count; i++) read(list.Items[i], $"{field}[{i}]");
            }
            else
            {
                Fault(node, field, $"expected a list, found {node.Kind}");
            }
        }

        private string? Text(YamlNode node, string field)
        {
            if (node is YamlScalar { IsNull: false, IsNumber: false, Boolean: null } scalar) return scalar.Value;
            if (node.IsComplete) Fault(node, field, node is YamlScalar { IsNull: false } ? $"expected a text, found {node.Kind}; put it in quotes" : $"expected a text, found {node.Kind}");
            return null;
        }

        private bool? Boolean(YamlNode node, string field)
        {
            if (node is YamlScalar { Boolean: { } value }) return value;
            if (node.IsComplete) Fault(node, field, $"expected true or false, found {node.Kind}");
            return null;
        }

        private void Number(YamlNode node, string field, int least, int most, Func<int, FileSettings> set)
        {
            if (!node.IsComplete) return;
            if (node is YamlScalar { IsPlain: true } scalar && int.TryParse(scalar.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                && number >= least && number <= most)
                Set(node, field, set(number));
            else
                Fault(node, field, $"expected a whole number from {least} to {most}");
        }

        private void Duration(YamlNode node, string field, TimeSpan least, TimeSpan most, Func<TimeSpan, FileSettings> set)
        {
            if (!node.IsComplete) return;
            if (node is YamlScalar scalar && GoDuration.TryParse(scalar.Value, out var nanoseconds) && TimeSpan.FromTicks(nanoseconds / 100) is var time
                && time >= least && time <= most)
                Set(node, field, set(time));
            else
                Fault(node, field, $"expected a duration from {Word(least)} to {Word(most)}, such as 90s or 1h30m");

            static string Word(TimeSpan time) => GoDuration.Format(time.Ticks * 100);
        }

        private void Set(YamlNode node, string field, FileSettings settings)
        {
            _settings = settings;
            _lines[field] = node.Line;
        }

        private void Missing(YamlNode node, string field, string key, string what)
        {
            if (node is YamlMap { IsComplete: true } or YamlScalar { IsNull: true, IsComplete: true }) Fault(node, field, $"{key} is required: {what}");
        }

        private void Fault(YamlNode node, string field, string remedy) => errors.Add(new ConfigurationError(node.Line, node.Column, field, remedy));

        private static string Words(IEnumerable<string> keys) => string.Join(", ", keys);
    }
}
