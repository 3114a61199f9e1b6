using Akka.Actor;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Architecture.Impure;

/// <summary>Does all that the analysis must not do, each in another kind of place. Shows that the architecture test would see it.</summary>
internal static class ImpureCode
{
    internal static bool InAMethod(string path) => File.Exists(path);

    internal static Func<DateTimeOffset> InAClosure(TimeProvider clock) => () => clock.GetUtcNow();

    internal static async Task<string> InAStateMachine(Uri address)
    {
        using var client = new HttpClient();
        return await client.GetStringAsync(address);
    }

    internal static IEnumerable<string> InAnIterator(string path)
    {
        foreach (var line in File.ReadLines(path)) yield return line;
    }

    internal static void InASignature(IActorRef receiver) => _ = receiver;

    internal static object InAGenericArgument() => new List<SqliteConnection>();

    internal static Guid ByChance() => Guid.NewGuid();
}
