using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Configuration;

namespace Benchmarks.Load;

/// <summary>YARP as its documentation sets it up, with the broker's route and nothing else. A process of its own.</summary>
internal static class BareProxy
{
    public const string Verb = "serve-bare-proxy";

    public static async Task<int> Run(string destination)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder
            .Services.AddReverseProxy()
            .LoadFromMemory(
                [
                    new RouteConfig
                    {
                        RouteId = "position",
                        ClusterId = "api",
                        Match = new() { Path = BrokerConfig.RoutePath, Methods = ["GET"] },
                    },
                ],
                [
                    new ClusterConfig
                    {
                        ClusterId = "api",
                        Destinations = new Dictionary<string, DestinationConfig> { ["main"] = new() { Address = destination } },
                    },
                ]
            );
        await using var app = builder.Build();
        app.MapReverseProxy();
        await app.StartAsync();
        await ProxyProcess.Announce(app.Urls.Single());
        return 0;
    }
}
