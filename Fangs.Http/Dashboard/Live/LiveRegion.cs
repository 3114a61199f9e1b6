namespace Fangs.Http.Dashboard.Live;

/// <summary>A part of a page that is replaced while the page is open.</summary>
/// <param name="Name">Its name in the page.</param>
/// <param name="Component">The component that shows it.</param>
/// <param name="Load">Finds out what it shows; null when there is no such thing any more.</param>
public sealed record LiveRegion(string Name, Type Component, Func<Task<object?>> Load);

/// <summary>What a region shows since some version.</summary>
/// <param name="Version">Raised with every change of any region.</param>
/// <param name="Html">The region; empty before it was first looked at.</param>
public sealed record LiveContent(long Version, string Html);
