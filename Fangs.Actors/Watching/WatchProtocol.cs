using Akka.Actor;
using Fangs.Protocol;

namespace Fangs.Actors.Watching;

/// <summary>Poll a package now. Answered with <see cref="PackageChecked"/>, <see cref="CheckFailed"/> or <see cref="PackageNotWatched"/>.</summary>
public sealed record CheckPackage(string Package);

/// <summary>The poll went well.</summary>
public sealed record PackageChecked(PackageCheckResponse Result);

/// <summary>The poll failed; the package is polled again later.</summary>
/// <param name="Error">Why, in words for operators.</param>
/// <param name="NextCheckAt">When it is polled again.</param>
public sealed record CheckFailed(string Error, DateTimeOffset NextCheckAt);

/// <summary>There is no such package on the watch list.</summary>
public sealed record PackageNotWatched(string Package);

/// <summary>From the watcher to the actor of a package: poll now.</summary>
internal sealed record StartPoll : INoSerializationVerificationNeeded
{
    internal static readonly StartPoll Instance = new();
}

/// <summary>From the actor of a package to the watcher: the poll has ended.</summary>
internal sealed record PackagePolled(string Package, PollOutcome Outcome) : INoSerializationVerificationNeeded;
