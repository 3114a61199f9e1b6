using System.Globalization;
using Fangs.Protocol;

namespace Fangs.Actors.Analysis;

/// <summary>Brings values that were learned under older rules, or by the original, to the form that events yield today.</summary>
public static class BaselineValue
{
    /// <summary>The value that <see cref="FingerprintExtractor"/> gives for the behaviour that a stored value stands for.</summary>
    /// <remarks>What older rules have taken away does not come back: <c>/tmp/&lt;RAND&gt;/x</c> stays what it is.</remarks>
    /// <param name="extractor">The extractor.</param>
    /// <param name="category">A value of <see cref="FingerprintCategory"/>; values of others stay as they are.</param>
    /// <param name="value">The stored value.</param>
    public static string Renew(FingerprintExtractor extractor, string category, string value)
    {
        ArgumentNullException.ThrowIfNull(extractor);
        ArgumentNullException.ThrowIfNull(value);
        EventFacts facts;
        switch (category)
        {
            case FingerprintCategory.PathRead or FingerprintCategory.PathWrite:
                facts = new EventFacts { Type = EventType.FileAccess, Path = value };
                break;
            case FingerprintCategory.Exec:
                facts = new EventFacts { Type = EventType.Exec, Binary = value };
                break;
            case FingerprintCategory.Destination:
                // The port follows the last colon, with and without brackets around the address.
                var colon = value.LastIndexOf(':');
                if (colon <= 0 || !ushort.TryParse(value.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)) return value;
                var address = value.AsSpan(0, colon);
                if (address is ['[', .. var inner, ']']) address = inner;
                facts = new EventFacts { Type = EventType.NetConnect, DestIP = address, DestPort = port };
                break;
            case FingerprintCategory.Dns:
                facts = new EventFacts { Type = EventType.DnsQuery, Name = value };
                break;
            case FingerprintCategory.HttpsHost:
                facts = new EventFacts { Type = EventType.TlsSni, Name = value };
                break;
            default:
                return value;
        }

        return extractor.TryExtract(facts, out var fingerprint) ? fingerprint.Value : value;
    }
}
