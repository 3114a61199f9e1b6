namespace Fangs.Actors.Analysis;

/// <summary>Who did it: values of the payload field <c>Role</c> that analysis treats in a way of their own. All others count fully, also none.</summary>
public static class EventRole
{
    /// <summary>What the sandbox itself runs around the package. Never a fact about the package.</summary>
    public const string Harness = "harness";

    /// <summary>npm itself. Its file traffic is not the package's behaviour; its processes and connections are looked at.</summary>
    public const string Npm = "npm";
}
