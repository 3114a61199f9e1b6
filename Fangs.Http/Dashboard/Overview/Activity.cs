using Fangs.Actors.Reports;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Http.Dashboard.Overview;

/// <summary>Runs that ended within one hour.</summary>
/// <param name="From">Beginning of the hour.</param>
/// <param name="Clean">Conclusive and without deviations.</param>
/// <param name="Deviating">With deviations.</param>
/// <param name="Inconclusive">Without complete evidence.</param>
/// <param name="Failed">Failed.</param>
public sealed record ActivityHour(DateTimeOffset From, int Clean, int Deviating, int Inconclusive, int Failed)
{
    /// <summary>All of them.</summary>
    public int Total => Clean + Deviating + Inconclusive + Failed;
}

/// <summary>What happened in the last 24 hours.</summary>
/// <param name="Hours">Runs that ended, by hour, the last of which has not passed yet.</param>
/// <param name="Queue">The most jobs that waited at once in each quarter of an hour.</param>
public sealed record Activity(IReadOnlyList<ActivityHour> Hours, IReadOnlyList<int> Queue)
{
    /// <summary>Number of hours.</summary>
    public const int HourCount = 24;

    /// <summary>Intervals of an hour for which the queue is measured.</summary>
    public const int QueuePerHour = 4;

    private static readonly TimeSpan Step = TimeSpan.FromMinutes(60 / QueuePerHour);

    /// <summary>Beginning of the hours that are shown at some instant.</summary>
    public static DateTimeOffset Since(DateTimeOffset now) =>
        new DateTimeOffset(now.Year, now.Month, now.Day, now.Hour, 0, 0, now.Offset).AddHours(1 - HourCount);

    /// <summary>Counts runs.</summary>
    public static Activity Of(IEnumerable<RunTimesRow> runs, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(runs);
        var since = Since(now);
        var ended = new int[HourCount, 4];
        var changes = new List<(DateTimeOffset At, int By)>();
        foreach (var run in runs)
        {
            if (!TimeText.TryParse(run.QueuedAt, out var queued)) continue;
            if (TimeText.TryParse(run.FinishedAt ?? "", out var finished) && finished >= since && finished <= now) ended[(int)(finished - since).TotalHours, KindOf(run)]++;
            // What was never handed out has waited until it was given up.
            DateTimeOffset? left = TimeText.TryParse(run.HandedOutAt ?? run.FinishedAt ?? "", out var at) ? at : run.State == "pending" ? null : queued;
            changes.Add((queued, 1));
            if (left is { } time) changes.Add((time, -1));
        }

        return new Activity(
            [.. Enumerable.Range(0, HourCount).Select(i => new ActivityHour(since.AddHours(i), ended[i, 0], ended[i, 1], ended[i, 2], ended[i, 3]))],
            Depths(changes, since));
    }

    private static int KindOf(RunTimesRow run) =>
        run.State == "failed" ? 3 : run.Conclusive == false ? 2 : run.HasDeviations ? 1 : 0;

    private static int[] Depths(List<(DateTimeOffset At, int By)> changes, DateTimeOffset since)
    {
        var depths = new int[HourCount * QueuePerHour];
        var depth = 0;
        // At the same instant a job that leaves makes room first.
        changes.Sort((a, b) => a.At != b.At ? a.At.CompareTo(b.At) : a.By.CompareTo(b.By));
        var next = 0;
        for (var i = 0; i < depths.Length; i++)
        {
            var end = since + ((i + 1) * Step);
            for (; next < changes.Count && changes[next].At < since; next++) depth += changes[next].By;
            var most = depth;
            for (; next < changes.Count && changes[next].At < end; next++)
            {
                depth += changes[next].By;
                most = Math.Max(most, depth);
            }

            depths[i] = Math.Max(0, most);
        }

        return depths;
    }
}
