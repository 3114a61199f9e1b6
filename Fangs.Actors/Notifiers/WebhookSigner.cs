using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Fangs.Actors.Notifiers;

/// <summary>Signatures of messages: HMAC-SHA256 over the body, and over time and body so that a recorded message cannot be sent again later. Pure.</summary>
public static class WebhookSigner
{
    /// <summary>Carries the signature of the body.</summary>
    public const string SignatureHeader = "X-FANGS-Signature";

    /// <summary>Carries the time of sending in seconds since 1970.</summary>
    public const string TimestampHeader = "X-FANGS-Timestamp";

    /// <summary>Carries the signature of timestamp, full stop, and body.</summary>
    public const string SignatureV2Header = "X-FANGS-Signature-V2";

    /// <summary>The headers of a signed message.</summary>
    /// <param name="secret">The key; its UTF-8 bytes are used.</param>
    /// <param name="body">The body as it is sent.</param>
    /// <param name="now">The time of sending.</param>
    public static IReadOnlyList<KeyValuePair<string, string>> Headers(string secret, ReadOnlySpan<byte> body, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(secret);
        var key = Encoding.UTF8.GetBytes(secret);
        var timestamp = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        byte[] dated = [.. Encoding.ASCII.GetBytes(timestamp), (byte)'.', .. body];
        return
        [
            new(SignatureHeader, Text(HMACSHA256.HashData(key, body))),
            new(TimestampHeader, timestamp),
            new(SignatureV2Header, Text(HMACSHA256.HashData(key, dated))),
        ];
    }

    private static string Text(byte[] hash) => "sha256=" + Convert.ToHexStringLower(hash);
}
