using System.Net;
using Fangs.Runner.Sensor.Dns;
using Gateway = Fangs.Runner.Sandbox.Network;

namespace Fangs.Fuzz.Targets;

/// <summary>DNS messages: as the sensor reads queries and answers, and as the gateway reads queries and answers them.</summary>
internal static class DnsTarget
{
    internal static FuzzTarget Target { get; } = new("dns", "DNS messages: the sensor's reader, the gateway's, and its answers", RunAsync);

    private static Task RunAsync(ReadOnlyMemory<byte> input)
    {
        if (DnsMessage.TryParseQuestion(input.Span, out var question))
        {
            FindingException.Unless(question.End <= input.Length && question.Name.Length is > 0 and <= 4 * 255, "the question is longer than the message");
            FindingException.Unless(question.Name.All(c => c is > ' ' and <= '~'), "a name is not printable");
            foreach (var address in DnsMessage.Addresses(input.Span, question)) _ = address.ToString();
            // What comes behind the question has no influence on it.
            FindingException.Unless(DnsMessage.TryParseQuestion(input.Span[..question.End], out var alone) && alone == question, "the question depends on what follows it");
        }

        if (Gateway.DnsQuestion.TryRead(input) is not { } asked) return Task.CompletedTask;
        FindingException.Unless(!question.IsResponse, "an answer was taken for a query");
        FindingException.Unless(question.Type == asked.Type && question.Id == asked.Id, "the sensor and the gateway read different questions");
        foreach (var address in new[] { null, IPAddress.Loopback })
        {
            byte[] answer = asked.Answer(address);
            FindingException.Unless(DnsMessage.TryParseQuestion(answer, out var repeated), "the gateway's answer cannot be read");
            FindingException.Unless(repeated.IsResponse && (repeated.Name, repeated.Type, repeated.Id) == (question.Name, question.Type, question.Id), "the gateway answers another question");
            FindingException.Unless(DnsMessage.Addresses(answer, repeated).SequenceEqual(address is null ? [] : [address]), "the gateway answers something else");
        }

        return Task.CompletedTask;
    }
}
