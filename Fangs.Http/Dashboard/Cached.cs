namespace Fangs.Http.Dashboard;

/// <summary>Something that takes a while to find out and may be a little out of date. Many who ask at once cause one look, and only the first waits.</summary>
/// <param name="lifetime">How long it counts. Then whoever asks has it found out anew, and still gets what is known, unless that is ten times as old.</param>
/// <param name="clock">The time.</param>
public sealed class Cached<T>(TimeSpan lifetime, TimeProvider clock)
{
    private const int MostLifetimes = 10;

    private readonly Lock _gate = new();
    private Task<T>? _known;
    private Task<T>? _finding;
    private long _since;

    /// <summary>The value, found out anew when it is too old or could not be found out.</summary>
    /// <param name="find">Finds it out; not cancelled with whoever asks first.</param>
    public Task<T> GetAsync(Func<Task<T>> find)
    {
        ArgumentNullException.ThrowIfNull(find);
        lock (_gate)
        {
            if (_finding is { IsCompleted: true } found)
            {
                // After a failure what was known before counts until it is too old; then the failure is the answer.
                if (found.IsCompletedSuccessfully || _known is null) _known = found;
                _finding = null;
            }

            var age = clock.GetElapsedTime(_since);
            var isFresh = _known is { IsCompletedSuccessfully: true } && age < lifetime;
            if (!isFresh && _finding is null) (_finding, _since) = (find(), clock.GetTimestamp());
            return isFresh || (_known is { IsCompletedSuccessfully: true } && age < lifetime * MostLifetimes) ? _known! : _finding!;
        }
    }
}
