using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Configuration;

namespace Broker.Forwarding;

/// <summary>A snapshot's routes and clusters as YARP takes them, and each route's compiled policy.</summary>
internal sealed class RouteTable(
    IReadOnlyList<RouteConfig> routes,
    IReadOnlyList<ClusterConfig> clusters,
    IReadOnlyDictionary<string, CompiledRoute> compiled
) : IProxyConfig, IDisposable
{
    private readonly CancellationTokenSource replaced = new();

    public IReadOnlyList<RouteConfig> Routes => routes;

    public IReadOnlyList<ClusterConfig> Clusters => clusters;

    public IReadOnlyDictionary<string, CompiledRoute> Compiled => compiled;

    public IReadOnlyDictionary<string, Microsoft.AspNetCore.Cors.Infrastructure.CorsPolicy> Cors { get; init; } =
        new Dictionary<string, Microsoft.AspNetCore.Cors.Infrastructure.CorsPolicy>();

    public IChangeToken ChangeToken => field ??= new CancellationChangeToken(replaced.Token);

    /// <summary>Tells YARP that another table is in force.</summary>
    public void Replace() => replaced.Cancel();

    public void Dispose() => replaced.Dispose();
}
