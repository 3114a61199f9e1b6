using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Event;

namespace Fangs.Actors.Hosting;

/// <summary>Counts, since the start, how often each actor has failed, so that its supervisor restarted or stopped it.</summary>
/// <remarks>Akka keeps no such number for the life of an actor, but every supervisor announces each failure that it deals with.</remarks>
public sealed class FailureCounts : IExtension
{
    private const int MaxPaths = 10_000;
    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);

    private FailureCounts(ExtendedActorSystem system) => system.SystemActorOf(Props.Create(() => new Listener(this)), "failure-counts");

    /// <summary>Those of an actor system; counting begins with the first call.</summary>
    public static FailureCounts Of(ActorSystem system)
    {
        ArgumentNullException.ThrowIfNull(system);
        return system.WithExtension<FailureCounts, Provider>();
    }

    /// <summary>Failures of one actor.</summary>
    /// <param name="path">Its path without the system's address.</param>
    public int Of(string path) => _counts.GetValueOrDefault(path);

    private void Add(string source)
    {
        var start = source.IndexOf("/user/", StringComparison.Ordinal);
        if (start < 0 || (_counts.Count >= MaxPaths && !_counts.ContainsKey(source[start..]))) return;
        _counts.AddOrUpdate(source[start..], 1, (_, count) => count + 1);
    }

    private sealed class Listener : ReceiveActor
    {
        public Listener(FailureCounts counts)
        {
            Receive<Error>(error =>
            {
                if (typeof(SupervisorStrategy).IsAssignableFrom(error.LogClass)) counts.Add(error.LogSource);
            });
        }

        protected override void PreStart() => Context.System.EventStream.Subscribe(Self, typeof(Error));
    }

    private sealed class Provider : ExtensionIdProvider<FailureCounts>
    {
        public override FailureCounts CreateExtension(ExtendedActorSystem system) => new(system);
    }
}
