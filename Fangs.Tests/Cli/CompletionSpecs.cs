using System.Diagnostics;
using Fangs.Cli;

namespace Fangs.Tests.Cli;

public sealed class CompletionSpecs : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private readonly CliFixture _cli = new();

    public void Dispose() => _cli.Dispose();

    [SkippableTheory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    public async Task A_script_is_sound(string shell)
    {
        var script = await ScriptAsync(shell);
        Skip.IfNot(IsInstalled(shell), $"{shell} is not installed");
        Assert.Equal((0, ""), await ShellAsync(shell, "-n", script));
    }

    [Theory]
    [InlineData("bash")]
    [InlineData("zsh")]
    [InlineData("fish")]
    public async Task A_script_knows_every_command_and_flag(string shell)
    {
        var script = await File.ReadAllTextAsync(await ScriptAsync(shell));
        foreach (var spec in CommandTable.Entries.Select(entry => entry.Spec))
        {
            foreach (var word in spec.Aliases.Prepend(spec.Path).SelectMany(path => path.Split(' '))) Assert.Contains(word, script);
            foreach (var flag in spec.Flags) Assert.Contains(shell == "fish" ? $"-o {flag.Name}" : $"-{flag.Name}", script);
        }
    }

    [Theory]
    [InlineData("fangs ba", "baseline")]
    [InlineData("fangs baseline |", "list promote demote")]
    [InlineData("fangs baseline pr", "promote")]
    [InlineData("fangs -json baseline pr", "promote")]
    [InlineData("fangs -sqlite-path x.db al", "allow")]
    [InlineData("fangs -sqlite-path = x.db al", "allow")]
    [InlineData("fangs help pac", "package")]
    [InlineData("fangs package r", "remove rm")]
    [InlineData("fangs deviation list -sev", "-severity")]
    [InlineData("fangs allow rm abcd -dr", "-dry-run")]
    [InlineData("fangs deviation list -severity cr", "crit critical")]
    [InlineData("fangs deviation list -severity = cr", "crit critical")]
    [InlineData("fangs deviation list -severity =", "info low warn medium high crit critical")]
    [InlineData("fangs completion z", "zsh")]
    [InlineData("fangs run list -j", "-json")]
    [InlineData("fangs nothing |", "")]
    public async Task Bash_completes_what_can_follow(string line, string expected)
    {
        // The words as readline splits them: | stands for an empty last word, = is a word of its own.
        var script = await ScriptAsync("bash");
        var words = string.Join(' ', line.Split(' ').Select(word => word == "|" ? "''" : $"'{word}'"));
        var program = $"source '{script}'; COMP_WORDS=({words}); COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )); _fangs; echo \"${{COMPREPLY[*]}}\"";
        Assert.Equal((0, expected), await ShellAsync("bash", "-c", program));
    }

    [Fact]
    public async Task Another_shell_is_a_usage_error() => Assert.Equal(2, (await _cli.RunPlainAsync("completion", "tcsh")).ExitCode);

    private async Task<string> ScriptAsync(string shell)
    {
        var result = await _cli.RunPlainAsync("completion", shell);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        var file = Path.Combine(_cli.Folder, "completion." + shell);
        await File.WriteAllTextAsync(file, result.Out);
        return file;
    }

    private static bool IsInstalled(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(directory => File.Exists(Path.Combine(directory, program)));

    private static async Task<(int ExitCode, string Output)> ShellAsync(string shell, params string[] arguments)
    {
        using var limit = new CancellationTokenSource(Limit);
        using var process = Process.Start(new ProcessStartInfo(shell, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, (output + await errors).Trim());
    }
}
