using Fangs.Http.Dashboard.Operators;

namespace Fangs.Http.Dashboard;

/// <summary>What every page knows besides what it shows.</summary>
/// <param name="Url">Path and query of the page.</param>
/// <param name="Now">When it is made.</param>
/// <param name="Version">Build version.</param>
/// <param name="OrchestratorId">Name of the orchestrator.</param>
/// <param name="Operator">Who may change things; null for somebody who may only look.</param>
/// <param name="CanSignIn">Whether there is something to sign in with.</param>
/// <param name="Pending">Runs that wait for a person; null when that could not be found out.</param>
/// <param name="Notice">What an action has come to; empty when there was none.</param>
public sealed record PageFrame(
    string Url, DateTimeOffset Now, string Version, string OrchestratorId, SignedInOperator? Operator, bool CanSignIn, long? Pending, PageNotice? Notice);

/// <summary>What an action has come to.</summary>
/// <param name="IsGood">Whether it was carried out.</param>
/// <param name="Text">In words.</param>
public sealed record PageNotice(bool IsGood, string Text);
