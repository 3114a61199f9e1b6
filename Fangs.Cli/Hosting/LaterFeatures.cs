using Fangs.Cli.Arguments;

namespace Fangs.Cli.Hosting;

/// <summary>Flags of the documented command line whose feature this version does not have: accepted only with values that ask for nothing.</summary>
public static class LaterFeatures
{
    /// <summary>Refuses the flags that were given and ask for something.</summary>
    /// <param name="line">The command line.</param>
    /// <param name="flags">Names of the flags, each with the value that asks for nothing.</param>
    /// <exception cref="UsageException">One asks for something.</exception>
    public static void Refuse(CommandLine line, params ReadOnlySpan<(string Flag, string Off)> flags)
    {
        ArgumentNullException.ThrowIfNull(line);
        foreach (var (flag, off) in flags)
        {
            if (line.Given.Contains(flag) && line.Text(flag) != off)
                throw new UsageException($"-{flag} {line.Text(flag)}: this version does not have that feature; leave the flag out{(off.Length > 0 ? $" or use -{flag}={off}" : "")}");
        }
    }
}
