using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using System.Text;

namespace Fangs.Runner.Sandbox.Network;

/// <summary>One address of 198.18.0.0/16 (reserved for benchmarks) per name: the same name gets the same address, in other runs too.</summary>
internal sealed class FakeAddresses
{
    /// <summary>More names than any package resolves. A package that tunnels data through names fills this, not our memory.</summary>
    internal const int MaxNames = 16_384;

    private const uint First = (198u << 24) | (18u << 16) | 1;
    private const uint Count = 65_534; // neither .0.0 nor .255.255

    private readonly Lock _gate = new();
    private readonly Dictionary<string, uint> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<uint, string> _byAddress = [];

    /// <summary>The name's address; null when there are too many names.</summary>
    internal IPAddress? For(string name)
    {
        lock (_gate)
        {
            if (!_byName.TryGetValue(name, out var address))
            {
                if (_byName.Count >= MaxNames) return null;
                var place = BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(name))) % Count;
                while (_byAddress.ContainsKey(First + place)) place = (place + 1) % Count;
                _byName[name] = address = First + place;
                _byAddress[address] = name;
            }

            return new IPAddress([(byte)(address >> 24), (byte)(address >> 16), (byte)(address >> 8), (byte)address]);
        }
    }

    /// <summary>The name that was given the address, or null.</summary>
    internal string? NameOf(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (!address.TryWriteBytes(bytes, out var written) || written != 4) return null;
        lock (_gate) return _byAddress.GetValueOrDefault(BinaryPrimitives.ReadUInt32BigEndian(bytes));
    }
}
