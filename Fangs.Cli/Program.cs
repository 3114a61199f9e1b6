using System.Runtime.InteropServices;
using Fangs.Cli;
using Fangs.Cli.Up;

using var stop = new CancellationTokenSource();

// The first signal asks for an orderly end; a second one kills, should the end not come.
void OnSignal(PosixSignalContext signal)
{
    signal.Cancel = !stop.IsCancellationRequested;
    stop.Cancel();
}

using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
Supervision.Attach(stop);
return await FangsCli.RunAsync(args, CliEnvironment.OfProcess(), stop.Token);
