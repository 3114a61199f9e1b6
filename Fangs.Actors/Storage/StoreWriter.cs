using System.Data.Common;
using System.Threading.Channels;

namespace Fangs.Actors.Storage;

/// <summary>The one connection that writes tables, with group commit: what arrives while a commit is on its way to the disk shares the next one.</summary>
/// <remarks>
/// SQLite has one writer, so callers queue here and never spin on SQLITE_BUSY; in PostgreSQL the same connection holds the orchestrator's lock.
/// Each piece of work runs inside a savepoint: one that fails takes only itself back. Work must be short: it blocks the thread of the loop.
/// </remarks>
public sealed class StoreWriter : IAsyncDisposable
{
    private const int MaxItemsPerCommit = 512;

    private readonly Channel<IWork> _queue = Channel.CreateBounded<IWork>(new BoundedChannelOptions(8192) { SingleReader = true });
    private readonly Func<StoreSession> _open;
    private readonly Sqlite.WriteTurn? _turn;
    private readonly Task _loop;
    private ITimer? _alive;
    private volatile WriteFailure? _lastFailure;

    /// <summary>Starts the loop; the connection is opened with the first work.</summary>
    public StoreWriter(StoreDatabase database)
        : this(database.OpenWriteSession, database.Turn)
    {
    }

    /// <summary>Starts the loop on connections of the caller's making; one is opened with the first work and after each failure.</summary>
    internal StoreWriter(Func<StoreSession> open, Sqlite.WriteTurn? turn = null)
    {
        (_open, _turn) = (open, turn);
        _loop = Task.Run(RunAsync);
    }

    /// <summary>The last commit that failed; null when none ever did.</summary>
    internal WriteFailure? LastFailure => _lastFailure;

    /// <summary>Raised in the writer's loop after anything was taken back, one piece of work or a whole commit, so that caches can be dropped.</summary>
    public event Action? RolledBack;

    /// <summary>Looks after the connection while there is nothing to write.</summary>
    /// <param name="every">How often.</param>
    /// <param name="look">What is done; should it fail, the next write opens another connection.</param>
    internal void KeepAlive(TimeSpan every, Action<StoreSession> look)
    {
        _alive = TimeProvider.System.CreateTimer(_ =>
        {
            // A queue that is not empty uses the connection anyway.
            if (_queue.Reader.Count == 0) _queue.Writer.TryWrite(new Look(look));
        }, null, every, every);
    }

    /// <summary>Runs work inside the next transaction; the task completes after the commit.</summary>
    /// <exception cref="StorageException">The work or the commit failed; nothing of it is stored.</exception>
    public async Task<T> WriteAsync<T>(Func<StoreSession, T> work)
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
        if (_alive is not null) await _alive.DisposeAsync();
        _queue.Writer.TryComplete();
        await _loop;
    }

    private async Task RunAsync()
    {
        StoreSession? session = null;
        var group = new List<IWork>(MaxItemsPerCommit);
        try
        {
            while (await _queue.Reader.WaitToReadAsync())
            {
                group.Clear();
                try
                {
                    session ??= _open();
                    CommitGroup(session, group);
                }
                catch (Exception e)
                {
                    // Disk full, I/O error, locked, a connection that is gone: whatever it was, the group is lost as a whole and the next
                    // one is served. A fresh connection is the cleanest start.
                    _lastFailure = new WriteFailure(TimeProvider.System.GetTimestamp(), e.Message);
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

    private void CommitGroup(StoreSession session, List<IWork> group)
    {
        using var turn = _turn?.Take();
        session.Begin();
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

        session.Commit();
        turn?.Dispose(); // before anybody is woken who would write next
        foreach (var item in group) item.Complete();
    }

    private void FailGroup(List<IWork> group, Exception cause)
    {
        if (group.Count == 0 && _queue.Reader.TryRead(out var first)) group.Add(first);
        foreach (var item in group) item.Fail(new StorageException($"Nothing was stored: {cause.Message}", cause));
    }

    private static StorageException Closed(Exception? cause) =>
        cause is null ? new StorageException("The store is closed.") : new StorageException("The store is closed.", cause);

    /// <summary>A commit that failed.</summary>
    /// <param name="At">Timestamp of <see cref="TimeProvider.System"/>.</param>
    /// <param name="Reason">Why.</param>
    internal sealed record WriteFailure(long At, string Reason);

    private interface IWork
    {
        bool Perform(StoreSession session);

        void Complete();

        void Fail(StorageException cause);
    }

    private sealed class Look(Action<StoreSession> body) : IWork
    {
        public bool Perform(StoreSession session)
        {
            body(session);
            return true;
        }

        public void Complete()
        {
        }

        public void Fail(StorageException cause)
        {
            // Nobody waits for it.
        }
    }

    private sealed class Work<T>(Func<StoreSession, T> body) : IWork
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private T _value = default!;
        private Exception? _error;

        public Task<T> Done => _done.Task;

        public bool Perform(StoreSession session)
        {
            try
            {
                _value = body(session);
                return true;
            }
            catch (DbException e) when (!session.IsInTransaction)
            {
                // The whole transaction is gone: rolled back by SQLite itself (disk full, I/O error), or the connection to the server is lost.
                _error = e;
                throw;
            }
            catch (DbException e)
            {
                _error = new StorageException($"Not stored: {e.Message}", e);
                return false;
            }
            catch (Exception e) when (e is not DbException)
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
