using Fangs.Protocol;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Fangs.Cli.Hosting;

/// <summary>Sends traces to an OTLP receiver. Without one nothing listens to the spans' sources, and none is made.</summary>
public static class Tracing
{
    private const string ProtocolVariable = "OTEL_EXPORTER_OTLP_PROTOCOL";

    /// <summary>Begins to send; disposing sends what is left.</summary>
    /// <param name="endpoint">The receiver's base address; null for none.</param>
    /// <param name="service">Name of this part, such as <c>fangs-orchestrator</c>.</param>
    /// <param name="instance">Which one of them: the orchestrator's or the runner's id.</param>
    public static IDisposable? Start(Uri? endpoint, string service, string instance)
    {
        if (endpoint is null) return null;
        var isGrpc = Environment.GetEnvironmentVariable(ProtocolVariable) == "grpc";
        return Sdk.CreateTracerProviderBuilder()
            .AddSource(TraceContext.OrchestratorSource, TraceContext.RunnerSource)
            .ConfigureResource(resource => resource.AddService(service, serviceVersion: VersionCommand.Version, serviceInstanceId: instance))
            .AddOtlpExporter(otlp =>
            {
                otlp.Protocol = isGrpc ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
                // Given in code, the address is taken as it is: the path of the signal is ours to add.
                otlp.Endpoint = isGrpc ? endpoint : new Uri(endpoint.AbsoluteUri.TrimEnd('/') + "/v1/traces");
            })
            .Build();
    }
}
