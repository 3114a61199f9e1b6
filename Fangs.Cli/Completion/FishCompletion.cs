using System.Text;
using Fangs.Cli.Arguments;

namespace Fangs.Cli.Completion;

/// <summary>The script for fish.</summary>
internal static class FishCompletion
{
    internal static string Script(CompletionWords words)
    {
        var script = new StringBuilder(
            """
            # Completes commands and flags of fangs in fish: fangs completion fish > ~/.config/fish/completions/fangs.fish
            function __fangs_path
              set -l path
              set -l skip 0
              for word in (commandline -opc)[2..-1]
                if test $skip = 1
                  set skip 0
                else if string match -q -- '-*=*' $word
                  continue
                else if string match -q -- '-*' $word
                  if contains -- (string trim -l -c - -- $word) $__fangs_value_flags
                    set skip 1
                  end
                else
                  set -a path $word
                end
              end
              if test "$path[1]" = help
                set -e path[1]
              end
              string join ' ' -- $path
            end
            function __fangs_at
              set -l path (__fangs_path)
              test "$path" = "$argv"
            end
            function __fangs_in
              set -l path (__fangs_path)
              string match -q -- "$argv *" "$path "
            end

            """);
        script.Append($"set -g __fangs_value_flags {string.Join(' ', words.ValueFlags())}\ncomplete -c fangs -f\n");
        foreach (var (path, word, summary) in words.Next())
            script.Append($"complete -c fangs -n {Quoted($"__fangs_at {path}".TrimEnd())} -a {word}{(summary.Length > 0 ? " -d " + Quoted(summary) : "")}\n");
        foreach (var (path, flag) in words.Flags())
        {
            var condition = path.Length == 0 ? "" : $" -n {Quoted("__fangs_in " + path)}";
            var value = flag.Kind == FlagKind.Boolean ? "" : flag.Choices.Count > 0 ? $" -x -a {Quoted(string.Join(' ', flag.Choices))}" : " -r";
            script.Append($"complete -c fangs{condition} -o {flag.Name}{value} -d {Quoted(flag.Help)}\n");
        }

        return script.ToString();
    }

    private static string Quoted(string text) =>
        $"'{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";
}
