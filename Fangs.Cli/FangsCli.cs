using System.Data.Common;
using Cocona;
using Cocona.Builder;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Queries;
using Fangs.Cli.Arguments;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Fangs.Cli;

/// <summary>The program: understands the command line, runs one command, turns what happens into an exit code.</summary>
public static class FangsCli
{
    private static readonly GoStyleArguments Reader = new([.. CommandTable.Entries.Select(entry => entry.Spec)], GlobalFlags.All);

    /// <summary>Runs one command line.</summary>
    /// <param name="args">Without the program's name.</param>
    /// <param name="environment">The outside.</param>
    /// <param name="stop">Ends long-running commands.</param>
    /// <returns>A value of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, CliEnvironment environment, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(args);
        ArgumentNullException.ThrowIfNull(environment);
        try
        {
            var line = Reader.Parse(args);
            if (Help(line, args) is { } help)
            {
                await environment.Out.WriteAsync(help);
                return ExitCode.Success;
            }

            if (line.Command is not { } command)
            {
                await environment.Error.WriteAsync(HelpText.Overview());
                return ExitCode.Error;
            }

            GlobalFlags.Check(line);
            var entry = CommandTable.Entries.First(entry => entry.Spec == command);
            return await ExecuteAsync(entry, new Invocation(environment, line, stop));
        }
        catch (UsageException e)
        {
            await environment.Error.WriteLineAsync($"fangs: {TerminalText.Escape(e.Message)} (see fangs -h)");
            return ExitCode.Usage;
        }
        catch (CliException e)
        {
            await environment.Error.WriteLineAsync($"fangs: {e.Message}");
            return e.ExitCode;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await environment.Error.WriteLineAsync("fangs: interrupted");
            return ExitCode.Error;
        }
        catch (Exception e) when (e is StorageReadException or StorageException or DbException or IOException or UnauthorizedAccessException)
        {
            await environment.Error.WriteLineAsync($"fangs: {TerminalText.Escape(e.Message)}");
            return ExitCode.Error;
        }
    }

    private static string? Help(CommandLine line, IReadOnlyList<string> args)
    {
        if (!line.WantsHelp) return null;
        if (line.Command is { } command) return HelpText.Command(command);
        return line.Arguments is [var group] ? HelpText.Group(group) : HelpText.Overview();
    }

    // A bare host: no configuration files of the working directory, no logging, no signal handlers. Registering one command
    // instead of all keeps Cocona's reflection out of the start-up time.
    private static async Task<int> ExecuteAsync(CommandEntry entry, Invocation call)
    {
        var words = entry.Spec.Words;
        using var host = new HostBuilder()
            .ConfigureServices(services => services.AddSingleton<IHostLifetime, CallersLifetime>())
            .ConfigureCocona(call.Line.ToCocona(), (IHostBuilder _) => { }, (ICoconaCommandsBuilder commands) =>
            {
                if (words is [var name]) commands.AddSubCommand(name, inner => inner.AddCommand(entry.Bind(call)));
                else commands.AddSubCommand(words[0], inner => inner.AddCommand(words[1], entry.Bind(call)));
            })
            .Build();
        await host.RunAsync(CancellationToken.None);
        // Cocona itself can only fail to bind, which GoStyleArguments has ruled out; then the outcome would never come.
        if (!call.Outcome.IsCompleted) throw new InvalidOperationException($"'{entry.Spec.Path}' was not run: its flags and its parameters differ");
        return await call.Outcome;
    }

    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
