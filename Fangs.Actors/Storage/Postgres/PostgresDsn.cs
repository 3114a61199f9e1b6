using System.Globalization;
using Npgsql;

namespace Fangs.Actors.Storage.Postgres;

/// <summary>
/// Where a PostgreSQL database is and how to sign in. Three spellings are understood: the URL <c>postgres://user:password@host:5432/name?sslmode=require</c>
/// and libpq's <c>host=… dbname=…</c>, which upstream takes, and Npgsql's <c>Host=…;Database=…</c>.
/// </summary>
public sealed class PostgresDsn : IEquatable<PostgresDsn>
{
    private const int MaxConnections = 16;

    private readonly NpgsqlConnectionStringBuilder _settings;

    private PostgresDsn(NpgsqlConnectionStringBuilder settings)
    {
        _settings = settings;
        // One connection is the writer's own; the pool of the others is shared with Akka's journal, because its string is the same.
        settings.MaxPoolSize = MaxConnections - 1;
        settings.MinPoolSize = 0;
        settings.ConnectionIdleLifetime = 60;
        settings.ConnectionLifetime = 3600;
        settings.KeepAlive = 30;
        settings.PersistSecurityInfo = false;
        settings.IncludeErrorDetail = false; // details quote values of rows
        if (!Has("Timeout")) settings.Timeout = 10;
        settings.ApplicationName ??= "fangs";
        ConnectionString = settings.ConnectionString;
        Name = $"postgres://{Uri.EscapeDataString(settings.Username ?? "")}@{settings.Host}:{settings.Port.ToString(CultureInfo.InvariantCulture)}/{Uri.EscapeDataString(settings.Database ?? settings.Username ?? "")}";
    }

    /// <summary>Its name in messages: without password.</summary>
    public string Name { get; }

    /// <summary>For Npgsql. Holds the password.</summary>
    internal string ConnectionString { get; }

    /// <summary>For connections outside the pool, which are closed when they are given back. Holds the password.</summary>
    /// <param name="applicationName">How the connection shows in <c>pg_stat_activity</c>.</param>
    internal string Unpooled(string applicationName) =>
        new NpgsqlConnectionStringBuilder(ConnectionString) { Pooling = false, ApplicationName = applicationName, KeepAlive = 5 }.ConnectionString;

    /// <summary>The words for PostgreSQL's own programs, which read the password from <c>PGPASSWORD</c> or <c>~/.pgpass</c>.</summary>
    public string ForTools =>
        $"-h {_settings.Host} -p {_settings.Port.ToString(CultureInfo.InvariantCulture)} -U {_settings.Username} {(_settings.Database ?? _settings.Username)}";

