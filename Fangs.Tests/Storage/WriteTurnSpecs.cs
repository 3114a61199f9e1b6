using Fangs.Actors.Storage.Sqlite;

namespace Fangs.Tests.Storage;

public sealed class WriteTurnSpecs
{
    [Fact]
    public async Task One_at_a_time_has_the_turn_and_nobody_is_forgotten()
    {
        var turn = new WriteTurn();
        var (inside, most, done) = (0, 0, 0);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 2_000; i++)
            {
                using (turn.Take())
                {
                    most = Math.Max(most, Interlocked.Increment(ref inside));
                    done++;
                    Interlocked.Decrement(ref inside);
                }
            }
        }))).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal((1, 8_000), (most, done));
    }

    [Fact]
    public async Task Whoever_waits_is_served_before_one_who_asks_again()
    {
        var turn = new WriteTurn();
        var first = turn.Take();
        var order = new List<string>();
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var other = Task.Run(() =>
        {
            waiting.SetResult();
            using (turn.Take()) order.Add("waiter");
        });
        await waiting.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await Limits.UntilAsync(() => turn.IsWaitedFor);
        first.Dispose();
        using (turn.Take()) order.Add("first again");
        await other.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(["waiter", "first again"], order);
    }

    [Fact]
    public async Task A_turn_that_is_given_back_twice_or_never_stops_nobody()
    {
        var turn = new WriteTurn(TimeSpan.FromMilliseconds(50));
        var lost = turn.Take();
        var next = await Task.Run(turn.Take).WaitAsync(TimeSpan.FromSeconds(30));
        lost.Dispose(); // late: the turn is somebody else's by now
        lost.Dispose();
        var third = Task.Run(turn.Take);
        next.Dispose();
        (await third.WaitAsync(TimeSpan.FromSeconds(30))).Dispose();
    }
}
