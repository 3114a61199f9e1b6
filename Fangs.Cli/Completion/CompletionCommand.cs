using Cocona;
using Fangs.Cli.Arguments;

namespace Fangs.Cli.Completion;

/// <summary><c>fangs completion</c>: prints a script that completes commands and flags.</summary>
public static class CompletionCommand
{
    private static readonly string[] Shells = ["bash", "zsh", "fish"];

    /// <summary>What it takes.</summary>
    public static CommandSpec Spec { get; } = new("completion", "Print a script that completes commands and flags in a shell", [])
    {
        Arguments = ["shell"],
        Choices = Shells,
        Details = "bash:  source <(fangs completion bash)                              in ~/.bashrc\n"
            + "zsh:   source <(fangs completion zsh)                               in ~/.zshrc, behind compinit\n"
            + "fish:  fangs completion fish > ~/.config/fish/completions/fangs.fish",
        Examples = ["completion bash", "completion zsh", "completion fish"],
    };

    /// <summary>Binds it to a call.</summary>
    public static Delegate Bind(Invocation call) => ([Argument] string shell) => call.RunAsync(async () =>
    {
        var words = new CompletionWords([.. CommandTable.Entries.Select(entry => entry.Spec)], GlobalFlags.All);
        await call.Environment.Out.WriteAsync(shell switch
        {
            "bash" => BashCompletion.Script(words),
            "zsh" => ZshCompletion.Script(words),
            "fish" => FishCompletion.Script(words),
            _ => throw new UsageException($"completion {shell}: expected one of {string.Join(", ", Shells)}"),
        });
        return ExitCode.Success;
    });
}
