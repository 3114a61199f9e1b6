using System.Threading.Channels;
using Microsoft.Data.Sqlite;

namespace Fangs.Actors.Storage.Sqlite;

/// <summary>The one connection that writes tables, with group commit: what arrives while a commit is on its way to the disk shares the next one.</summary>
/// <remarks>
/// SQLite has one writer, so callers queue here and never spin on SQLITE_BUSY. Each piece of work runs inside a savepoint: one that fails
/// takes only itself back. Work must be short: SQLite's calls block the thread that runs the loop.
/// </remarks>
public sealed class SqliteWriter : IAsyncDisposable
{
    private const int MaxItemsPerCommit = 512;

    private readonly Channel<IWork> _queue = Channel.CreateBounded<IWork>(new BoundedChannelOptions(8192) { SingleReader = true });
    private readonly Func<SqliteConnection> _open;
    private readonly Task _loop;

    /// <summary>Starts the loop; the connection is opened with the first work.</summary>
    public SqliteWriter(SqliteDatabase database)
        : this(database.OpenWriter)
    {
    }

    /// <summary>Starts the loop on connections of the caller's making; one is opened with the first work and after each failure.</summary>
    internal SqliteWriter(Func<SqliteConnection> open)
    {
        _open = open;
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Raised in the writer's loop after anything was taken back, one piece of work or a whole commit, so that caches can be dropped.</summary>
    public event Action? RolledBack;

    /// <summary>Runs work inside the next transaction; the task completes after the commit.</summary>
    /// <exception cref="StorageException">The work or the commit failed; nothing of it is stored.</exception>
    public async Task<T> WriteAsync<T>(Func<SqliteSession, T> work)
    {
        var item = new Work<T>(work);
        try
        {
            await _queue.Writer.WriteAsync(item);
        }
        catch (ChannelClosedException e)
        {
            throw Closed(e);
        }

        return await item.Done;
    }

    /// <summary>Finishes what is queued and closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _loop;
    }

    private async Task RunAsync()
    {
        SqliteSession? session = null;
        var group = new List<IWork>(MaxItemsPerCommit);
        try
        {
            while (await _queue.Reader.WaitToReadAsync())
            {
                group.Clear();
                try
                {
                    session ??= new SqliteSession(_open());
                    CommitGroup(session, group);
                }
                catch (Exception e)
                {
                    // Disk full, I/O error, locked, a connection that is gone: whatever it was, the group is lost as a whole and the next
                    // one is served. A fresh connection is the cleanest start.
                    var broken = session;
                    session = null;
                    FailGroup(group, e);
                    RolledBack?.Invoke();
                    broken?.Dispose();
                }
            }
        }
        finally
        {
            // Also when the loop breaks: nobody may wait for a write that will never be done.
            _queue.Writer.TryComplete();
            foreach (var item in group) item.Fail(Closed(null));
            while (_queue.Reader.TryRead(out var item)) item.Fail(Closed(null));
            session?.Dispose();
        }
    }

    private void CommitGroup(SqliteSession session, List<IWork> group)
    {
        session.Execute("BEGIN IMMEDIATE");
        while (group.Count < MaxItemsPerCommit && _queue.Reader.TryRead(out var item))
        {
            group.Add(item);
            session.Execute("SAVEPOINT item");
            if (!item.Perform(session))
            {
                session.Execute("ROLLBACK TO item");
                RolledBack?.Invoke();
            }

            session.Execute("RELEASE item");
        }

        session.Execute("COMMIT");
        foreach (var item in group) item.Complete();
    }

    private void FailGroup(List<IWork> group, Exception cause)
    {
        if (group.Count == 0 && _queue.Reader.TryRead(out var first)) group.Add(first);
        foreach (var item in group) item.Fail(new StorageException($"Nothing was stored: {cause.Message}", cause));
    }

    private static StorageException Closed(Exception? cause) =>
        cause is null ? new StorageException("The store is closed.") : new StorageException("The store is closed.", cause);

    private interface IWork
    {
        bool Perform(SqliteSession session);

        void Complete();

        void Fail(StorageException cause);
    }

    private sealed class Work<T>(Func<SqliteSession, T> body) : IWork
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T _value = default!;
        private Exception? _error;

        public Task<T> Done => _done.Task;

        public bool Perform(SqliteSession session)
        {
            try
            {
                _value = body(session);
                return true;
            }
            catch (SqliteException e) when (!session.IsInTransaction)
            {
                // SQLite has rolled the whole transaction back by itself (disk full, I/O error).
                _error = e;
                throw;
            }
            catch (SqliteException e)
            {
                _error = new StorageException($"Not stored: {e.Message}", e);
                return false;
            }
            catch (Exception e) when (e is not SqliteException)
            {
                // A mistake in one piece of work must not end the writer for all.
                _error = e as StorageException ?? new StorageException($"Not stored: {e.Message}", e);
                return false;
            }
        }

        public void Complete()
        {
            if (_error is null) _done.TrySetResult(_value);
            else _done.TrySetException(_error);
        }

        public void Fail(StorageException cause) => _done.TrySetException(cause);
    }
}
