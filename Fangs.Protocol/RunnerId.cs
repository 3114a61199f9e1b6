using System.Diagnostics.CodeAnalysis;

namespace Fangs.Protocol;

/// <summary>The name under which a runner registers. Chosen by the runner, by default its host name.</summary>
/// <param name="Value">The name as sent, neither escaped nor changed in case.</param>
public readonly record struct RunnerId(string Value)
{
    /// <summary>Longest accepted name in characters.</summary>
    public const int MaxLength = 253;

    /// <summary>The target that any eligible runner may serve.</summary>
    public static readonly RunnerId Any = new("*");

    /// <summary>Checks a name: 1 to 253 characters, no control characters, not the wildcard.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out RunnerId id)
    {
        id = default;
        if (string.IsNullOrEmpty(text) || text.Length > MaxLength || text == Any.Value || text.Any(char.IsControl)) return false;
        id = new RunnerId(text);
        return true;
    }

    /// <summary>The name itself.</summary>
    public override string ToString() => Value;
}
