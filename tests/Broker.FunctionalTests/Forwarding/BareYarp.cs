using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Yarp.ReverseProxy.Configuration;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>YARP as its documentation starts it: what the broker is compared with.</summary>
internal sealed class BareYarp : IAsyncDisposable
{
    private readonly WebApplication app;

    private BareYarp(WebApplication app) => this.app = app;

    public Uri Address => new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() + "/");

    public static async Task<BareYarp> Start(Uri upstream)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrel(options => options.Listen(IPAddress.Loopback, 0));
        builder.Services.AddRouting();
        builder
            .Services.AddReverseProxy()
            .LoadFromMemory(
                [
                    new RouteConfig
                    {
                        RouteId = "all",
                        ClusterId = "all",
                        Match = new() { Path = "/{**rest}" },
                    },
                ],
                [
                    new ClusterConfig
                    {
                        ClusterId = "all",
                        Destinations = new Dictionary<string, DestinationConfig> { ["main"] = new() { Address = upstream.ToString() } },
                    },
                ]
            );
        var app = builder.Build();
        app.MapReverseProxy();
        await app.StartAsync();
        return new(app);
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();
}
