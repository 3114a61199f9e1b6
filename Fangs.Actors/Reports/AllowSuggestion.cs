using Fangs.Actors.Analysis;
using Fangs.Actors.Storage.Queries;

namespace Fangs.Actors.Reports;

/// <summary>Which entry of the allow list a deviation calls for.</summary>
public static class AllowSuggestion
{
    /// <summary>The entry that hides a deviation and nothing else, or why there can be none.</summary>
    public static (string Kind, string Value, string? Fault) Of(DeviationRow deviation) => deviation switch
    {
        { IsSummary: true } => ("", "", "it stands for several values; allow them one by one"),
        { Category: FingerprintCategory.PathRead or FingerprintCategory.PathWrite, Credential: true } =>
            ("", "", "accesses to credentials are never hidden; accept or reject it"),
        { Category: FingerprintCategory.PathRead or FingerprintCategory.PathWrite, Value: var path } when !path.StartsWith('/') =>
            ("", "", "where its relative path leads is not known; accept or reject it"),
        { Category: FingerprintCategory.PathRead or FingerprintCategory.PathWrite } => (AllowKind.Path, deviation.Value, null),
        { Category: FingerprintCategory.HttpsHost } => (AllowKind.Sni, deviation.Value, null),
        { Category: FingerprintCategory.Dns } => (AllowKind.Dns, deviation.Value, null),
        // The port stands behind the last colon, also in upstream's form of IPv6 addresses, which goes without brackets.
        { Category: FingerprintCategory.Destination, Value: var target } when target.LastIndexOf(':') is > 0 and var colon =>
            (AllowKind.Cidr, target[..colon].Trim('[', ']'), null),
        _ => ("", "", $"there is no kind of entry for {deviation.Category}; accept or reject it"),
    };
}
