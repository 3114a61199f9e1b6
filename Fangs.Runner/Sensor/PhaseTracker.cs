using System.Text;

namespace Fangs.Runner.Sensor;

/// <summary>Which phase a run is in. A phase begins with an exec that only the harness can make, because only it knows the nonce.</summary>
internal sealed class PhaseTracker
{
    private readonly Lock _gate = new();
    private readonly List<(byte[] Nonce, byte[] Phase)> _expected = [];

    /// <summary>The phase that began last; empty before the first.</summary>
    internal string Current { get; private set; } = "";

    /// <summary>Whether this run has phases at all.</summary>
    internal bool HasPhases { get; private set; }

    /// <summary>Expects a mark. May be called while the other methods run.</summary>
    internal void Expect(string phase, string nonce)
    {
        lock (_gate)
        {
            _expected.Add((Encoding.UTF8.GetBytes(nonce), Encoding.UTF8.GetBytes(phase)));
            HasPhases = true;
        }
    }

    /// <summary>Enters the phase when the arguments are an expected mark. A nonce counts once.</summary>
    internal bool TryEnter(ReadOnlySpan<byte> arguments)
    {
        var list = new ArgumentList(arguments);
        list.Next(out _);
        if (!list.Next(out var word) || !word.SequenceEqual("fangs-phase"u8)) return false;
        if (!list.Next(out var nonce) || !list.Next(out var phase)) return false;
        lock (_gate)
        {
            for (var i = 0; i < _expected.Count; i++)
            {
                if (!nonce.SequenceEqual(_expected[i].Nonce) || !phase.SequenceEqual(_expected[i].Phase)) continue;
                _expected.RemoveAt(i);
                Current = Encoding.UTF8.GetString(phase);
                return true;
            }
        }

        return false;
    }
}

/// <summary>Walks over arguments as the kernel keeps them: each followed by a NUL.</summary>
internal ref struct ArgumentList(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>The next argument; false after the last.</summary>
    internal bool Next(out ReadOnlySpan<byte> argument)
    {
        argument = default;
        if (_rest.IsEmpty) return false;
        var end = _rest.IndexOf((byte)0);
        argument = end < 0 ? _rest : _rest[..end];
        _rest = end < 0 ? default : _rest[(end + 1)..];
        return true;
    }
}
