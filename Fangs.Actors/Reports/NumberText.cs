using System.Globalization;

namespace Fangs.Actors.Reports;

/// <summary>Numbers for people.</summary>
public static class NumberText
{
    /// <summary>A whole number with separators of thousands.</summary>
    public static string Of(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);
}
