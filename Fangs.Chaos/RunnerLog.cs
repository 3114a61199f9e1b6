using System.Text.Json;

namespace Fangs.Chaos;

/// <summary>Reads from the log of a real runner when it worked on which run.</summary>
internal static class RunnerLog
{
    /// <summary>The times of work.</summary>
    /// <param name="lines">The log, in JSON, of one process after the other.</param>
    /// <param name="runner">Whose.</param>
    /// <param name="began">Wall clock of the beginning, to which the times are relative.</param>
    /// <param name="deaths">When the process was killed; work in progress ended there.</param>
    /// <param name="until">Where work ends that has no other end.</param>
    public static IReadOnlyList<Work> Works(IEnumerable<string> lines, string runner, DateTimeOffset began, IReadOnlyList<TimeSpan> deaths, TimeSpan until)
    {
        var (works, open) = (new List<Work>(), new Dictionary<string, TimeSpan>());
        foreach (var line in lines)
        {
            if (Parse(line) is not var (at, run, message)) continue;
            if (message.StartsWith("Job starts: ", StringComparison.Ordinal)) open[run] = at - began;
            else if (message.StartsWith("Job ends: ", StringComparison.Ordinal) && open.Remove(run, out var from)) works.Add(new Work(run, runner, from, at - began));
        }

        works.AddRange(open.Select(o => new Work(o.Key, runner, o.Value, deaths.Where(d => d >= o.Value).DefaultIfEmpty(until).Min())));
        return works;
    }

    private static (DateTimeOffset At, string Run, string Message)? Parse(string line)
    {
        if (!line.StartsWith('{')) return null;
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.TryGetProperty("run_id", out var run) ? (json.RootElement.GetProperty("time").GetDateTimeOffset(), run.GetString()!, json.RootElement.GetProperty("message").GetString()!) : null;
        }
        catch (JsonException)
        {
            return null; // cut off by a kill
        }
    }
}
