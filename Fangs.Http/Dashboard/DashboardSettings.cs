using System.Net;

namespace Fangs.Http.Dashboard;

/// <summary>Settings of the pages under <c>/ui</c>.</summary>
public sealed record DashboardSettings
{
    /// <summary>Whether there are pages.</summary>
    public bool IsOn { get; init; } = true;

    /// <summary>Address of a listener of its own for the pages, which the main one then does not serve; null for none. Never asks for client certificates.</summary>
    public IPEndPoint? Address { get; init; }

    /// <summary>What operators sign in with; null when nobody can sign in.</summary>
    public string? Token { get; init; }

    /// <summary>Whether reading needs a signed-in operator too.</summary>
    public bool MustSignInToRead { get; init; }

    /// <summary>How often what open pages show is looked at. Nothing is looked at while no page is open.</summary>
    public TimeSpan LookEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long an operator stays signed in without doing anything.</summary>
    public TimeSpan SessionLifetime { get; init; } = TimeSpan.FromHours(12);

    /// <summary>The settings of the orchestrator for the page that lists them.</summary>
    public IReadOnlyList<ShownSetting> Shown { get; init; } = [];
}

/// <summary>A setting as the page of the configuration shows it.</summary>
/// <param name="Name">Full name in the configuration file.</param>
/// <param name="Texts">Its value, a line per item of a list.</param>
/// <param name="Line">Line of the file that sets it; null for the default.</param>
public sealed record ShownSetting(string Name, IReadOnlyList<string> Texts, int? Line);
