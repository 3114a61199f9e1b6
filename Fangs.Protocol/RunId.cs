using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fangs.Protocol;

/// <summary>The 128-bit id of one run: an array of 16 numbers in bodies, 32 lower-case hex digits everywhere else.</summary>
/// <remarks>The all-zero value stands for "not supplied".</remarks>
[JsonConverter(typeof(RunIdJsonConverter))]
public readonly record struct RunId : IComparable<RunId>
{
    /// <summary>Length of the id in bytes.</summary>
    public const int Size = 16;

    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");
    private readonly UInt128 _value;

    private RunId(UInt128 value) => _value = value;

    /// <summary>True for the all-zero id, which means "not supplied".</summary>
    public bool IsEmpty => _value == UInt128.Zero;

    /// <summary>Reads an id from its 16 bytes.</summary>
    /// <exception cref="ArgumentException">The span does not hold exactly 16 bytes.</exception>
    public static RunId FromBytes(ReadOnlySpan<byte> bytes) => bytes.Length == Size
        ? new RunId(BinaryPrimitives.ReadUInt128BigEndian(bytes))
        : throw new ArgumentException($"A run id has {Size} bytes, not {bytes.Length}.", nameof(bytes));

    /// <summary>Makes a new id: 48 bits of Unix milliseconds, so that ids sort by time, then 80 random bits.</summary>
    public static RunId New(TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(clock);
        Span<byte> bytes = stackalloc byte[Size];
        RandomNumberGenerator.Fill(bytes);
        var random = BinaryPrimitives.ReadUInt128BigEndian(bytes) & ((UInt128.One << 80) - 1);
        return new RunId(((UInt128)(ulong)clock.GetUtcNow().ToUnixTimeMilliseconds() << 80) | random);
    }

    /// <summary>Parses 32 lower-case hex digits, the form of paths and response bodies.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, out RunId id)
    {
        id = default;
        if (text is not { Length: 2 * Size } || text.AsSpan().ContainsAnyExcept(LowerHex)) return false;
        Span<byte> bytes = stackalloc byte[Size];
        _ = Convert.FromHexString(text, bytes, out _, out _);
        id = FromBytes(bytes);
        return true;
    }

    /// <summary>Parses 32 lower-case hex digits.</summary>
    /// <exception cref="FormatException">The text has another form.</exception>
    public static RunId Parse(string text) =>
        TryParse(text, out var id) ? id : throw new FormatException($"'{text}' is not a run id: expected 32 lower-case hex digits.");

    /// <summary>Writes the 16 bytes of the id.</summary>
    /// <exception cref="ArgumentException">The destination is too short.</exception>
    public void CopyTo(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, _value);

    /// <inheritdoc/>
    public int CompareTo(RunId other) => _value.CompareTo(other._value);

    /// <summary>32 lower-case hex digits.</summary>
    public override string ToString() => _value.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Orders ids by value, which for ids of <see cref="New"/> is by time.</summary>
    public static bool operator <(RunId left, RunId right) => left._value < right._value;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator >(RunId left, RunId right) => left._value > right._value;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator <=(RunId left, RunId right) => left._value <= right._value;

    /// <inheritdoc cref="op_LessThan"/>
    public static bool operator >=(RunId left, RunId right) => left._value >= right._value;
}

/// <summary>A run id in a body: an array of 16 integers from 0 to 255. <c>null</c> is read as "not supplied".</summary>
public sealed class RunIdJsonConverter : JsonConverter<RunId>
{
    /// <inheritdoc/>
    public override bool HandleNull => true;

    /// <inheritdoc/>
    public override RunId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType == JsonTokenType.Null) return default;
        if (reader.TokenType != JsonTokenType.StartArray) throw new JsonException("expected an array of 16 numbers from 0 to 255");
        Span<byte> bytes = stackalloc byte[RunId.Size];
        var count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetByte(out var value))
                throw new JsonException("expected an array of 16 numbers from 0 to 255");
            if (count < RunId.Size) bytes[count] = value;
            count++;
        }

        return count == RunId.Size
            ? RunId.FromBytes(bytes)
            : throw new JsonException($"expected an array of 16 numbers from 0 to 255, found {count}");
    }

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, RunId value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        Span<byte> bytes = stackalloc byte[RunId.Size];
        value.CopyTo(bytes);
        writer.WriteStartArray();
        foreach (var b in bytes) writer.WriteNumberValue(b);
        writer.WriteEndArray();
    }
}
