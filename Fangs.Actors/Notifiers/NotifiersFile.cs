using System.Text;
using System.Text.Json;

namespace Fangs.Actors.Notifiers;

/// <summary>Something wrong in a notifiers file.</summary>
/// <param name="Line">Line, counted from 1.</param>
/// <param name="Field">Where, such as <c>[1].url</c>; empty for the file as a whole.</param>
/// <param name="Remedy">What is wrong and what to write instead. Never a value of the file: addresses and headers are secrets.</param>
public sealed record NotifiersFileError(int Line, string Field, string Remedy)
{
    /// <inheritdoc/>
    public override string ToString() => Field.Length > 0 ? $"{Line}: {Field}: {Remedy}" : $"{Line}: {Remedy}";
}

/// <summary>Reads the file of targets: a JSON array of them, or an object with the key <c>notifiers</c>. Strict, and pure: content in, targets or errors out.</summary>
public ref struct NotifiersFile
{
    /// <summary>Longest file that is read, in bytes.</summary>
    public const int MaxBytes = 256 * 1024;

    private const string Fields = "name, url, template, secret_env, headers, min_severity, enabled";

    private readonly ReadOnlySpan<byte> _content;
    private readonly List<NotifierTarget> _targets = [];
    private readonly List<NotifiersFileError> _errors = [];
    private readonly Dictionary<string, int> _names = new(StringComparer.Ordinal);
    private Utf8JsonReader _reader;

    private NotifiersFile(ReadOnlySpan<byte> content)
    {
        _content = content;
        _reader = new Utf8JsonReader(content, new JsonReaderOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
    }

    /// <summary>Reads the content of a file.</summary>
    /// <param name="content">The bytes; more than <see cref="MaxBytes"/> are refused.</param>
    /// <returns>The targets, or what is wrong.</returns>
    public static (IReadOnlyList<NotifierTarget> Targets, IReadOnlyList<NotifiersFileError> Errors) Parse(ReadOnlySpan<byte> content)
    {
        if (content.Length > MaxBytes) return ([], [new(1, "", $"longer than {MaxBytes / 1024} KiB; is this the right file?")]);
        if (content.StartsWith(Encoding.UTF8.Preamble)) content = content[Encoding.UTF8.Preamble.Length..];
        if (content.Trim(" \t\r\n"u8).IsEmpty) return ([], [new(1, "", "the file is empty; write [] for no targets")]);
        var file = new NotifiersFile(content);
        try
        {
            file.Read();
        }
        catch (JsonException e)
        {
            file._errors.Add(new((int)(e.LineNumber ?? 0) + 1, "", $"this is not JSON (byte {(e.BytePositionInLine ?? 0) + 1} of the line)"));
        }
        catch (InvalidOperationException)
        {
            // Utf8JsonReader's way to say that a text is not valid UTF-8.
            file._errors.Add(new(file.Line, "", "this is not valid UTF-8"));
        }

        return file._errors.Count > 0 ? ([], file._errors) : (file._targets, []);
    }

    private readonly int Line => _content[..(int)_reader.TokenStartIndex].Count((byte)'\n') + 1;

    private void Read()
    {
        _reader.Read();
        if (_reader.TokenType == JsonTokenType.StartObject)
        {
            var isFound = false;
            while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
            {
                if (_reader.ValueTextEquals("notifiers") && !isFound)
                {
                    isFound = true;
                    _reader.Read();
                    Targets("notifiers");
                    continue;
                }

                Fault("", "expected the key notifiers once, and no other");
                _reader.Read();
                _reader.Skip();
            }

            if (!isFound && _errors.Count == 0) Fault("", "expected a list of targets, or an object with the key notifiers");
        }
        else
        {
            Targets("");
        }

        _reader.Read(); // whatever follows is an error of the reader's
    }

    private void Targets(string field)
    {
        if (_reader.TokenType != JsonTokenType.StartArray)
        {
            Fault(field, "expected a list of targets");
            _reader.Skip();
            return;
        }

        for (var i = 0; _reader.Read() && _reader.TokenType != JsonTokenType.EndArray; i++)
        {
            if (_reader.TokenType == JsonTokenType.StartObject) Target($"{field}[{i}]");
            else SkipFault($"{field}[{i}]", "expected an object");
        }
    }

    private void Target(string field)
    {
        var (line, errors) = (Line, _errors.Count);
        string? name = null, url = null, template = null, secretEnv = null, minSeverity = null, headers = null;
        var secretLine = line;
        var enabled = true;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = _reader.GetString()!;
            var place = $"{field}.{ChatText.Cut(ChatText.Line(key), 60)}";
            if (!seen.Add(key)) Fault(place, "stands there already; remove one");
            _reader.Read();
            switch (key)
            {
                case "name":
                    name = Text(place, NotifierRules.CheckName);
                    break;
                case "url":
                    url = Text(place, NotifierRules.CheckUrl);
                    break;
                case "template":
                    template = Text(place, NotifierRules.CheckTemplate);
                    break;
                case "secret_env":
                    (secretEnv, secretLine) = (Text(place, _ => null), Line);
                    break;
                case "min_severity":
                    minSeverity = NotifierRules.StoredSeverity(Text(place, word => word.Length == 0 ? null : NotifierRules.CheckMinSeverity(word)));
                    break;
                case "headers":
                    headers = Headers(place);
                    break;
                case "enabled":
                    if (_reader.TokenType is JsonTokenType.True or JsonTokenType.False) enabled = _reader.GetBoolean();
                    else SkipFault(place, "expected true or false");
                    break;
                default:
                    SkipFault(place, $"unknown key; expected {Fields}");
                    break;
            }
        }

        foreach (var required in new[] { "name", "url", "template" })
            if (!seen.Contains(required)) _errors.Add(new(line, $"{field}.{required}", "is required"));
        if (!string.IsNullOrEmpty(secretEnv) && template is not null && NotifierRules.CheckSecretEnv(secretEnv, template) is { } fault)
            _errors.Add(new(secretLine, $"{field}.secret_env", fault));
        if (name is not null && !_names.TryAdd(name, line)) _errors.Add(new(line, $"{field}.name", $"the target of line {_names[name]} has that name already"));
        if (_errors.Count == errors) _targets.Add(new NotifierTarget(name!, url!, template!, string.IsNullOrEmpty(secretEnv) ? null : secretEnv, headers, minSeverity, enabled));
    }

    private string? Headers(string field)
    {
        if (_reader.TokenType == JsonTokenType.Null) return null;
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            SkipFault(field, "expected an object of texts");
            return null;
        }

        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (_reader.Read() && _reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = _reader.GetString()!;
            var place = $"{field}.{ChatText.Cut(ChatText.Line(name), 60)}";
            _reader.Read();
            if (Text(place, value => NotifierRules.CheckHeader(name, value)) is { } value && !headers.TryAdd(name, value)) Fault(place, "stands there already; remove one");
        }

        return NotifierRules.StoredHeaders(headers);
    }

    private string? Text(string field, Func<string, string?> check)
    {
        if (_reader.TokenType == JsonTokenType.Null && field.EndsWith("secret_env", StringComparison.Ordinal)) return null;
        if (_reader.TokenType == JsonTokenType.Null && field.EndsWith("min_severity", StringComparison.Ordinal)) return null;
        if (_reader.TokenType != JsonTokenType.String)
        {
            SkipFault(field, "expected a text");
            return null;
        }

        var text = _reader.GetString()!;
        if (check(text) is not { } fault) return text;
        Fault(field, fault);
        return null;
    }

    private void SkipFault(string field, string remedy)
    {
        Fault(field, remedy);
        _reader.Skip();
    }

    private readonly void Fault(string field, string remedy) => _errors.Add(new(Line, field, remedy));
}
