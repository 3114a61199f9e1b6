using Fangs.Protocol;

namespace Fangs.Actors.Packages;

/// <summary>Why a decision is not carried out.</summary>
public enum DecisionFault
{
    /// <summary>It is carried out.</summary>
    None,

    /// <summary>The request itself is wrong; the reason names the field.</summary>
    Invalid,

    /// <summary>What it is about does not exist.</summary>
    NotFound,

    /// <summary>It contradicts how things stand; the reason says what to do instead.</summary>
    Refused,
}

/// <summary>What became of a decision: an answer, or a fault with its reason.</summary>
/// <param name="Response">What was changed; null when it was not carried out.</param>
/// <param name="Fault">Kind of the fault.</param>
/// <param name="Reason">The fault in words; empty when there is none.</param>
public sealed record DecisionOutcome(DecisionResponse? Response, DecisionFault Fault, string Reason)
{
    /// <summary>A decision that was carried out.</summary>
    public static DecisionOutcome Done(DecisionResponse response) => new(response, DecisionFault.None, "");

    /// <summary>A field of the request that is wrong.</summary>
    public static DecisionOutcome Invalid(string field, string remedy) => new(null, DecisionFault.Invalid, new FieldError(field, remedy).ToString());

    /// <summary>Something that does not exist.</summary>
    public static DecisionOutcome NotFound(string reason) => new(null, DecisionFault.NotFound, reason);

    /// <summary>Something that cannot be done as things stand.</summary>
    public static DecisionOutcome Refused(string reason) => new(null, DecisionFault.Refused, reason);
}
