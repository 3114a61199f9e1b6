using CsCheck;
using Fangs.Actors.Jobs;
using Fangs.Protocol;

namespace Fangs.Tests.Jobs;

/// <summary>The job queue under arbitrary commands: nothing is lost, nothing runs twice at once, order is kept.</summary>
public sealed class JobQueueStatePropertySpecs
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly RunnerId[] Targets = [new("a"), new("b"), RunnerId.Any];

    [Fact]
    public void No_job_is_lost_or_handed_out_twice_at_the_same_time()
    {
        var step = Gen.Select(Gen.Int[0, 7], Gen.Int[0, 9], Gen.Int[0, 2]);
        step.Array[1, 120].Sample(steps => Play(steps), iter: 2000);
    }

    [Fact]
    public void Jobs_for_one_target_are_handed_out_in_the_order_of_their_arrival()
    {
        Gen.Int[0, 2].Array[1, 40].Sample(targets =>
        {
            var state = JobQueueState.Empty;
            for (var i = 0; i < targets.Length; i++) state = Do(state, new QueueJob(JobOf(i), Targets[targets[i]])).State;
            foreach (var runner in Targets[..2])
            {
                var mine = state;
                var order = new List<int>();
                while (mine.NextFor(runner) is { } next)
                {
                    order.Add(IndexOf(next.Job.RunId));
                    mine = Do(mine, new LeaseJob(next.Job.RunId, runner, true)).State;
                }

                Assert.Equal(Enumerable.Range(0, targets.Length).Where(i => Targets[targets[i]] == runner || Targets[targets[i]] == RunnerId.Any), order);
            }
        });
    }

    [Fact]
    public void A_returned_job_goes_before_everything_queued_after_it()
    {
        var state = Do(JobQueueState.Empty, new QueueJob(JobOf(0), RunnerId.Any)).State;
        state = Do(state, new LeaseJob(JobOf(0).RunId, Targets[0], true)).State;
        state = Do(state, new QueueJob(JobOf(1), RunnerId.Any)).State;
        state = Do(state, new ReturnJob(JobOf(0).RunId, 1, "test")).State;
        Assert.Equal(0, IndexOf(state.NextFor(Targets[1])!.Job.RunId));
    }

    [Fact]
    public void Three_deliveries_without_a_sign_of_life_end_the_run()
    {
        var state = Do(JobQueueState.Empty, new QueueJob(JobOf(0), RunnerId.Any)).State;
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            state = Do(state, new LeaseJob(JobOf(0).RunId, Targets[0], true)).State;
            state = Do(state, new ReturnJob(JobOf(0).RunId, attempt, "no sign of life")).State;
        }

        Assert.Equal(JobStage.Ending, state.Jobs[JobOf(0).RunId].Stage);
        Assert.Contains("not picked up", state.Jobs[JobOf(0).RunId].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_lost_run_is_repeated_under_a_new_id_three_runs_at_most()
    {
        var state = Do(JobQueueState.Empty, new QueueJob(JobOf(0), RunnerId.Any)).State;
        var current = JobOf(0).RunId;
        for (var run = 1; run <= 3; run++)
        {
            state = Do(state, new LeaseJob(current, Targets[0], true)).State;
            state = Do(state, new ConfirmLease(current, null)).State;
            state = Do(state, new LoseRun(current, "gone", JobOf(run).RunId)).State;
            Assert.Equal(JobStage.Ending, state.Jobs[current].Stage);
            Assert.Equal(run < 3, state.Jobs.ContainsKey(JobOf(run).RunId));
            if (run < 3) Assert.Equal(current, state.Jobs[JobOf(run).RunId].RetryOf);
            current = JobOf(run).RunId;
        }
    }

    [Fact]
    public void A_snapshot_and_the_journal_in_JSON_give_the_same_state()
    {
        var step = Gen.Select(Gen.Int[0, 7], Gen.Int[0, 9], Gen.Int[0, 2]);
        step.Array[1, 60].Sample(steps =>
        {
            var (state, facts) = Play(steps);
            var serializer = new JobSerializer(null!);
            var replayed = facts.Aggregate(JobQueueState.Empty, (s, f) => s.Apply((IJobEvent)serializer.FromBinary(serializer.ToBinary(f), serializer.Manifest(f))));
            var snapshot = JobQueueSnapshot.Of(state);
            var restored = ((JobQueueSnapshot)serializer.FromBinary(serializer.ToBinary(snapshot), serializer.Manifest(snapshot))).ToState();
            foreach (var other in new[] { replayed, restored })
            {
                Assert.Equal(state.Jobs.Keys.Order(), other.Jobs.Keys.Order());
                Assert.Equal(state.NextOrder, other.NextOrder);
                foreach (var runner in Targets[..2]) Assert.Equal(state.NextFor(runner)?.Job.RunId, other.NextFor(runner)?.Job.RunId);
            }
        }, iter: 300);
    }

    private static (JobQueueState State, List<IJobEvent> Facts) Play((int Kind, int Job, int Target)[] steps)
    {
        var state = JobQueueState.Empty;
        var facts = new List<IJobEvent>();
        var accepted = new HashSet<RunId>();
        var forgotten = new HashSet<RunId>();
        var retry = 100;
        foreach (var (kind, index, target) in steps)
        {
            var run = JobOf(index).RunId;
            var runner = Targets[target % 2];
            IJobCommand? command = kind switch
            {
                0 or 1 => forgotten.Contains(run) ? null : new QueueJob(JobOf(index), Targets[target]),
                2 or 3 => state.NextFor(runner) is { } next ? new LeaseJob(next.Job.RunId, runner, true) : null,
                4 => new ConfirmLease(run, target == 2 ? null : runner),
                5 => new ReturnJob(run, state.Jobs.GetValueOrDefault(run)?.Attempt ?? 1, "test"),
                6 => new LoseRun(run, "test", JobOf(retry++).RunId),
                _ => new FinishJob(run),
            };
            if (command is null) continue;
            var before = state;
            var (reply, events) = state.Decide(command, Start);
            foreach (var fact in events)
            {
                state = state.Apply(fact);
                if (fact is JobQueued queued) Assert.True(accepted.Add(queued.RunId), "queued twice");
                if (fact is JobForgotten) forgotten.Add(fact.RunId);
                // Handed out only from the queue: whoever had it before has lost it in the journal.
                if (fact is JobLeased) Assert.Equal(JobStage.Queued, before.Jobs[fact.RunId].Stage);
            }

            facts.AddRange(events);
            Assert.Equal(accepted.Except(forgotten).Order(), state.Jobs.Keys.Order());
            if (reply is not JobReply.Accepted) Assert.Empty(events);
        }

        return (state, facts);
    }

    private static (JobQueueState State, JobReply Reply) Do(JobQueueState state, IJobCommand command)
    {
        var (reply, events) = state.Decide(command, Start);
        return (events.Aggregate(state, (s, e) => s.Apply(e)), reply);
    }

    private static Job JobOf(int index)
    {
        var bytes = new byte[RunId.Size];
        BitConverter.TryWriteBytes(bytes.AsSpan(4), index + 1);
        return new Job { RunId = RunId.FromBytes(bytes), Kind = JobKind.SensorOnly };
    }

    private static int IndexOf(RunId run)
    {
        var bytes = new byte[RunId.Size];
        run.CopyTo(bytes);
        return BitConverter.ToInt32(bytes, 4) - 1;
    }
}
