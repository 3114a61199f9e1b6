using System.Buffers;
using Dapper;

namespace Fangs.Actors.Storage.Queries;

/// <summary>What an id prefix leads to.</summary>
/// <param name="Id">The id, when exactly one fits.</param>
/// <param name="IsAmbiguous">True when several ids begin with it.</param>
public readonly record struct PrefixMatch(string? Id, bool IsAmbiguous);

/// <summary>Finds the one row whose id begins with some digits. A full id wins over longer ones that begin with it.</summary>
public static class IdPrefix
{
    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    /// <summary>A run, by lower-case hex digits.</summary>
    public static PrefixMatch Run(ReadOnlyDatabase database, string prefix) => Hex(database, "runs", prefix);

    /// <summary>A deviation, by lower-case hex digits.</summary>
    public static PrefixMatch Deviation(ReadOnlyDatabase database, string prefix) => Hex(database, "deviations", prefix);

    /// <summary>An entry of the allow list, by lower-case hex digits, or by <c>cfg</c> and such digits.</summary>
    public static PrefixMatch AllowEntry(ReadOnlyDatabase database, string prefix)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(prefix);
        const string Sql = "SELECT id FROM allowlists WHERE substr(id, 1, length(@prefix)) = @prefix ORDER BY id LIMIT 2";
        var digits = prefix.StartsWith("cfg", StringComparison.Ordinal) ? prefix.AsSpan(3) : prefix;
        if (prefix.Length == 0 || digits.ContainsAnyExcept(LowerHex) || !database.HasAllowList) return default;
        return Only(database.Connection.Query<string>(Sql, new { prefix }).AsList(), prefix);
    }

    private static PrefixMatch Hex(ReadOnlyDatabase database, string table, string prefix)
    {
        ArgumentNullException.ThrowIfNull(database);
        ArgumentNullException.ThrowIfNull(prefix);
        if (prefix.Length == 0 || prefix.AsSpan().ContainsAnyExcept(LowerHex)) return default;
        // Range instead of LIKE: no wildcards, no case folding, and the primary key serves it. 'g' follows the last hex digit.
        var sql = $"SELECT id FROM {table} WHERE id >= @prefix AND id < @prefix || 'g' ORDER BY id LIMIT 2";
        return Only(database.Connection.Query<string>(sql, new { prefix }).AsList(), prefix);
    }

    private static PrefixMatch Only(List<string> found, string prefix) => found switch
    {
        [] => default,
        [var first, ..] when first == prefix => new PrefixMatch(first, false),
        [var only] => new PrefixMatch(only, false),
        _ => new PrefixMatch(null, true),
    };
}
