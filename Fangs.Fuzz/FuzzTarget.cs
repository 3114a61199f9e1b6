namespace Fangs.Fuzz;

/// <summary>A parser of bytes that come from outside, together with what must hold whatever the bytes are.</summary>
/// <param name="Name">Its name, also that of its folders in <c>Corpus/</c> and <c>Findings/</c>.</param>
/// <param name="About">What it reads.</param>
/// <param name="RunAsync">
/// Gives the parser one input. Completes when the input was read or refused as the product documents it; every exception that comes out is a finding.
/// </param>
public sealed record FuzzTarget(string Name, string About, Func<ReadOnlyMemory<byte>, Task> RunAsync)
{
    /// <summary>All of them, by name.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        Targets.NdjsonTarget.Target,
        Targets.RequestsTarget.Target,
        Targets.AnswersTarget.Target,
        Targets.DnsTarget.Target,
        Targets.ClientHelloTarget.Target,
        Targets.RingBufferTarget.Target,
        Targets.ConfigTarget.Target,
        Targets.NotifiersTarget.Target,
        Targets.SettingsTarget.Target,
        Targets.LockfileTarget.Target,
        Targets.PackumentTarget.Target,
        Targets.OutputTarget.Target,
        Targets.StoredTarget.Target,
    ];
}

/// <summary>Something that had to hold for an input does not.</summary>
public sealed class FindingException : Exception
{
    /// <summary>Describes what does not hold.</summary>
    public FindingException(string message) : base(message)
    {
    }

    /// <summary>Makes sure that something holds.</summary>
    /// <param name="holds">Whether it does.</param>
    /// <param name="what">What would be wrong.</param>
    /// <exception cref="FindingException">It does not hold.</exception>
    internal static void Unless(bool holds, string what)
    {
        if (!holds) throw new FindingException(what);
    }
}
