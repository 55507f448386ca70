using Broker.Configuration;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Broker.Operations;

/// <summary>Metrics and spans by OTLP, when the config says where.</summary>
internal sealed class TelemetryExport(SnapshotStore snapshots) : IHostedService, IDisposable
{
    private static readonly string[] Meters = ["Broker", "Broker.Tokens", "Broker.Redis", "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Net.Http"];
    private static readonly string[] Sources = ["Broker.Tokens", "Microsoft.AspNetCore", "System.Net.Http", "Yarp.ReverseProxy"];

    private MeterProvider? metrics;
    private TracerProvider? traces;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (snapshots.Current.Broker.Telemetry is { } options)
        {
            var resource = ResourceBuilder.CreateEmpty().AddService(options.ServiceName);
            metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Meters).AddOtlpExporter(target => Point(target, options, "metrics")).Build();
            traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(Sources).AddOtlpExporter(target => Point(target, options, "traces")).Build();
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        metrics?.ForceFlush(1000);
        traces?.ForceFlush(1000);
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        metrics?.Dispose();
        traces?.Dispose();
    }

    private static void Point(OtlpExporterOptions target, TelemetryOptions options, string signal)
    {
        var isGrpc = options.Protocol == Configuration.OtlpProtocol.Grpc;
        target.Protocol = isGrpc ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        target.Endpoint = new(isGrpc ? options.OtlpEndpoint : $"{options.OtlpEndpoint.TrimEnd('/')}/v1/{signal}");
        target.Headers = options.Headers?.Reveal();
    }
}
