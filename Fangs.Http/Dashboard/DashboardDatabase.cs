using System.Collections.Concurrent;
using System.Data.Common;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Http.Dashboard;

/// <summary>Lends read-only connections to pages: few at a time, so that pages cannot take the machine from the ingest.</summary>
/// <param name="open">Opens one.</param>
public sealed class DashboardDatabase(Func<ReadOnlyDatabase> open) : IDisposable
{
    private const int AtOnce = 4;

    private readonly SemaphoreSlim _slots = new(AtOnce);
    private readonly ConcurrentBag<ReadOnlyDatabase> _idle = [];
    private volatile bool _isClosed;

    /// <summary>Runs queries on a connection.</summary>
    /// <exception cref="StorageReadException">The database cannot be opened.</exception>
    /// <exception cref="DbException">A query failed.</exception>
    public async Task<T> ReadAsync<T>(Func<ReadOnlyDatabase, T> read, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(read);
        await _slots.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(() => Read(read), cancellationToken);
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isClosed = true;
        while (_idle.TryTake(out var database)) database.Dispose();
    }

    private T Read<T>(Func<ReadOnlyDatabase, T> read)
    {
        if (!_idle.TryTake(out var database)) database = open();
        var isSound = false;
        try
        {
            var value = read(database);
            isSound = true;
            return value;
        }
        finally
        {
            // After a failure nobody knows what state a connection is in.
            if (isSound && !_isClosed) _idle.Add(database);
            else database.Dispose();
        }
    }
}
