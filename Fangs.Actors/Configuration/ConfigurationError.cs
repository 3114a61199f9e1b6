namespace Fangs.Actors.Configuration;

/// <summary>Something that is wrong with a configuration file, where it stands, and what to write instead.</summary>
/// <param name="Line">Line, counted from 1.</param>
/// <param name="Column">Column in characters, counted from 1.</param>
/// <param name="Field">Full name of the field such as <c>allow.cidrs[0].value</c>; empty when it is about the file as a whole.</param>
/// <param name="Remedy">What is wrong and what was expected. May quote the file, so it has to be escaped before it is printed.</param>
public sealed record ConfigurationError(int Line, int Column, string Field, string Remedy)
{
    /// <summary>The form that editors jump to, without the file's name in front.</summary>
    public override string ToString() => Field.Length > 0 ? $"{Line}:{Column}: {Field}: {Remedy}" : $"{Line}:{Column}: {Remedy}";
}

/// <summary>What a configuration file says: settings, or everything that is wrong with it.</summary>
/// <param name="Settings">The settings; only to be used when there is no error.</param>
/// <param name="Errors">All errors in the order of the file; empty when it is sound.</param>
public sealed record ConfigurationResult(FileSettings Settings, IReadOnlyList<ConfigurationError> Errors)
{
    /// <summary>Whether the settings can be used.</summary>
    public bool IsSound => Errors.Count == 0;
}
