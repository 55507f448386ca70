using Broker.Configuration;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Broker.Operations;

/// <summary>Metrics and spans by OTLP, when the config says where.</summary>
internal static class TelemetryExport
{
    private static readonly string[] Meters = ["Broker", "Broker.UpstreamTokens", "Broker.Redis", "System.Net.Http", "System.Runtime"];
    private static readonly string[] Sources = ["Broker.UpstreamTokens", "System.Net.Http", "Yarp.ReverseProxy"];

    public static void AddTelemetry(this IServiceCollection services, TelemetryOptions? options)
    {
        if (options is null)
        {
            return;
        }

        services
            .AddOpenTelemetry()
            .ConfigureResource(resource => resource.Clear().AddService(options.ServiceName))
            .WithMetrics(metrics =>
                metrics.AddAspNetCoreInstrumentation().AddMeter(Meters).AddOtlpExporter(target => Point(target, options, "metrics"))
            )
            .WithTracing(traces =>
                traces
                    .AddAspNetCoreInstrumentation()
                    .AddSource(Sources)
                    .AddProcessor(new SpanFilter())
                    .AddOtlpExporter(target => Point(target, options, "traces"))
            );
        services.AddHostedService<TelemetryFlush>();
    }

    private static void Point(OtlpExporterOptions target, TelemetryOptions options, string signal)
    {
        var isGrpc = options.Protocol == Configuration.OtlpProtocol.Grpc;
        target.Protocol = isGrpc ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        target.Endpoint = new(isGrpc ? options.OtlpEndpoint : $"{options.OtlpEndpoint.TrimEnd('/')}/v1/{signal}");
        target.Headers = options.Headers?.Reveal();
    }
}

/// <summary>
/// Sends what is left when the host stops. OpenTelemetry's hosting does it only when its providers are disposed of, and a process may end
/// before.
/// </summary>
internal sealed class TelemetryFlush(MeterProvider metrics, TracerProvider traces) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken)
    {
        metrics.ForceFlush(1000);
        traces.ForceFlush(1000);
        return Task.CompletedTask;
    }
}
