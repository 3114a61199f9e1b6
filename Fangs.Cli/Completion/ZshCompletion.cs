using System.Text;

namespace Fangs.Cli.Completion;

/// <summary>The script for zsh: to be sourced, or to lie as <c>_fangs</c> in a directory of <c>fpath</c>.</summary>
internal static class ZshCompletion
{
    internal static string Script(CompletionWords words)
    {
        var script = new StringBuilder(
            """
            #compdef fangs
            # Completes commands and flags of fangs in zsh: source <(fangs completion zsh)
            _fangs() {
              local fangs_path='' word i
              local -a candidates
              for ((i = 2; i < CURRENT; i++)); do
                word=${words[i]}
                case $word in
                  -*=*) ;;
                  -*) if _fangs_takes_value "$word"; then ((i++)); fi ;;
                  *) if [[ -n $fangs_path || $word != help ]]; then fangs_path=${fangs_path:+$fangs_path }$word; fi ;;
                esac
              done
              if [[ ${words[CURRENT-1]} == -* && ${words[CURRENT-1]} != *=* ]] && _fangs_takes_value "${words[CURRENT-1]}"; then
                _fangs_values "${words[CURRENT-1]}"
                if (( $#candidates )); then compadd -a candidates; else _files; fi
              elif [[ ${words[CURRENT]} == -* ]]; then
                _fangs_flags "$fangs_path"
                _describe -o flag candidates
              else
                _fangs_words "$fangs_path"
                _describe command candidates
              fi
            }


            """);
        script.Append("_fangs_takes_value() {\n  case ${${1#-}#-} in\n");
        script.Append($"    {string.Join('|', words.ValueFlags())}) return 0 ;;\n    *) return 1 ;;\n  esac\n}}\n\n");
        script.Append("_fangs_values() {\n  case ${${1#-}#-} in\n");
        foreach (var (flag, values) in words.Values()) script.Append($"    {flag}) candidates=({string.Join(' ', values)}) ;;\n");
        script.Append("    *) candidates=() ;;\n  esac\n}\n\n_fangs_words() {\n  case $1 in\n");
        foreach (var group in words.Next().GroupBy(next => next.Path))
        {
            script.Append($"    '{group.Key}') candidates=(");
            foreach (var (_, word, summary) in group) script.Append($"\n      {Quoted(word, summary)}");
            script.Append(") ;;\n");
        }

        script.Append("  esac\n}\n\n_fangs_flags() {\n  candidates=(");
        foreach (var (_, flag) in words.Flags().Where(flag => flag.Path.Length == 0)) script.Append($"\n    {Quoted("-" + flag.Name, flag.Help)}");
        script.Append("\n    '-h:explain')\n  case $1 in\n");
        foreach (var group in words.Flags().Where(flag => flag.Path.Length > 0).GroupBy(flag => flag.Path))
        {
            script.Append($"    '{group.Key}'|'{group.Key} '*) candidates+=(");
            foreach (var (_, flag) in group) script.Append($"\n      {Quoted("-" + flag.Name, flag.Help)}");
            script.Append(") ;;\n");
        }

        return script.Append(
            """
              esac
            }

            if [[ ${funcstack[1]-} == _fangs ]]; then _fangs "$@"; else compdef _fangs fangs; fi

            """).ToString();
    }

    // _describe takes word:description, where a colon of the word would have to be escaped; words have none.
    private static string Quoted(string word, string description) =>
        $"'{word}{(description.Length > 0 ? ":" + description.Replace("'", "'\\''", StringComparison.Ordinal) : "")}'";
}
