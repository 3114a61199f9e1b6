namespace Fangs.Http.Dashboard.Operators;

/// <summary>Somebody who may change things.</summary>
/// <param name="Name">Who, for the audit log.</param>
/// <param name="FormToken">What forms must bring along to prove that they come from a page of ours.</param>
/// <param name="CanSignOut">Whether there is a session to be ended; with a certificate there is none.</param>
public sealed record SignedInOperator(string Name, string FormToken, bool CanSignOut);
