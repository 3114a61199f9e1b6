using System.Collections.Concurrent;
using System.Data.Common;
using System.Text;
using System.Text.Json;
using Fangs.Actors.Storage;
using Fangs.Actors.Storage.Queries;
using Microsoft.Extensions.Logging;

namespace Fangs.Http.Dashboard.Live;

/// <summary>Keeps what open pages show up to date: each region is looked at and made once, however many pages have it open, and not at all when none has.</summary>
/// <remarks>
/// A connection holds no messages, only the version that it has sent last, and sends whatever is newer. So a slow reader skips what it has
/// missed, costs no memory, and holds nobody back.
/// </remarks>
public sealed partial class LiveHub : IAsyncDisposable
{
    private const int MaxRegions = 1_000;

    private static readonly JsonSerializerOptions Comparable = new() { MaxDepth = 32 };

    private readonly Func<string, LiveRegion?> _find;
    private readonly Func<LiveRegion, object, Task<byte[]>> _render;
    private readonly TimeProvider _clock;
    private readonly TimeSpan _lookEvery;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, Watched> _regions = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly Task _looking;
    private TaskCompletionSource _changed = NewSignal();
    private TaskCompletionSource _wanted = NewSignal();
    private long _version;
    private bool _isDisposed;

    /// <summary>Begins to look, as soon as somebody wants to see something.</summary>
    /// <param name="find">Finds a region by its name; null when there is none of that name.</param>
    /// <param name="render">Makes the HTML of what a region shows.</param>
    /// <param name="lookEvery">Time between two looks.</param>
    /// <param name="clock">The time.</param>
    /// <param name="log">Where failures go.</param>
    public LiveHub(Func<string, LiveRegion?> find, Func<LiveRegion, object, Task<byte[]>> render, TimeSpan lookEvery, TimeProvider clock, ILogger log)
    {
        (_find, _render, _lookEvery, _clock, _log) = (find, render, lookEvery, clock, log);
        _looking = Task.Run(LookAsync);
    }

    /// <summary>Names this process: versions of another one mean nothing.</summary>
    public string Epoch { get; } = Guid.NewGuid().ToString("n")[..8];

    /// <summary>Regions that somebody has open.</summary>
    public int Open => _regions.Count;

    /// <summary>Notes that a page has regions open. To be disposed of with the connection.</summary>
    /// <param name="names">Their names; unknown ones are left out.</param>
    public Subscription Subscribe(IEnumerable<string> names)
    {
        ArgumentNullException.ThrowIfNull(names);
        var watched = new List<Watched>();
        lock (_gate)
        {
            foreach (var name in names)
            {
                if (!_regions.TryGetValue(name, out var region))
                {
                    if (_regions.Count >= MaxRegions || _find(name) is not { } found) continue;
                    _regions[name] = region = new Watched(found);
                }

                region.Pages++;
                watched.Add(region);
            }

            if (watched.Count > 0) _wanted.TrySetResult();
        }

        return new Subscription(this, watched);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, true)) return;
        await _stop.CancelAsync();
        await _looking;
        _stop.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task LookAsync()
    {
        try
        {
            while (true)
            {
                Task wanted;
                lock (_gate)
                {
                    if (_regions.IsEmpty && _wanted.Task.IsCompleted) _wanted = NewSignal();
                    wanted = _wanted.Task;
                }

                await wanted.WaitAsync(_stop.Token);
                foreach (var region in _regions.Values) await RefreshAsync(region);
                await Task.Delay(_lookEvery, _clock, _stop.Token);
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
        }
    }

    private async Task RefreshAsync(Watched region)
    {
        try
        {
            if (await region.Region.Load() is not { } model) return;
            // The model and not the HTML, which also tells how long ago things were.
            var state = JsonSerializer.Serialize(model, model.GetType(), Comparable);
            if (state == region.State) return;
            var html = Encoding.UTF8.GetString(await _render(region.Region, model));
            region.State = state;
            lock (_gate)
            {
                region.Content = new LiveContent(++_version, html);
                var changed = _changed;
                _changed = NewSignal();
                changed.SetResult();
            }
        }
        catch (Exception e) when (e is DbException or StorageException or StorageReadException)
        {
            LookFailed(_log, e, region.Region.Name);
        }
#pragma warning disable CA1031 // A mistake in one region must not end the looks at all others.
        catch (Exception e) when (!_stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            LookFailed(_log, e, region.Region.Name);
        }
    }

    private void Leave(List<Watched> watched)
    {
        lock (_gate)
        {
            foreach (var region in watched)
            {
                if (--region.Pages == 0) _regions.TryRemove(region.Region.Name, out _);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "What open pages show could not be brought up to date: {Region}")]
    private static partial void LookFailed(ILogger logger, Exception cause, string region);

    internal sealed class Watched(LiveRegion region)
    {
        public LiveRegion Region => region;

        public int Pages { get; set; }

        public string State { get; set; } = "";

        public LiveContent Content { get; set; } = new(0, "");
    }

    /// <summary>The regions that one page has open.</summary>
    public sealed class Subscription : IDisposable
    {
        private readonly LiveHub _hub;
        private readonly List<Watched> _watched;
        private int _isDisposed;

        internal Subscription(LiveHub hub, List<Watched> watched) => (_hub, _watched) = (hub, watched);

        /// <summary>Number of regions.</summary>
        public int Count => _watched.Count;

        /// <summary>Completes when something has changed after a call of <see cref="Since"/> that came later than this one.</summary>
        public Task Changed
        {
            get
            {
                lock (_hub._gate) return _hub._changed.Task;
            }
        }

        /// <summary>What has changed since a version, oldest first.</summary>
        public IReadOnlyList<(string Name, LiveContent Content)> Since(long version) =>
            [.. _watched.Select(region => (region.Region.Name, region.Content)).Where(pair => pair.Content.Version > version).OrderBy(pair => pair.Content.Version)];

        /// <inheritdoc/>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isDisposed, 1) == 0) _hub.Leave(_watched);
        }
    }
}
