using System.Net;
using Fangs.Cli.Arguments;

namespace Fangs.Cli.Hosting;

/// <summary>The flags of the orchestrator that have to do with its pages.</summary>
public static class UiFlags
{
    /// <summary>Read when <c>-ui-token</c> is not given: what stands on a command line can be read by every user of the host.</summary>
    public const string TokenVariable = "FANGS_UI_TOKEN";

    private const int ShortestToken = 16;

    /// <summary>Whether there are pages.</summary>
    public static FlagSpec On { get; } = new("ui", FlagKind.Boolean, "true", "serve the dashboard under /ui");

    /// <summary>A listener of their own.</summary>
    public static FlagSpec Address { get; } = new("ui-addr", FlagKind.Text, "", "address and port for the dashboard alone, which the main address then does not serve");

    /// <summary>What operators sign in with.</summary>
    public static FlagSpec Token { get; } = new("ui-token", FlagKind.Text, "", $"token with which operators sign in to decide from the dashboard; better in {TokenVariable}");

    /// <summary>Reads the flags.</summary>
    /// <param name="call">The call.</param>
    /// <param name="main">The main address.</param>
    /// <param name="mayBeOpen">Whether addresses that others can reach are allowed.</param>
    /// <exception cref="UsageException">They contradict each other or ask for something unsafe.</exception>
    public static UiOptions Read(Invocation call, IPEndPoint main, bool mayBeOpen)
    {
        ArgumentNullException.ThrowIfNull(call);
        var (line, isOn) = (call.Line, call.Line.IsSet(On.Name));
        if (!isOn && (line.Text(Address.Name).Length > 0 || line.Text(Token.Name).Length > 0)) throw new UsageException("-ui-addr and -ui-token are for the dashboard, which -ui=false switches off");
        if (!isOn) return new UiOptions(false, null, null);
        var token = line.Text(Token.Name) is { Length: > 0 } given ? given : call.Environment.Variable(TokenVariable) ?? "";
        if (token.Length is > 0 and < ShortestToken) throw new UsageException($"-ui-token must have at least {ShortestToken} characters: who guesses it can decide");
        return new UiOptions(true, AddressOf(line, main, mayBeOpen, hasToken: token.Length > 0), token.Length > 0 ? token : null);
    }

    private static IPEndPoint? AddressOf(CommandLine line, IPEndPoint main, bool mayBeOpen, bool hasToken)
    {
        var text = line.Text(Address.Name);
        if (text.Length == 0) return null;
        var address = ListenAddress.Parse(text, Address.Name);
        if (address.Port != 0 && address.Equals(main)) throw new UsageException($"-ui-addr {text} is the same as -addr: choose another port, or leave it out");
        if (ListenAddress.IsLoopback(address)) return address;
        if (!mayBeOpen) throw new UsageException($"-ui-addr {text} can be reached from other hosts in plain HTTP: use a loopback address, TLS (-tls-cert, -tls-key), or add -insecure");
        return hasToken ? address : throw new UsageException($"-ui-addr {text} can be reached from other hosts, and no certificate is asked for there: add -ui-token, with which reading needs a sign-in too");
    }
}
