using System.Text.Json.Nodes;
using Broker.Configuration;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Yarp.ReverseProxy.Configuration;

namespace Broker.Forwarding;

/// <summary>The section <c>ReverseProxy</c> as YARP reads it, and as YARP's own validator judges it.</summary>
internal sealed record ProxySection(IReadOnlyList<RouteConfig> Routes, IReadOnlyList<ClusterConfig> Clusters)
{
    /// <summary>Reads with YARP's own parts in a container of their own, so that its documentation holds to the letter.</summary>
    public static ProxySection? Read(JsonObject section, IReadOnlyDictionary<string, Configuration.CorsOptions> cors, ConfigErrors mistakes)
    {
        var services = new ServiceCollection();
        services.AddLogging().AddRouting();
        services.AddCors(options => CorsPolicies.Add(options, cors));
        services.AddReverseProxy().LoadFromConfig(section.ToConfiguration());
        using var provider = services.BuildServiceProvider();
        IProxyConfig config;
        try
        {
            config = provider.GetRequiredService<IProxyConfigProvider>().GetConfig();
        }
        catch (Exception unreadable)
            when (unreadable is FormatException or ArgumentException or InvalidOperationException or OverflowException)
        {
            mistakes.Error("ReverseProxy", $"YARP cannot read this section: {unreadable.Message}");
            mistakes.NotLookedAt("ReverseProxy:Routes");
            return null;
        }

        var validator = provider.GetRequiredService<IConfigValidator>();
        foreach (var route in config.Routes)
        {
            Tell($"ReverseProxy:Routes:{route.RouteId}", validator.ValidateRouteAsync(route), mistakes);
            if (config.Clusters.All(cluster => !string.Equals(cluster.ClusterId, route.ClusterId, StringComparison.OrdinalIgnoreCase)))
            {
                mistakes.Error(
                    $"ReverseProxy:Routes:{route.RouteId}:ClusterId",
                    route.ClusterId is null
                        ? "is missing: name the cluster that the route leads to."
                        : $"there is no cluster '{Scalars.Short(route.ClusterId)}': "
                            + $"{DidYouMean.Say(route.ClusterId, config.Clusters.Select(cluster => cluster.ClusterId))}"
                );
            }
        }

        foreach (var cluster in config.Clusters)
        {
            Tell($"ReverseProxy:Clusters:{cluster.ClusterId}", validator.ValidateClusterAsync(cluster), mistakes);
        }

        return new(config.Routes, config.Clusters);
    }

    private static void Tell(string path, ValueTask<IList<Exception>> validation, ConfigErrors mistakes)
    {
        // YARP's validators ask nobody and complete at once; one that did not would be a fault of ours.
        var errors = validation.IsCompletedSuccessfully
            ? validation.GetAwaiter().GetResult()
            : throw new InvalidOperationException("YARP's validator waits.");
        foreach (var error in errors)
        {
            mistakes.Error(path, error.Message);
        }
    }
}

/// <summary>CORS policies from the config.</summary>
internal static class CorsPolicies
{
    public static void Add(
        Microsoft.AspNetCore.Cors.Infrastructure.CorsOptions target,
        IReadOnlyDictionary<string, Configuration.CorsOptions> policies
    )
    {
        foreach (var (name, policy) in policies)
        {
            target.AddPolicy(name, Build(policy));
        }
    }

    public static CorsPolicy Build(Configuration.CorsOptions options)
    {
        var builder = new CorsPolicyBuilder([.. options.Origins])
            .WithMethods([.. options.Methods])
            .WithHeaders([.. options.Headers])
            .WithExposedHeaders([.. options.ExposedHeaders])
            .SetPreflightMaxAge(options.MaxAge);

        // Any origin with credentials does not load; building such a policy would throw before the rest is judged.
        return options.Credentials && !options.Origins.Contains("*") ? builder.AllowCredentials().Build() : builder.Build();
    }
}
