using Akka.Event;

namespace Fangs.Actors.Telemetry;

/// <summary>
/// Akka's logger for the moments before and after the ordinary one: warnings and errors as lines on standard error. Akka's own writes to
/// standard output, in a form of its own and at the ordinary level, so that a log of JSON lines would not be one.
/// </summary>
/// <remarks>Named in <c>hocon/fangs.conf</c> (<c>akka.stdout-logger-class</c>).</remarks>
public sealed class StandardErrorLogger : MinimalLogger
{
    /// <inheritdoc/>
    protected override void Log(object message)
    {
        if (message is Warning or Error) Console.Error.WriteLine(((LogEvent)message).ToString());
    }
}
