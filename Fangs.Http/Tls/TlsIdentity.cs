using Microsoft.Extensions.Logging;

namespace Fangs.Http.Tls;

/// <summary>The orchestrator's TLS identity: loads its files and follows their changes for as long as it lives.</summary>
/// <remarks>
/// The contents are compared, not times or names: that sees renames, symbolic links that are pointed elsewhere and network file systems alike.
/// A certificate and its key are two files, so in between they do not fit; only what two looks in a row find is taken seriously.
/// </remarks>
public sealed partial class TlsIdentity : IDisposable
{
    private static readonly TimeSpan ExpiryNotice = TimeSpan.FromDays(14);
    private static readonly TimeSpan NoticeEvery = TimeSpan.FromDays(1);

    private readonly TlsSettings _settings;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private TlsMaterial _current;
    private string _inUse;
    private string _lastSeen;
    private string _reported = "";
    private DateTimeOffset _noticedAt = DateTimeOffset.MinValue;
    private bool _isDisposed;

    private TlsIdentity(TlsSettings settings, TlsFileContents contents, TlsMaterial material, TimeProvider clock, ILogger log)
    {
        (_settings, _clock, _log, _current) = (settings, clock, log, material);
        _inUse = _lastSeen = contents.Digest;
        _timer = clock.CreateTimer(_ => Look(), null, settings.LookEvery, Timeout.InfiniteTimeSpan);
    }

    /// <summary>What new connections get.</summary>
    public TlsMaterial Current => Volatile.Read(ref _current);

    /// <summary>Reads the files for the first time.</summary>
    /// <exception cref="TlsFileException">One of them cannot be used.</exception>
    public static TlsIdentity Load(TlsSettings settings, TimeProvider clock, ILogger log)
    {
        ArgumentNullException.ThrowIfNull(clock);
        var contents = TlsFileContents.Read(settings);
        var identity = new TlsIdentity(settings, contents, TlsMaterial.Create(settings, contents, clock.GetUtcNow()), clock, log);
        identity.NoticeExpiry();
        return identity;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate) _isDisposed = true;
        _timer.Dispose();
    }

    private void Look()
    {
        lock (_gate)
        {
            if (_isDisposed) return;
            Compare();
            NoticeExpiry();
            _timer.Change(_settings.LookEvery, Timeout.InfiniteTimeSpan); // only now, so that a slow disk does not pile looks up
        }
    }

    private void Compare()
    {
        TlsFileContents contents;
        try
        {
            contents = TlsFileContents.Read(_settings);
        }
        catch (TlsFileException e)
        {
            if (IsSettled(e.Message)) Report(e.Message, e.Message);
            return;
        }

        if (!IsSettled(contents.Digest)) return;
        if (contents.Digest == _inUse)
        {
            _reported = "";
            return;
        }

        try
        {
            var material = TlsMaterial.Create(_settings, contents, _clock.GetUtcNow());
            Volatile.Write(ref _current, material);
            (_inUse, _reported, _noticedAt) = (contents.Digest, "", DateTimeOffset.MinValue);
            var end = material.Certificate.NotAfter.ToUniversalTime();
            Reloaded(_log, material.Certificate.Subject, end);
        }
        catch (TlsFileException e)
        {
            Report(contents.Digest, e.Message);
        }
    }

    private bool IsSettled(string seen)
    {
        var isSettled = seen == _lastSeen;
        _lastSeen = seen;
        return isSettled;
    }

    private void Report(string what, string why)
    {
        if (_reported == what) return; // once for each broken state, not once for each look at it
        _reported = what;
        NotReloaded(_log, why);
    }

    private void NoticeExpiry()
    {
        var (now, end) = (_clock.GetUtcNow(), Current.Certificate.NotAfter.ToUniversalTime());
        if (end - now > ExpiryNotice || now - _noticedAt < NoticeEvery) return;
        _noticedAt = now;
        ExpiresSoon(_log, _settings.CertificateFile, end);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The TLS files have changed: new connections get the certificate {Subject}, valid until {NotAfter:u}")]
    private static partial void Reloaded(ILogger logger, string subject, DateTime notAfter);

    [LoggerMessage(Level = LogLevel.Error, Message = "The TLS files have changed but cannot be used, so the old ones stay in force: {Reason}")]
    private static partial void NotReloaded(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The certificate in {File} expires at {NotAfter:u}: replace it, no restart is needed")]
    private static partial void ExpiresSoon(ILogger logger, string file, DateTime notAfter);
}
