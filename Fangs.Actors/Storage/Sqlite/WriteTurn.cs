namespace Fangs.Actors.Storage.Sqlite;

/// <summary>Whose turn it is to write to a SQLite file. The tables' writer and the journal have a connection each, and the file takes one writer at a time.</summary>
/// <remarks>
/// Without it the one that comes second finds the file locked and sleeps until its next look, milliseconds each time, while a commit takes a fraction of one.
/// Turns are given in the order in which they were asked for. SQLite's own lock still decides; a turn that is not given back in time is passed
/// over, so that it costs time and not a standstill.
/// </remarks>
public sealed class WriteTurn
{
    private readonly TimeSpan _patience;
    private readonly Lock _gate = new();
    private readonly Queue<Waiter> _waiting = new();
    private Waiter? _holder;

    /// <summary>Makes one that nobody has.</summary>
    public WriteTurn()
        : this(TimeSpan.FromSeconds(5))
    {
    }

    /// <summary>Makes one that nobody has.</summary>
    /// <param name="patience">How long a turn may take before it is passed over.</param>
    public WriteTurn(TimeSpan patience) => _patience = patience;

    /// <summary>Whether somebody waits.</summary>
    public bool IsWaitedFor
    {
        get
        {
            lock (_gate) return _waiting.Count > 0;
        }
    }

    /// <summary>Waits for the turn.</summary>
    /// <returns>To be disposed when the transaction has ended.</returns>
    public IDisposable Take()
    {
        var waiter = new Waiter(this);
        lock (_gate)
        {
            if (_holder is null)
            {
                _holder = waiter;
                return waiter;
            }

            _waiting.Enqueue(waiter);
        }

        if (!waiter.WaitFor(_patience)) PassOver(waiter);
        return waiter;
    }

    private void PassOver(Waiter waiter)
    {
        // Whoever has it keeps a turn that does not count any more, and gives nothing away with it.
        lock (_gate) _holder = waiter;
    }

    private void Give(Waiter waiter)
    {
        lock (_gate)
        {
            if (_holder != waiter) return;
            _holder = null;
            while (_holder is null && _waiting.TryDequeue(out var next))
                if (next.TryWake()) _holder = next;
        }
    }

    private sealed class Waiter(WriteTurn turn) : IDisposable
    {
        private readonly Lock _state = new();
        private readonly ManualResetEventSlim _woken = new(false, spinCount: 0);
        private bool _isOver;

        public bool WaitFor(TimeSpan time)
        {
            if (_woken.Wait(time)) return true;
            lock (_state)
            {
                _isOver = true;
                return _woken.IsSet;
            }
        }

        /// <summary>False for one that has stopped waiting.</summary>
        public bool TryWake()
        {
            lock (_state)
            {
                if (_isOver) return false;
                _woken.Set();
                return true;
            }
        }

        public void Dispose() => turn.Give(this);
    }
}
