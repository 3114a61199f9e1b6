using Fangs.Actors.Storage;
using Fangs.Protocol;
using Microsoft.Extensions.Time.Testing;

namespace Fangs.Tests.Storage;

/// <summary>The stores of one backend over a database of their own.</summary>
public interface IStores : IAsyncDisposable
{
    /// <summary>Runs.</summary>
    IRunStore Runs { get; }

    /// <summary>Events.</summary>
    IEventStore Events { get; }
}

/// <summary>What the contracts of the stores have in common. Each backend inherits them; the SQL in them is what all of them understand.</summary>
public abstract class StoreSpecs : IAsyncLifetime
{
    /// <summary>Events of a run that are stored at most.</summary>
    protected const int MaxEvents = 20;

    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    protected IStores Stores { get; private set; } = null!;

    protected IRunStore Runs => Stores.Runs;

    protected IEventStore Events => Stores.Events;

    protected FakeTimeProvider Clock { get; } = new(Start);

    public async Task InitializeAsync() => Stores = await OpenAsync(Clock, MaxEvents).Soon();

    public Task DisposeAsync() => Stores.DisposeAsync().AsTask().Soon();

    /// <summary>Opens the stores on the database, which is made by the first call.</summary>
    protected abstract Task<IStores> OpenAsync(TimeProvider clock, int maxEventsPerRun);

    /// <summary>Rows of a query: columns as text, separated by bars, NULL as nothing.</summary>
    protected abstract Task<IReadOnlyList<string>> RowsAsync(string sql);

    /// <summary>Closes the stores and opens them anew, as a restart does.</summary>
    protected async Task ReopenAsync()
    {
        await Stores.DisposeAsync().AsTask().Soon();
        Stores = await OpenAsync(Clock, MaxEvents).Soon();
    }

    /// <summary>Makes the row of a new run.</summary>
    protected async Task<RunId> NewRunAsync()
    {
        var id = RunId.New(Clock);
        await Runs.EnsureAsync(new Job { RunId = id, Kind = JobKind.SensorOnly, PackageName = "left-thing", Version = "2.0.1" }, Clock.GetUtcNow(), null).Soon();
        return id;
    }

    protected static RunEnd Ok(ulong dropped = 0) =>
        new(RunStates.Done, "", new ResultRequest { Status = ResultStatus.Ok, EventsEmitted = 1, Duration = new Nanoseconds(5) }, dropped, "digest");
}
