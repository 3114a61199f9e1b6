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
    private readonly SqliteDatabase _database;
    private readonly Task _loop;

    /// <summary>Starts the loop; the connection is opened with the first work.</summary>
    public SqliteWriter(SqliteDatabase database)
    {
        _database = database;
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Raised in the writer's loop after a commit failed or was rolled back as a whole, so that caches can be dropped.</summary>
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
            throw new StorageException("The store is closed.", e);
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
                    session ??= new SqliteSession(_database.OpenWriter());
                    CommitGroup(session, group);
                }
                catch (SqliteException e)
                {
                    // Disk full, I/O error, locked: the group is lost as a whole. A fresh connection is the cleanest start.
                    FailGroup(group, e);
                    session?.Dispose();
                    session = null;
                    RolledBack?.Invoke();
                }
            }
        }
        finally
        {
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
            if (!item.Perform(session)) session.Execute("ROLLBACK TO item");
            session.Execute("RELEASE item");
        }

        session.Execute("COMMIT");
        foreach (var item in group) item.Complete();
    }

    private void FailGroup(List<IWork> group, SqliteException cause)
    {
        if (group.Count == 0 && _queue.Reader.TryRead(out var first)) group.Add(first);
        foreach (var item in group) item.Fail(new StorageException($"Nothing was stored: {cause.Message}", cause));
    }

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
