using System.Globalization;

namespace Fangs.Actors.Reports;

/// <summary>Names of Linux error numbers that sandboxed code runs into.</summary>
public static class Errno
{
    /// <summary>A few words for a number.</summary>
    public static string Name(long number) => number switch
    {
        1 => "not permitted",
        2 => "does not exist",
        13 => "access denied",
        17 => "exists already",
        20 => "not a directory",
        21 => "is a directory",
        28 => "no space left",
        30 => "read-only",
        38 => "not available",
        40 => "too many links",
        99 => "address not available",
        101 => "network unreachable",
        110 => "timed out",
        111 => "refused",
        113 => "no route",
        115 => "in progress",
        _ => string.Create(CultureInfo.InvariantCulture, $"error {number}"),
    };
}
