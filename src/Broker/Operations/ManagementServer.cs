using Broker.Configuration;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Broker.Operations;

/// <summary>Health and readiness on a listener of their own: no Host header can reach them from the public one.</summary>
internal sealed class ManagementServer(SnapshotStore snapshots, Readiness readiness, ILoggerFactory loggers)
    : IHostedService,
        IAsyncDisposable
{
    private WebApplication? app;

    /// <summary>Where it listens, once started.</summary>
    public Uri Address =>
        new(app!.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First());

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new() { ContentRootPath = AppContext.BaseDirectory });
        builder.Services.AddSingleton(loggers).AddLogging().AddRoutingCore();
        builder.WebHost.UseKestrel(options => options.AddServerHeader = false).UseUrls(snapshots.Current.Broker.Management.Url);
        app = builder.Build();
        app.UseRouting();
        app.MapGet("/healthz/live", () => Results.Json(new { status = "live" }));
        app.MapGet("/healthz/ready", () => Results.Json(Report(), statusCode: readiness.IsReady ? 200 : 503));
        await app.StartAsync(cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => app?.StopAsync(cancellationToken) ?? Task.CompletedTask;

    public ValueTask DisposeAsync() => app?.DisposeAsync() ?? default;

    private object Report() =>
        new
        {
            status = readiness.IsReady ? "ready"
            : readiness.IsDraining ? "draining"
            : readiness.Obstacle ?? "no config",
            config = new
            {
                version = snapshots.IsLoaded ? snapshots.Current.Version : 0,
                refused = snapshots.Refused.Select(mistake => new { path = mistake.Path, message = mistake.Message }),
            },
        };
}
