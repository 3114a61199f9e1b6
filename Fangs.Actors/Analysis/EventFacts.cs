using Fangs.Protocol;

namespace Fangs.Actors.Analysis;

/// <summary>The fields of one event that analysis looks at. What the payload does not have is empty or zero.</summary>
public ref struct EventFacts
{
    /// <summary>Type number, see <see cref="EventType"/>.</summary>
    public byte Type { get; set; }

    /// <summary><c>Header.Tags</c>.</summary>
    public EventTags Tags { get; set; }

    /// <summary><c>Role</c>.</summary>
    public string Role { get; set; }

    /// <summary><c>Phase</c>.</summary>
    public string Phase { get; set; }

    /// <summary><c>Ret</c>: result of the system call, negative for a failure; 0 when not told.</summary>
    public long Ret { get; set; }

    /// <summary><c>Op</c>: the operation on a file; empty means open.</summary>
    public ReadOnlySpan<char> Op { get; set; }

    /// <summary><c>Flags</c> of open.</summary>
    public long Flags { get; set; }

    /// <summary><c>PathName</c>.</summary>
    public ReadOnlySpan<char> Path { get; set; }

    /// <summary><c>NewPathName</c> of a rename or link.</summary>
    public ReadOnlySpan<char> NewPath { get; set; }

    /// <summary><c>BinaryPathStr</c>.</summary>
    public ReadOnlySpan<char> Binary { get; set; }

    /// <summary><c>DestIP</c>.</summary>
    public ReadOnlySpan<char> DestIP { get; set; }

    /// <summary><c>DestPort</c>.</summary>
    public int DestPort { get; set; }

    /// <summary><c>QName</c> or <c>SNI</c>.</summary>
    public ReadOnlySpan<char> Name { get; set; }
}
