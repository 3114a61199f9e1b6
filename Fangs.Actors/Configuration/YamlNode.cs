namespace Fangs.Actors.Configuration;

/// <summary>A value of a YAML file with its place.</summary>
/// <param name="Line">Line, counted from 1.</param>
/// <param name="Column">Column, counted from 1.</param>
internal abstract record YamlNode(int Line, int Column)
{
    /// <summary>False for what was still open when the text broke off: more may have been meant.</summary>
    public bool IsComplete { get; set; } = true;

    /// <summary>What it is, for messages.</summary>
    public abstract string Kind { get; }
}

/// <summary>A single value.</summary>
internal sealed record YamlScalar(string Value, bool IsPlain, int Line, int Column) : YamlNode(Line, Column)
{
    /// <summary>Whether it stands for no value.</summary>
    public bool IsNull => IsPlain && Value is "" or "~" or "null" or "Null" or "NULL";

    /// <summary>Its truth value, or null when it is none. Only YAML 1.2's words: others, such as yes and off, are texts.</summary>
    public bool? Boolean => !IsPlain ? null : Value switch
    {
        "true" or "True" or "TRUE" => true,
        "false" or "False" or "FALSE" => false,
        _ => null,
    };

    /// <summary>Whether YAML takes it for a number.</summary>
    public bool IsNumber => IsPlain && Value.Length > 0 && (char.IsAsciiDigit(Value[0]) || Value[0] is '-' or '+' or '.')
        && (double.TryParse(Value, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out _)
            || Value.StartsWith("0x", StringComparison.Ordinal) || Value.StartsWith("0o", StringComparison.Ordinal));

    public override string Kind => IsNull ? "nothing" : Boolean is not null ? "a truth value" : IsNumber ? "a number" : "a text";
}

/// <summary>A list.</summary>
internal sealed record YamlList(int Line, int Column) : YamlNode(Line, Column)
{
    public List<YamlNode> Items { get; } = [];

    public override string Kind => "a list";
}

/// <summary>Keys with values, in the order of the file, duplicates included.</summary>
internal sealed record YamlMap(int Line, int Column) : YamlNode(Line, Column)
{
    public List<(YamlScalar Key, YamlNode Value)> Entries { get; } = [];

    public override string Kind => "a mapping";
}
