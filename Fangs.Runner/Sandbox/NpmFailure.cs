namespace Fangs.Runner.Sandbox;

/// <summary>Says in npm's words why an installation failed.</summary>
internal static class NpmFailure
{
    private const int MaxLines = 6;
    private const int MaxCharacters = 600;
    private const int Signals = 128; // the shell's status for "killed by signal n" is this plus n
    private static readonly string[] Prefixes = ["npm error ", "npm ERR! "];

    /// <summary>The sentence for operators.</summary>
    /// <param name="exitCode">npm's exit status.</param>
    /// <param name="output">The end of its output.</param>
    /// <param name="exhaustion">Which limits were hit, or empty.</param>
    internal static string Describe(int exitCode, string output, string exhaustion)
    {
        var words = output.Split('\n')
            .Select(l => (Line: l, Prefix: Prefixes.FirstOrDefault(p => l.StartsWith(p, StringComparison.Ordinal))))
            .Where(l => l.Prefix is not null)
            .Select(l => l.Line[l.Prefix!.Length..].Trim())
            .Where(l => l.Length > 0 && !l.StartsWith("A complete log", StringComparison.Ordinal))
            .Take(MaxLines);
        var quote = string.Join(" / ", words);
        if (quote.Length > MaxCharacters) quote = quote[..MaxCharacters];
        // npm says something about every end of its own.
        if (quote.Length == 0 && exitCode > Signals) quote = $"killed by signal {exitCode - Signals}";
        return $"npm install ended with status {exitCode}{(quote.Length > 0 ? ": " + quote : "")}{(exhaustion.Length > 0 ? "; " + exhaustion : "")}";
    }
}
