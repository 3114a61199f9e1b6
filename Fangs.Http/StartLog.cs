using Fangs.Actors.Storage;
using Microsoft.Extensions.Logging;

namespace Fangs.Http;

/// <summary>What an operator wants to know of a start: which file counts, and what was put in order before the first request.</summary>
internal static partial class StartLog
{
    /// <summary>Writes it.</summary>
    public static void Write(ILogger logger, ConfigurationSource? configuration, StoreUpkeep upkeep)
    {
        if (configuration is { IsRead: true }) Read(logger, configuration.Path);
        else if (configuration is { IsNamed: true }) NamedIsMissing(logger, configuration.Path);
        else if (configuration is not null) Missing(logger, configuration.Path);

        var baselines = upkeep.Baselines;
        if (baselines.Examined > 0) Rewritten(logger, baselines.Examined, baselines.Changed, baselines.Merged);

        if (upkeep.RunsDue > 0) SettingsChanged(logger, upkeep.RunsDue);

        if (upkeep.AllowList is not { } allow) return;
        if (allow.Added + allow.Changed + allow.Removed > 0) Reconciled(logger, allow.Added, allow.Changed, allow.Removed, allow.RunsDue);
        foreach (var conflict in allow.Conflicts)
        {
            if (conflict.IsExpired) OperatorsHasExpired(logger, conflict.Kind, conflict.Value, conflict.OperatorsId);
            else OperatorsStays(logger, conflict.Kind, conflict.Value, conflict.OperatorsId);
        }
    }

    /// <summary>Says what the notifiers file has changed.</summary>
    [LoggerMessage(Level = LogLevel.Information, Message = "Notifiers file: {Targets} targets, {Added} added, {Changed} changed")]
    public static partial void Targets(ILogger logger, int targets, int added, int changed);

    [LoggerMessage(Level = LogLevel.Information, Message = "Configuration read from {Path}")]
    private static partial void Read(ILogger logger, string path);

    [LoggerMessage(Level = LogLevel.Information, Message = "No configuration file at {Path}: the defaults count")]
    private static partial void Missing(ILogger logger, string path);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The configuration file {Path} does not exist: the defaults count")]
    private static partial void NamedIsMissing(ILogger logger, string path);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "Baselines of older rules: {Examined} values examined, {Changed} rewritten, {Merged} of them merged with others")]
    private static partial void Rewritten(ILogger logger, int examined, int changed, int merged);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "Settings of the analysis have changed since the last start: {Runs} runs that wait are judged again")]
    private static partial void SettingsChanged(ILogger logger, int runs);

    [LoggerMessage(Level = LogLevel.Information,
        Message = "Allow list reconciled with the configuration: {Added} entries added, {Changed} notes changed, {Removed} entries removed, {Runs} runs to be judged again")]
    private static partial void Reconciled(ILogger logger, int added, int changed, int removed, int runs);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The configuration allows {Kind} {Value}, and so does entry {Id} of an operator, which stays")]
    private static partial void OperatorsStays(ILogger logger, string kind, string value, string id);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "The configuration allows {Kind} {Value}, but entry {Id} of an operator for the same has expired, so that it is not allowed: remove that entry")]
    private static partial void OperatorsHasExpired(ILogger logger, string kind, string value, string id);
}
