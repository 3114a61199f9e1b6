namespace Fangs.Actors.Retention;

/// <summary>How much one write may do, learned from how long the last one took.</summary>
/// <param name="start">Rows or pages of the first write.</param>
/// <param name="min">It never goes below this.</param>
/// <param name="max">It never goes above this.</param>
/// <param name="target">How long a write should take.</param>
public sealed class StepBudget(int start, int min, int max, TimeSpan target)
{
    /// <summary>Rows or pages of the next write.</summary>
    public int Size { get; private set; } = Math.Clamp(start, min, max);

    /// <summary>A write of this size took that long. Too long: the next one is smaller in proportion, at once. Short: it grows, at most twofold.</summary>
    /// <param name="done">Rows or pages that it really did; a write that ran out of work says nothing about a larger one.</param>
    /// <param name="took">How long it took.</param>
    public void Learn(int done, TimeSpan took)
    {
        if (took > target) Size = Math.Clamp((int)(Size * (target / took)), min, max);
        else if (done * 2 >= Size) Size = Math.Clamp((int)(Size * Math.Min(2, target / (took + TimeSpan.FromTicks(1)))), min, max);
    }
}
