using Akka.Actor;
using Fangs.Protocol;

namespace Fangs.Actors.Packages;

/// <summary>Addressed to one package; <see cref="PackageSupervisor"/> passes it on to its actor, which it makes where needed.</summary>
public interface IWithPackage
{
    /// <summary>The package; empty for runs without one.</summary>
    string Package { get; }
}

/// <summary>A run has ended: judge it. Answered with <see cref="RunAnalysed"/> when that is stored, however often it takes.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Package">Its package.</param>
/// <param name="TraceParent">The trace that the run belongs to; null when nobody traces it.</param>
public sealed record AnalyseRun(RunId RunId, string Package, string? TraceParent = null) : IWithPackage;

/// <summary>The run has been judged.</summary>
/// <param name="RunId">The run.</param>
/// <param name="Verdict">How it stands; null when it is gone.</param>
public sealed record RunAnalysed(RunId RunId, RunVerdict? Verdict);

/// <summary>An operator has decided. Sent to the supervisor, which finds the package. Answered with a <see cref="DecisionOutcome"/>.</summary>
public sealed record Decide(DecisionRequest Request);

/// <summary>The same, to the package that it is about.</summary>
/// <param name="Package">The package.</param>
/// <param name="Request">The decision.</param>
/// <param name="Asker">Who gets the <see cref="DecisionOutcome"/>, or a <see cref="Status.Failure"/> when the store fails.</param>
public sealed record DecideForPackage(string Package, DecisionRequest Request, IActorRef Asker) : IWithPackage;

/// <summary>From a package to its supervisor: nothing to do, stop me.</summary>
public sealed record PassivatePackage(string Package) : IWithPackage;

/// <summary>The supervisor's answer: what comes now waits for a successor; stop, unless work has come in meanwhile.</summary>
public sealed record StopWhenIdle
{
    /// <summary>The only one.</summary>
    public static readonly StopWhenIdle Instance = new();
}

/// <summary>From a package to its supervisor: there is work after all, go on sending.</summary>
public sealed record PackageBusy(string Package) : IWithPackage;
