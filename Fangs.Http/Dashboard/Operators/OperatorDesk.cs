using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Fangs.Http.Access;
using Microsoft.AspNetCore.Http;

namespace Fangs.Http.Dashboard.Operators;

/// <summary>Knows who may change things: by a session that was opened with the token, or by an operator's certificate.</summary>
/// <remarks>Sessions live in memory: after a restart of the orchestrator operators sign in again.</remarks>
public sealed class OperatorDesk
{
    /// <summary>Name of the cookie.</summary>
    public const string CookieName = "fangs_session";

    private const int MaxSessions = 1_000;
    private const int MaxName = 80;

    private readonly DashboardSettings _settings;
    private readonly AccessGuard _guard;
    private readonly TimeProvider _clock;
    private readonly byte[]? _token;
    private readonly byte[] _formKey = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<string, Session> _sessions = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, PageNotice> _notices = new(StringComparer.Ordinal);

    /// <summary>Creates it.</summary>
    public OperatorDesk(DashboardSettings settings, AccessGuard guard, TimeProvider clock)
    {
        ArgumentNullException.ThrowIfNull(settings);
        (_settings, _guard, _clock) = (settings, guard, clock);
        _token = settings.Token is { Length: > 0 } token ? Digest(token) : null;
    }

    /// <summary>Whether there is a token to sign in with.</summary>
    public bool CanSignIn => _token is not null;

    /// <summary>The operator who sends a request; null for somebody who may only look.</summary>
    public SignedInOperator? Find(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (_guard.OperatorOf(context) is { } name) return new SignedInOperator(name, FormToken("certificate:" + name), CanSignOut: false);
        if (SessionOf(context) is not { } session) return null;
        session.LastSeen = _clock.GetTimestamp();
        return new SignedInOperator(session.Name, FormToken("session:" + session.Key), CanSignOut: true);
    }

    /// <summary>Whether a text is the token. Takes equally long for all texts.</summary>
    public bool IsToken(string text) => _token is not null && CryptographicOperations.FixedTimeEquals(_token, Digest(text));

    /// <summary>Opens a session.</summary>
    /// <param name="context">The request, whose answer gets the cookie.</param>
    /// <param name="name">Who signs in; checked by <see cref="IsName"/>.</param>
    public void SignIn(HttpContext context, string name)
    {
        ArgumentNullException.ThrowIfNull(context);
        foreach (var (key, session) in _sessions.OrderBy(pair => pair.Value.LastSeen))
        {
            if (IsOver(session) || _sessions.Count >= MaxSessions) _sessions.TryRemove(key, out _);
        }

        var secret = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        var id = KeyOf(secret);
        _sessions[id] = new Session(id, name) { LastSeen = _clock.GetTimestamp() };
        context.Response.Cookies.Append(CookieName, secret, CookieFor(context));
    }

    /// <summary>Ends the session of a request.</summary>
    public void SignOut(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        if (SessionOf(context) is { } session) _sessions.TryRemove(session.Key, out _);
        context.Response.Cookies.Delete(CookieName, CookieFor(context));
    }

    /// <summary>Whether a form was made for this operator by a page of ours.</summary>
    public static bool IsFormOf(SignedInOperator who, string formToken)
    {
        ArgumentNullException.ThrowIfNull(who);
        return CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(who.FormToken), Encoding.UTF8.GetBytes(formToken));
    }

    /// <summary>Whether a text can stand in the audit log for somebody.</summary>
    public static bool IsName(string name) => name.Length is > 0 and <= MaxName && !name.Any(char.IsControl);

    /// <summary>Keeps what an action has come to for the operator's next page.</summary>
    public void Leave(SignedInOperator who, PageNotice notice)
    {
        ArgumentNullException.ThrowIfNull(who);
        _notices[who.FormToken] = notice;
    }

    /// <summary>What the last action has come to, once.</summary>
    public PageNotice? TakeNotice(SignedInOperator who)
    {
        ArgumentNullException.ThrowIfNull(who);
        return _notices.TryRemove(who.FormToken, out var notice) ? notice : null;
    }

    private Session? SessionOf(HttpContext context)
    {
        if (_token is null || context.Request.Cookies[CookieName] is not { Length: 64 } secret) return null;
        if (!_sessions.TryGetValue(KeyOf(secret), out var session)) return null;
        if (!IsOver(session)) return session;
        _sessions.TryRemove(session.Key, out _);
        return null;
    }

    private bool IsOver(Session session) => _clock.GetElapsedTime(session.LastSeen) > _settings.SessionLifetime;

    private string FormToken(string who) => Convert.ToHexStringLower(HMACSHA256.HashData(_formKey, Encoding.UTF8.GetBytes(who)));

    // Kept as a digest: who reads the memory of this process or compares by time learns no cookie.
    private static string KeyOf(string secret) => Convert.ToHexStringLower(Digest(secret));

    private static byte[] Digest(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

    private static CookieOptions CookieFor(HttpContext context) =>
        new() { HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = context.Request.IsHttps, Path = "/ui", IsEssential = true };

    private sealed class Session(string key, string name)
    {
        public string Key => key;

        public string Name => name;

        public long LastSeen { get; set; }
    }
}