    /// <summary>Reads one.</summary>
    /// <exception cref="FormatException">It is malformed. The message does not quote it.</exception>
    public static PostgresDsn Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        try
        {
            var settings = text.Contains("://", StringComparison.Ordinal) ? FromUrl(text)
                : text.Contains(';', StringComparison.Ordinal) || !LooksLikeLibpq(text) ? new NpgsqlConnectionStringBuilder(text)
                : FromWords(text);
            if (string.IsNullOrEmpty(settings.Host)) throw new FormatException("it names no host");
            if (string.IsNullOrEmpty(settings.Username)) throw new FormatException("it names no user");
            return new PostgresDsn(settings);
        }
        catch (Exception e) when (e is ArgumentException or KeyNotFoundException or InvalidCastException or OverflowException)
        {
            // Npgsql's messages may quote a value, and that may be the password.
            throw new FormatException("it is neither postgres://user:password@host:port/database?sslmode=… nor Host=…;Username=…;Password=…;Database=…", e);
        }
    }

    /// <inheritdoc/>
    public bool Equals(PostgresDsn? other) => other is not null && other.ConnectionString == ConnectionString;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as PostgresDsn);

    /// <inheritdoc/>
    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(ConnectionString);

    /// <summary>As <see cref="Name"/>: whatever prints a DSN prints no password.</summary>
    public override string ToString() => Name;

    private bool Has(string key) => _settings.ContainsKey(key) && _settings.ShouldSerialize(key);

    private static bool LooksLikeLibpq(string text) => text.Split('=', 2)[0].Trim() is var first
        && first is "host" or "hostaddr" or "port" or "user" or "dbname" or "password" or "sslmode" && (text.Contains(' ', StringComparison.Ordinal) || first is "user" or "dbname");

    private static NpgsqlConnectionStringBuilder FromUrl(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("postgres" or "postgresql"))
            throw new FormatException("its scheme must be postgres:// or postgresql://, and special characters in user and password must be percent-encoded");
        var settings = new NpgsqlConnectionStringBuilder();
        var user = url.UserInfo.Split(':', 2);
        if (user[0].Length > 0) settings.Username = Uri.UnescapeDataString(user[0]);
        if (user.Length > 1) settings.Password = Uri.UnescapeDataString(user[1]);
        if (url.Host.Length > 0) settings.Host = url.Host.Trim('[', ']');
        if (url.Port > 0) settings.Port = url.Port;
        if (url.AbsolutePath.Length > 1) settings.Database = Uri.UnescapeDataString(url.AbsolutePath[1..]);
        foreach (var pair in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = pair.Split('=', 2);
            Set(settings, Uri.UnescapeDataString(parts[0]), parts.Length > 1 ? Uri.UnescapeDataString(parts[1].Replace('+', ' ')) : "");
        }

        return settings;
    }

    private static NpgsqlConnectionStringBuilder FromWords(string text)
    {
        var settings = new NpgsqlConnectionStringBuilder();
        var rest = text.AsSpan().Trim();
        while (!rest.IsEmpty)
        {
            var equals = rest.IndexOf('=');
            if (equals < 0) throw new FormatException("a word of it has no value");
            var key = rest[..equals].Trim().ToString();
            rest = rest[(equals + 1)..].TrimStart();
            Set(settings, key, NextValue(ref rest));
            rest = rest.TrimStart();
        }

        return settings;
    }

    // 'a value with \' and spaces', or one that ends at the next space.
    private static string NextValue(ref ReadOnlySpan<char> rest)
    {
        var value = new System.Text.StringBuilder();
        var quoted = rest.StartsWith("'");
        var i = quoted ? 1 : 0;
        for (; i < rest.Length && (quoted ? rest[i] != '\'' : !char.IsWhiteSpace(rest[i])); i++)
        {
            if (rest[i] == '\\' && i + 1 < rest.Length) i++;
            value.Append(rest[i]);
        }

        if (quoted && i >= rest.Length) throw new FormatException("a quotation mark is not closed");
        rest = rest[(quoted ? i + 1 : i)..];
        return value.ToString();
    }

    private static void Set(NpgsqlConnectionStringBuilder settings, string key, string value)
    {
        switch (key)
        {
            case "host" or "hostaddr": settings.Host = value; break;
            case "port": settings.Port = Number(key, value); break;
            case "user": settings.Username = value; break;
            case "password": settings.Password = value; break;
            case "dbname": settings.Database = value; break;
            case "passfile": settings.Passfile = value; break;
            case "application_name": settings.ApplicationName = value; break;
            case "connect_timeout": settings.Timeout = Number(key, value); break;
            case "options": settings.Options = value; break;
            case "search_path": settings.SearchPath = value; break;
            case "sslrootcert": settings.RootCertificate = value; break;
            case "sslcert": settings.SslCertificate = value; break;
            case "sslkey": settings.SslKey = value; break;
            case "sslpassword": settings.SslPassword = value; break;
            case "sslmode":
                settings.SslMode = value switch
                {
                    "disable" => SslMode.Disable,
                    "allow" => SslMode.Allow,
                    "prefer" => SslMode.Prefer,
                    "require" => SslMode.Require,
                    "verify-ca" => SslMode.VerifyCA,
                    "verify-full" => SslMode.VerifyFull,
                    _ => throw new FormatException("sslmode must be disable, allow, prefer, require, verify-ca or verify-full"),
                };
                break;
            // What upstream's driver takes for itself and what Npgsql does anyway.
            case "target_session_attrs" or "fallback_application_name" or "client_encoding" or "TimeZone" or "timezone": break;
            case var other when other.StartsWith("pool_", StringComparison.Ordinal): break;
            default: throw new FormatException($"it has a parameter '{key}' that is not known here");
        }
    }

    private static int Number(string key, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new FormatException($"its {key} must be a number");
}
