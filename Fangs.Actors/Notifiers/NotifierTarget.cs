namespace Fangs.Actors.Notifiers;

/// <summary>A target of alerts.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Url">Where alerts are posted; for most receivers the address itself is the secret, so it is not to be logged.</param>
/// <param name="Template">Form of the message, a value of <see cref="NotifierTemplate"/>.</param>
/// <param name="SecretEnv">The environment variable with the key of signatures, or null.</param>
/// <param name="Headers">Extra headers as a JSON object of texts, or null; <c>${VAR}</c> in a value stands for an environment variable.</param>
/// <param name="MinSeverity">Least severity that is worth an alert, or null for any.</param>
/// <param name="Enabled">Whether it is used.</param>
public sealed record NotifierTarget(string Name, string Url, string Template, string? SecretEnv, string? Headers, string? MinSeverity, bool Enabled)
{
    // The generated form would put the address and the headers into whatever log it is written to.
    /// <inheritdoc/>
    public override string ToString() => $"{nameof(NotifierTarget)} {Name}";
}

/// <summary>Forms of a message, as stored.</summary>
public static class NotifierTemplate
{
    /// <summary>An incoming webhook of Slack.</summary>
    public const string Slack = "slack";

    /// <summary>A webhook of Discord.</summary>
    public const string Discord = "discord";

    /// <summary>JSON for programs; the only one that is signed.</summary>
    public const string Generic = "generic";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<string> All { get; } = [Slack, Discord, Generic];
}
