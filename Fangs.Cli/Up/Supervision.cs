using System.Runtime.InteropServices;

namespace Fangs.Cli.Up;

/// <summary>The child's half of <see cref="ChildPart"/>: a part started by <c>fangs up</c> ends when its parent does, however that ends.</summary>
/// <remarks>
/// The parent holds the other end of the child's standard input and never writes to it; the end of the stream means the parent is gone.
/// PR_SET_PDEATHSIG would not do: it fires when the thread that started the child ends, and .NET starts children on pool threads.
/// </remarks>
public static class Supervision
{
    /// <summary>Environment variable that tells a child of its supervision.</summary>
    public const string Variable = "FANGS_SUPERVISED";

    /// <summary>When this process is supervised: leaves the terminal's process group and cancels <paramref name="stop"/> when the parent is gone.</summary>
    public static void Attach(CancellationTokenSource stop)
    {
        ArgumentNullException.ThrowIfNull(stop);
        if (Environment.GetEnvironmentVariable(Variable) != "1") return;
        Environment.SetEnvironmentVariable(Variable, null); // not for what this process starts
        // Ctrl-C reaches the whole group of the terminal; the order of the end is the parent's business.
        _ = SetProcessGroup(0, 0);
        new Thread(() => WatchParent(stop)) { IsBackground = true, Name = "parent watch" }.Start();
    }

    private static void WatchParent(CancellationTokenSource stop)
    {
        using var input = Console.OpenStandardInput();
        var buffer = new byte[16];
        try
        {
            while (input.Read(buffer) > 0)
            {
                // Nothing is ever sent; should it be, it means nothing.
            }
        }
        catch (IOException)
        {
            // A broken pipe says the same as its end.
        }

        try
        {
            stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The process is ending already.
        }
    }

    [DllImport("libc", EntryPoint = "setpgid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetProcessGroup(int pid, int group);
}
