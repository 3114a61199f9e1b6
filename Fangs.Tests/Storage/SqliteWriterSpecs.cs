using Fangs.Actors.Storage;
using Microsoft.Data.Sqlite;

namespace Fangs.Tests.Storage;

public sealed class SqliteWriterSpecs : IDisposable
{
    private readonly TemporaryDatabase _file = new();

    public SqliteWriterSpecs()
    {
        _file.Database.OpenWriter().Dispose();
        _file.Execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL, parent INTEGER REFERENCES notes(id))");
    }

    private IReadOnlyList<string> Notes => _file.Rows("SELECT text FROM notes ORDER BY id");

    public void Dispose() => _file.Dispose();

    [Fact]
    public async Task What_was_answered_is_in_the_file()
    {
        await using var writer = new StoreWriter(_file.Database);
        Assert.Equal(1, await Note(writer, "a").Soon());
        Assert.Equal(["a"], Notes);
    }

    [Fact]
    public async Task Work_that_fails_takes_only_itself_back()
    {
        await using var writer = new StoreWriter(_file.Database);
        var rolledBack = 0;
        writer.RolledBack += () => rolledBack++;
        var (first, broken, refused, last) = await InOneGroup(writer, () => (
            Note(writer, "first"),
            writer.WriteAsync<int>(session =>
            {
                Insert(session, "half done");
                throw new InvalidOperationException("a mistake");
            }),
            writer.WriteAsync(session => session.Execute("INSERT INTO notes (text) VALUES (NULL)")),
            Note(writer, "last")));
        await Task.WhenAll(first, last).Soon();
        Assert.Contains("a mistake", (await Assert.ThrowsAsync<StorageException>(() => broken).Soon()).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<StorageException>(() => refused).Soon();
        Assert.Equal(["first", "last"], Notes);
        Assert.Equal(2, rolledBack); // what callers remember of work that was taken back is wrong
    }

    [Fact]
    public async Task A_commit_that_fails_fails_the_whole_group_and_the_next_write_is_served()
    {
        await using var writer = new StoreWriter(_file.Database);
        var (innocent, orphan) = await InOneGroup(writer, () => (Note(writer, "innocent"), Orphan(writer)));
        foreach (var write in new[] { innocent, orphan })
            Assert.Contains("Nothing was stored", (await Assert.ThrowsAsync<StorageException>(() => write).Soon()).Message, StringComparison.Ordinal);
        Assert.Empty(Notes);
        await Note(writer, "next").Soon();
        Assert.Equal(["next"], Notes);
    }

    [Fact]
    public async Task A_connection_that_breaks_fails_its_group_and_the_next_write_gets_another()
    {
        await using var writer = new StoreWriter(_file.Database);
        var (before, breaking, after) = await InOneGroup(writer, () => (
            Note(writer, "before"),
            writer.WriteAsync(session =>
            {
                session.Dispose();
                return 0;
            }),
            Note(writer, "after")));
        foreach (var write in new[] { before, breaking }) await Assert.ThrowsAsync<StorageException>(() => write).Soon();
        await after.Soon(); // was not taken yet, so it goes into the next group
        Assert.Equal(["after"], Notes);
    }

    public static TheoryData<Exception> OpeningFailures() =>
    [
        new InvalidOperationException("not now"),
        new ObjectDisposedException("SqliteConnection"),
        new IOException("not now"),
        new SqliteException("unable to open database file", 14),
    ];

    [Theory]
    [MemberData(nameof(OpeningFailures))]
    public async Task A_connection_that_cannot_be_opened_fails_one_write_and_not_the_writer(Exception failure)
    {
        var failures = new Queue<Exception>([failure, failure]);
        await using var writer = new StoreWriter(() => failures.TryDequeue(out var e) ? throw e : _file.Database.OpenWriteSession());
        for (var i = 0; i < 2; i++)
        {
            var e = await Assert.ThrowsAsync<StorageException>(() => Note(writer, "lost")).Soon();
            Assert.Same(failure, e.InnerException);
        }

        await Note(writer, "third").Soon();
        Assert.Equal(["third"], Notes);
    }

    [Fact]
    public async Task Writes_that_are_queued_when_the_writer_closes_are_done_and_later_ones_fail()
    {
        var writer = new StoreWriter(_file.Database);
        var (a, b) = await InOneGroup(writer, () => (Note(writer, "a"), Note(writer, "b")));
        await writer.DisposeAsync();
        await Task.WhenAll(a, b).Soon();
        Assert.Equal(["a", "b"], Notes);
        Assert.Contains("closed", (await Assert.ThrowsAsync<StorageException>(() => Note(writer, "c")).Soon()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_the_loop_breaks_what_waits_and_what_comes_later_fails()
    {
        var writer = new StoreWriter(_file.Database);
        writer.RolledBack += () => throw new InvalidOperationException("a listener that is broken");
        var (orphan, waiting) = await InOneGroup(writer, () => (Orphan(writer), Note(writer, "waiting")));
        foreach (var write in new[] { orphan, waiting }) await Assert.ThrowsAsync<StorageException>(() => write).Soon();
        await Assert.ThrowsAsync<StorageException>(() => Note(writer, "later")).Soon();
        await Assert.ThrowsAsync<InvalidOperationException>(() => writer.DisposeAsync().AsTask()).Soon();
    }

    private static Task<int> Note(StoreWriter writer, string text) => writer.WriteAsync(session => Insert(session, text));

    private static int Insert(StoreSession session, string text) => session.Execute("INSERT INTO notes (text) VALUES (@p0)", text);

    // The reference is only checked at the commit, which fails.
    private static Task<int> Orphan(StoreWriter writer) => writer.WriteAsync(session =>
    {
        session.Execute("PRAGMA defer_foreign_keys = ON");
        return session.Execute("INSERT INTO notes (text, parent) VALUES ('orphan', 999)");
    });

    // Holds the writer inside a transaction until all of the writes are queued, so that they share it.
    private static async Task<T> InOneGroup<T>(StoreWriter writer, Func<T> queue)
    {
        using var isHeld = new SemaphoreSlim(0);
        using var release = new SemaphoreSlim(0);
        var holding = writer.WriteAsync(_ =>
        {
            isHeld.Release();
            return release.Wait(Limits.Patience);
        });
        Assert.True(await isHeld.WaitAsync(Limits.Patience));
        var queued = queue();
        release.Release();
        await Task.WhenAny(holding).Soon(); // it shares the fate of the group
        _ = holding.Exception;
        return queued;
    }
}
