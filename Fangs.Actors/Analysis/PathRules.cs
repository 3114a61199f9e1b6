namespace Fangs.Actors.Analysis;

/// <summary>Makes paths of different runs comparable: process ids, random names, dates and digests become placeholders.</summary>
public static class PathRules
{
    /// <summary>Version of everything that decides which fingerprints events yield. Raised with each change; stored baselines then have to be rewritten.</summary>
    public const int Version = 1;

    // mkdtemp and mkstemp draw from letters of both cases and digits. A name of six lower-case letters is far more likely a word, and
    // words must stay visible: loader, config, stager.
    private const string Random6 =
        "(?:[A-Z0-9][A-Za-z0-9]{5}|[a-z][A-Z0-9][A-Za-z0-9]{4}|[a-z]{2}[A-Z0-9][A-Za-z0-9]{3}"
        + "|[a-z]{3}[A-Z0-9][A-Za-z0-9]{2}|[a-z]{4}[A-Z0-9][A-Za-z0-9]|[a-z]{5}[A-Z0-9])";

    private const string OwnProc = "(?:self|thread-self|<PID>)";

    /// <summary>The rules in the order in which they apply, each to the output of the one before.</summary>
    public static IReadOnlyList<NormalisationRule> All { get; } =
    [
        new("proc-pid", "process id directly below /proc", @"^/proc/[0-9]+(/|\z)", "/proc/<PID>$1", "/proc/"),
        new("proc-tid", "thread id of a process", $@"^(/proc/{OwnProc})/task/[0-9]+(/|\z)", "$1/task/<TID>$2", "/task/"),
        new("proc-fd", "open file of a process", $@"^(/proc/{OwnProc}(?:/task/<TID>)?/(?:fd|fdinfo))/[0-9]+(/|\z)", "$1/<FD>$2", "/fd"),
        new("uuid", "UUID", "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", "<UUID>", "-"),
        new("tmp-cc", "compiler temporary", @"^/tmp/cc[A-Za-z0-9]{6}(\z|[./-])", "/tmp/cc<RAND>$1", "/tmp/cc"),
        new("tmp-python", "Python temporary", @"^((?:/var)?/tmp)/tmp[a-z0-9_]{8}(\z|[./])", "$1/tmp<RAND>$2", "/tmp/tmp"),
        new("tmp-mktemp", "mktemp temporary", @"^((?:/var)?/tmp)/tmp\.[A-Za-z0-9]{10}(\z|[./])", "$1/tmp.<RAND>$2", "/tmp/tmp."),
        new("tmp-digits", "first component below /tmp with a dash and at least 3 digits",
            "^/tmp/([a-zA-Z0-9._-]*?)-[0-9]{3,}[a-zA-Z0-9._-]*", "/tmp/$1-<RAND>", "/tmp/"),
        new("tmp-mkdtemp", "mkdtemp suffix below /tmp", $@"^((?:/var)?/tmp/[A-Za-z0-9._-]*?[-_]){Random6}(\z|[./])", "$1<RAND>$2", "/tmp/"),
        new("npm-debug-log", "npm debug log", @"/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9_]+Z-debug-[0-9]+\.log\z", "/<TIMESTAMP>-debug-<N>.log", "-debug-"),
        new("npm-log", "other file of npm's log directory", "/_logs/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9_]+Z", "/_logs/<TIMESTAMP>", "/_logs/"),
        new("date-file", "file named by an ISO date", @"/[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[a-zA-Z]+)\z", "/<DATE>$1", "-"),
        new("npm-cache-content", "npm cache content",
            "(/\\.npm/_cacache/[^/]+/[a-zA-Z0-9]+)/[a-f0-9]{2}/[a-f0-9]{2}/[a-f0-9]+", "$1/<SHA256>", "/.npm/_cacache/"),
        new("npm-cache-index", "npm cache index",
            "(/\\.npm/_cacache/index-[^/]+)/[a-f0-9]{2}/[a-f0-9]{2}/[a-f0-9]+", "$1/<HASH>", "/.npm/_cacache/index-"),
        new("npm-cache-mkdtemp", "npm cache staging made by mkdtemp",
            @"(/\.npm/_cacache/tmp/(?:git-clone)?)[A-Za-z0-9]{6}(/|\z)", "$1<HEX>$2", "/.npm/_cacache/tmp/"),
        new("npm-cache-tmp", "npm cache staging", @"(/\.npm/_cacache/tmp)/[a-f0-9]+", "$1/<HEX>", "/.npm/_cacache/tmp/"),
        new("npm-update-stamp", "stamp of the update notifier", @"/_update-notifier-last-checked[^/]+\z",
            "/_update-notifier-last-checked", "/_update-notifier-last-checked"),
        new("npm-rename", "directory that npm renames before it replaces it",
            @"(/node_modules/(?:@[^/]+/)?\.[A-Za-z0-9._-]+)-[A-Za-z0-9]{8}(/|\z)", "$1-<RAND>$2", "/node_modules/"),
        new("ar-temporary", "temporary of ar in a build directory", $@"(/build/(?:[^/]+/)*st){Random6}\z", "$1<RAND>", "/build/"),
        new("pyc-temporary", "compiled Python module being written", @"\.pyc\.[0-9]+\z", ".pyc.<N>", ".pyc."),
        new("hex-component", "component of at least 12 hex digits", @"/[a-f0-9]{12,}(/|\z)", "/<HEX>$1", "/"),
        new("hex-name", "file named by at least 16 hex digits", @"/[a-f0-9]{16,}\.", "/<HEX>.", "/"),
        new("package-files", "file of an installed package",
            @"^((?:/tmp/test|/scan|/work)/node_modules/(?:@[^/]+/)?(?:[^/@.][^/]*|\.[A-Za-z0-9._-]+-<RAND>))(?:/.*)?\z", "$1/**", "/node_modules/"),
    ];

    /// <summary>Resolves a path lexically, writes a newline as U+240A, and applies all rules. Doing it again changes nothing.</summary>
    /// <param name="path">An absolute path, or a relative one, which then begins with <c>&lt;DFD&gt;/</c>.</param>
    public static string Normalise(string path)
    {
        // The non-backtracking engine of .NET 10 loses the groups of a match that takes in a final newline: "/work/node_modules/x\n" would
        // become "/**", one value for whatever a package likes to hide. And no pattern has to think of newlines.
        path = LexicalPath.Resolve(path).Replace('\n', '\u240a');
        foreach (var rule in All) path = rule.Apply(path);
        return path;
    }
}
