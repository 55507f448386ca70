using System.Runtime.CompilerServices;
using Broker.Configuration;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Configuration;

namespace Broker.Forwarding;

/// <summary>
/// Gives YARP the routes of the snapshot in force, and each of its endpoints the policy of the very snapshot that it was built from.
/// </summary>
internal sealed class SnapshotConfigProvider : IProxyConfigProvider, ICorsPolicyProvider
{
    // YARP hands a route's config on as the object it got, so the policy is found by identity: never one of another reading.
    private readonly ConditionalWeakTable<RouteConfig, CompiledRoute> policies = [];
    private volatile RouteTable table;

    public SnapshotConfigProvider(SnapshotStore store)
    {
        table = Remember(store.Current);
        store.Published += snapshot =>
        {
            var before = table;
            table = Remember(snapshot);
            before.Replace();
        };
    }

    public IProxyConfig GetConfig() => table;

    /// <summary>The policy compiled for this very object; a route without one is a fault of ours and serves nothing.</summary>
    public CompiledRoute PolicyOf(RouteConfig route) =>
        policies.TryGetValue(route, out var policy) ? policy : throw new InvalidOperationException($"Route {route.RouteId} has no policy.");

    public Task<CorsPolicy?> GetPolicyAsync(HttpContext context, string? policyName) =>
        Task.FromResult(policyName is null ? null : table.Cors.GetValueOrDefault(policyName));

    private RouteTable Remember(Snapshot snapshot)
    {
        var routes = snapshot.Part<RouteTable>();
        foreach (var route in routes.Routes)
        {
            policies.AddOrUpdate(route, routes.Compiled[route.RouteId]);
        }

        return routes;
    }
}
