using System.Text.RegularExpressions;

namespace Fangs.Actors.Analysis;

/// <summary>One rewriting of paths. Rules are data: they have ids, are listed for operators, and belong to a version.</summary>
/// <param name="Id">Stable short name.</param>
/// <param name="Meaning">What varies from run to run without meaning anything.</param>
/// <param name="Pattern">Regular expression, case-sensitive. <c>\z</c> is the end; <c>$</c> would also match before a final newline.</param>
/// <param name="Replacement">What to put in its place.</param>
/// <param name="Needs">A text that every matching path holds, checked first because that is much cheaper.</param>
public sealed record NormalisationRule(string Id, string Meaning, string Pattern, string Replacement, string Needs)
{
    // Paths are chosen by attackers, so the engine must be linear.
    private readonly Lazy<Regex> _regex = new(() => new Regex(Pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant));

    /// <summary>The compiled pattern.</summary>
    internal Regex Regex => _regex.Value;

    /// <summary>Rewrites a path as often as the rule matches. Returns the same object when it does not.</summary>
    public string Apply(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        while (path.Contains(Needs, StringComparison.Ordinal))
        {
            // Neighbouring components share the slash between them, so one round can miss the second of two.
            var rewritten = Regex.Replace(path, Replacement);
            if (rewritten == path) break;
            path = rewritten;
        }

        return path;
    }
}
