using System.Collections.Frozen;
using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace Fangs.Http.Access;

/// <summary>What a certificate says that its holder is.</summary>
public enum ClientRole
{
    /// <summary>Nothing, as certificates that were not made by <c>fangs certs</c>.</summary>
    Unstated,

    /// <summary>A runner.</summary>
    Runner,

    /// <summary>An operator.</summary>
    Operator,
}

/// <summary>Who a client is, by its certificate.</summary>
/// <param name="Subject">The certificate's subject, for log lines.</param>
/// <param name="Role">What it may act as.</param>
/// <param name="Names">The runner ids that it may use: common names, and alternative names that are DNS names or URIs. Compared exactly.</param>
public sealed record ClientIdentity(string Subject, ClientRole Role, IReadOnlySet<string> Names)
{
    /// <summary>Organizational unit of runners.</summary>
    public const string RunnerUnit = "fangs-runner";

    /// <summary>Organizational unit of operators.</summary>
    public const string OperatorUnit = "fangs-operator";

    private const string CommonName = "2.5.4.3";
    private const string OrganizationalUnit = "2.5.4.11";
    private const string AlternativeNames = "2.5.29.17";
    private static readonly Asn1Tag DnsName = new(TagClass.ContextSpecific, 2);
    private static readonly Asn1Tag UriName = new(TagClass.ContextSpecific, 6);

    /// <summary>Reads a certificate that has been checked already.</summary>
    /// <exception cref="AsnContentException">Its names are malformed.</exception>
    public static ClientIdentity Of(X509Certificate2 certificate)
    {
        ArgumentNullException.ThrowIfNull(certificate);
        var attributes = SubjectOf(certificate).ToList();
        var names = attributes.Where(a => a.Type == CommonName).Select(a => a.Value).Concat(AlternativeNamesOf(certificate));
        var units = attributes.Where(a => a.Type == OrganizationalUnit).Select(a => a.Value).ToHashSet(StringComparer.Ordinal);
        // One that claims both gets what lets it do less.
        var role = units.Contains(RunnerUnit) ? ClientRole.Runner : units.Contains(OperatorUnit) ? ClientRole.Operator : ClientRole.Unstated;
        return new ClientIdentity(certificate.Subject, role, names.Where(name => name.Length > 0).ToFrozenSet(StringComparer.Ordinal));
    }

    // By hand, because the platform's reader gives up on a name that consists of several parts, and a unit in there must not be overlooked.
    private static IEnumerable<(string Type, string Value)> SubjectOf(X509Certificate2 certificate)
    {
        var parts = new AsnReader(certificate.SubjectName.RawData, AsnEncodingRules.DER).ReadSequence();
        while (parts.HasData)
        {
            var attributes = parts.ReadSetOf(skipSortOrderValidation: true);
            while (attributes.HasData)
            {
                var attribute = attributes.ReadSequence();
                var type = attribute.ReadObjectIdentifier();
                if (TextOf(attribute) is { } value) yield return (type, value);
            }
        }
    }

    private static string? TextOf(AsnReader reader)
    {
        var tag = reader.PeekTag();
        return tag.TagClass == TagClass.Universal && (UniversalTagNumber)tag.TagValue
            is UniversalTagNumber.UTF8String or UniversalTagNumber.PrintableString or UniversalTagNumber.IA5String
            or UniversalTagNumber.BMPString or UniversalTagNumber.T61String
            ? reader.ReadCharacterString((UniversalTagNumber)tag.TagValue)
            : null;
    }

    private static IEnumerable<string> AlternativeNamesOf(X509Certificate2 certificate)
    {
        foreach (var extension in certificate.Extensions.Where(e => e.Oid?.Value == AlternativeNames))
        {
            var names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (names.HasData)
            {
                var tag = names.PeekTag();
                if (tag == DnsName || tag == UriName) yield return names.ReadCharacterString(UniversalTagNumber.IA5String, tag);
                else names.ReadEncodedValue();
            }
        }
    }
}
