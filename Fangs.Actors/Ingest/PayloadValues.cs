using Fangs.Protocol;

namespace Fangs.Actors.Ingest;

/// <summary>Where a string lies in a payload.</summary>
/// <param name="Start">First byte behind the opening quote.</param>
/// <param name="Length">Bytes up to the closing quote; 0 for an empty or absent string.</param>
/// <param name="IsEscaped">Whether it holds escapes.</param>
internal readonly record struct StringSlice(int Start, int Length, bool IsEscaped);

/// <summary>What one pass over a payload has found.</summary>
internal struct PayloadValues
{
    internal ulong? TsNs;
    internal EventTags Tags;
    internal long Ret;
    internal long Flags;
    internal long Argc;
    internal int DestPort;
    internal int ArgvStrs; // elements; -1 when the array is absent
    internal int AncestorComms; // elements; -1 when the array is absent
    internal int Ancestors; // elements with a process id
    internal bool ParseFailed;
    internal StringSlice CommStr;
    internal StringSlice PathName;
    internal StringSlice NewPathName;
    internal StringSlice Op;
    internal StringSlice Role;
    internal StringSlice Phase;
    internal StringSlice BinaryPathStr;
    internal StringSlice DestIP;
    internal StringSlice QName;
    internal StringSlice Sni;

    public PayloadValues() => (ArgvStrs, AncestorComms) = (-1, -1);

    /// <summary>The raw buffers whose parsed sibling is there and says the same.</summary>
    internal readonly RawBuffers Redundant =>
        When(CommStr.Length != 0, RawBuffers.HeaderComm)
        | When(PathName.Length != 0, RawBuffers.Path)
        | When(ArgvStrs > 0 || (ArgvStrs == 0 && Argc == 0), RawBuffers.Argv | RawBuffers.ArgvLens)
        | When(BinaryPathStr.Length != 0, RawBuffers.BinaryPath)
        | When(AncestorComms >= Ancestors, RawBuffers.AncestorComm)
        | When(DestIP.Length != 0, RawBuffers.DestAddr)
        | When(QName.Length != 0 && !ParseFailed, RawBuffers.Query)
        | When(Sni.Length != 0 && !ParseFailed, RawBuffers.RawPayload);

    private static RawBuffers When(bool isSo, RawBuffers buffers) => isSo ? buffers : RawBuffers.None;
}
