using System.Text;
using Fangs.Actors.Analysis;
using Fangs.Actors.Storage.Postgres;
using Fangs.Cli;
using Fangs.Cli.Arguments;
using Fangs.Cli.Hosting;
using Fangs.Cli.Scans;
using Fangs.Protocol;

namespace Fangs.Fuzz.Targets;

/// <summary>Command lines and the values of flags and variables. The first character of the input says which.</summary>
internal static class SettingsTarget
{
    private static readonly GoStyleArguments Arguments = new([.. CommandTable.Entries.Select(entry => entry.Spec)], GlobalFlags.All);

    internal static FuzzTarget Target { get; } = new("settings", "command lines, durations, addresses, database addresses, names of packages, entries of the allow list", RunAsync);

    private static Task RunAsync(ReadOnlyMemory<byte> input)
    {
        var text = Encoding.UTF8.GetString(input.Span);
        if (text.Length == 0) return Task.CompletedTask;
        var kind = text[0];
        text = text[1..];
        try
        {
            Read(kind, text);
        }
        catch (Exception e) when (e is UsageException or CliException)
        {
            // As documented.
        }

        return Task.CompletedTask;
    }

    private static void Read(char kind, string text)
    {
        switch (kind)
        {
            case 'a':
                GlobalFlags.Check(Arguments.Parse(text.Split('\n')));
                break;
            case 'd' when GoDuration.TryParse(text, out var nanoseconds):
                FindingException.Unless(GoDuration.TryParse(GoDuration.Format(nanoseconds), out var again) && again == nanoseconds, "a duration is another one when it is written and read");
                break;
            case 'l':
                _ = ListenAddress.IsLoopback(ListenAddress.Parse(text));
                break;
            case 'p':
                Dsn(text);
                break;
            case 'n':
                _ = PackageReference.Parse(text);
                break;
            case 'r':
                FindingException.Unless(NpmRegistry.Read(text) is not { } registry || registry.AbsoluteUri.EndsWith('/'), "the address of a registry does not end in a slash");
                break;
            case 'o':
                _ = OrchestratorClient.ParseAddress(text);
                break;
            case 't':
                _ = TraceContext.TryParse(text, out _);
                break;
            case 'c':
                Allow(text);
                break;
        }
    }

    private static void Dsn(string text)
    {
        try
        {
            _ = PostgresDsn.Parse(text).ForTools;
        }
        catch (FormatException)
        {
            // As documented.
        }
    }

    // Kind and value, separated by a blank.
    private static void Allow(string text)
    {
        var parts = text.Split(' ', 2);
        var fault = AllowEntry.TryCreate(parts[0], parts.Length > 1 ? parts[1] : null, null, out var entry);
        FindingException.Unless(fault is null == entry is not null, "neither an entry nor a fault, or both");
        if (entry is null) return;
        FindingException.Unless(AllowEntry.TryCreate(entry.Kind, entry.Value, null, out var again) is null && again == entry, "a canonical entry is not canonical");
    }
}
