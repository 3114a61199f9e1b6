using System.Text;

namespace Fangs.Cli.Completion;

/// <summary>The script for bash. Needs nothing but bash itself.</summary>
internal static class BashCompletion
{
    internal static string Script(CompletionWords words)
    {
        var script = new StringBuilder(
            """
            # Completes commands and flags of fangs in bash: source <(fangs completion bash)
            _fangs() {
              local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path='' word i candidates=''
              for ((i = 1; i < COMP_CWORD; i++)); do
                word=${COMP_WORDS[i]}
                case $word in
                  -*) if _fangs_takes_value "$word" && [[ ${COMP_WORDS[i+1]-} != '=' ]]; then ((i++)); fi ;;
                  =) ((i++)) ;;
                  *) if [[ -n $path || $word != help ]]; then path=${path:+$path }$word; fi ;;
                esac
              done
              # readline takes -flag=value apart.
              if [[ $current == '=' ]]; then current=''; elif [[ $previous == '=' ]]; then previous=${COMP_WORDS[COMP_CWORD-2]}; fi
              if [[ $previous == -* ]] && _fangs_takes_value "$previous"; then
                candidates=$(_fangs_values "${previous#-}")
                if [[ -n $candidates ]]; then mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$current")
                else mapfile -t COMPREPLY < <(compgen -f -- "$current"); fi
                return
              fi
              if [[ $current == -* ]]; then candidates=$(_fangs_flags "$path"); else candidates=$(_fangs_words "$path"); fi
              mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$current")
            }


            """);
        script.Append("_fangs_takes_value() {\n  local name=${1#-}\n  case ${name#-} in\n");
        script.Append($"    {string.Join(" | ", words.ValueFlags())}) return 0 ;;\n    *) return 1 ;;\n  esac\n}}\n\n");
        Cases(script, "_fangs_values", "${1#-}", words.Values().Select(value => (value.Flag, string.Join(' ', value.Values))));
        Cases(script, "_fangs_words", "$1", words.Next().GroupBy(next => next.Path).Select(group => (group.Key, string.Join(' ', group.Select(next => next.Word)))));
        var globals = string.Join(' ', words.Flags().Where(flag => flag.Path.Length == 0).Select(flag => "-" + flag.Flag.Name).Append("-h"));
        Cases(
            script, "_fangs_flags", "$1",
            words.Flags().Where(flag => flag.Path.Length > 0).GroupBy(flag => flag.Path)
                .Select(group => (group.Key, string.Join(' ', group.Select(flag => "-" + flag.Flag.Name)))),
            $"  printf '%s ' '{globals}'\n",
            isPrefix: true);
        return script.Append("complete -F _fangs fangs\n").ToString();
    }

    // With arguments behind it the path of a command is only the beginning of the words.
    private static void Cases(
        StringBuilder script, string name, string subject, IEnumerable<(string Case, string Words)> cases, string first = "", bool isPrefix = false)
    {
        script.Append($"{name}() {{\n{first}  case {subject} in\n");
        foreach (var (pattern, text) in cases) script.Append($"    '{pattern}'{(isPrefix ? $" | '{pattern} '*" : "")}) printf '%s' '{text}' ;;\n");
        script.Append("  esac\n}\n\n");
    }
}
