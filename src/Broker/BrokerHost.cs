using System.Security.Cryptography;
using Broker.Configuration;
using Broker.Credentials;
using Broker.Forwarding;
using Broker.Limits;
using Broker.Operations;
using Broker.Redis;
using Broker.TokenService;
using Broker.UpstreamTokens;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.DataProtection;
using Yarp.ReverseProxy.Configuration;
using Yarp.ReverseProxy.Forwarder;

namespace Broker;

/// <summary>Composition root: what there is, and in which order. One way in, one way through, one way out.</summary>
internal sealed class BrokerHost : IDisposable
{
    private readonly ILoggerFactory loggers;
    private readonly TimeProvider time;
    private readonly TokenCellRegistry vault;
    private readonly CredentialCompiler credentials;
    private readonly TokenServiceState ledgers;
    private SharedTokenStore? store;

    /// <param name="files">Config files; a later one goes before an earlier.</param>
    /// <param name="environment">Variables that the config may name.</param>
    /// <param name="loggers">Where everything logs to; the command adds Serilog once its config is read.</param>
    /// <param name="time">The clock.</param>
    /// <param name="missingSecrets">How bad it is when a secret is not there: to serve, an error.</param>
    public BrokerHost(
        IReadOnlyList<string> files,
        Func<string, string?> environment,
        ILoggerFactory loggers,
        TimeProvider time,
        Severity missingSecrets = Severity.Error
    )
    {
        (this.loggers, this.time) = (loggers, time);
        vault = new(time, loggers.CreateLogger<TokenCellRegistry>());
        ledgers = new(time);
        ledgers.Follow(Snapshots);
        credentials = new(Snapshots, time, loggers, ledgers.Revocations, ledgers.Attempts, ledgers.Users);
        Loader = new(
            files,
            [
                new UpstreamCompiler(vault),
                credentials,
                new RouteCompiler(),
                new TokenServiceCompiler(ledgers, new DeviceHiveLogins(vault, time, loggers.CreateLogger<DeviceHiveLogins>()), time),
            ],
            Snapshots,
            environment
        )
        {
            MissingSecrets = missingSecrets,
        };
    }

    public SnapshotStore Snapshots { get; } = new();

    public SnapshotLoader Loader { get; }

    public IRevocations Revocations => ledgers.Revocations;

    /// <summary>The broker for the snapshot in force, built and not started.</summary>
    public WebApplication Build(RequestDelegate? instead = null)
    {
        var snapshot = Snapshots.Current;
        var builder = WebApplication.CreateEmptyBuilder(new() { ContentRootPath = AppContext.BaseDirectory });
        builder.Services.AddSingleton(loggers).AddLogging().AddSingleton(time).AddSingleton(Snapshots).AddSingleton(Loader);
        builder.WebHost.UseKestrel(options =>
        {
            Operations.Listeners.Apply(options, snapshot, time, loggers);
            HeaderBytes.Apply(options);
        });
        AddForwarding(builder.Services);
        if (instead is null)
        {
            Share();
            AddOperations(builder.Services, snapshot.Broker, () => vault.LackedKey);
        }

        var app = builder.Build();
        Use(app, instead);
        return app;
    }

    public void Dispose()
    {
        ledgers.Dispose();
        store?.Dispose();
        vault.Dispose();
        credentials.Dispose();
    }

    /// <summary>What all replicas share, where the config says so; it does not wait for Redis.</summary>
    /// <param name="withLedgers">Also what the token service has to agree on.</param>
    public SharedTokenStore? Share(bool withLedgers = true)
    {
        var options = Snapshots.Current.Broker;
        if (options.Redis is { } redis && store is null)
        {
            var replica = $"{Environment.MachineName}:{Environment.ProcessId}";
            store = SharedTokenStoreFactory.Open(
                vault,
                redis,
                static () => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)),
                replica,
                loggers.CreateLogger<RedisLink>()
            );
            Snapshots.Published += snapshot => store.Follow(snapshot.Broker.Redis);
            if (withLedgers && options.TokenService is not null)
            {
                ledgers.Share(store.Link, redis, TokenServiceState.PauseOf(redis), loggers.CreateLogger<TokenServiceState>());
                store.Adopted += ledgers.Adopt;
            }

            store.Link.Start();
        }

        return store;
    }

    /// <summary>The request's way through. <paramref name="instead"/> ends it after routing, for 'explain'.</summary>
    private static void Use(WebApplication app, RequestDelegate? instead)
    {
        app.UseMiddleware<BrokerMiddleware>();
        if (instead is null)
        {
            app.UseMiddleware<TokenServiceEndpoints>(); // before routing: no forwarded route is asked about a path of ours
        }

        app.UseRouting();

        // Only where a route has a policy: the middleware opens a service scope for each request that it sees. An endpoint with one that it
        // did not see would fail, not pass.
        app.UseWhen(context => context.GetEndpoint()?.Metadata.GetMetadata<ICorsMetadata>() is not null, cors => cors.UseCors());
        app.UseRequestTimeouts();
        if (instead is not null)
        {
            app.Use((HttpContext context, RequestDelegate _) => instead(context));
        }

        var policies = app.Services.GetRequiredService<SnapshotConfigProvider>();
        app.MapReverseProxy(proxy =>
            {
                proxy.UseMiddleware<Admission>();
                proxy.UseSessionAffinity();
                proxy.UseLoadBalancing();
                proxy.UsePassiveHealthChecks();
            })
            .ConfigureEndpoints((endpoint, route) => endpoint.WithMetadata(policies.PolicyOf(route)));
        app.Services.GetRequiredService<Readmission>().Routing = RoutingAlone(app);
    }

    /// <summary>The same endpoints, found and not run: after a reload an open exchange is routed again.</summary>
    private static RequestDelegate RoutingAlone(IApplicationBuilder app)
    {
        var alone = app.New();
        alone.UseRouting();
        alone.Use((HttpContext _, RequestDelegate _) => Task.CompletedTask);
        alone.UseEndpoints(endpoints =>
        {
            foreach (var source in ((IEndpointRouteBuilder)app).DataSources)
            {
                endpoints.DataSources.Add(source);
            }
        });
        return alone.Build();
    }

    private static void AddForwarding(IServiceCollection services)
    {
        services.AddRouting().AddCors().AddRequestTimeouts();
        services.AddSingleton<ConcurrencyLimit>().AddSingleton<AnonymousLimit>().AddSingleton<LineBudget>();
        services.AddSingleton<OpenExchanges>().AddSingleton<Readmission>();
        services.AddSingleton<SnapshotConfigProvider>();
        services.AddSingleton<IProxyConfigProvider>(provider => provider.GetRequiredService<SnapshotConfigProvider>());
        services.AddSingleton<ICorsPolicyProvider>(provider => provider.GetRequiredService<SnapshotConfigProvider>());
        services.AddReverseProxy().AddTransforms<BrokerTransforms>();

        // YARP's session affinity brings data protection along; its keys would land in the file system.
        services.AddDataProtection().UseEphemeralDataProtectionProvider();
        services.AddSingleton<IForwarderHttpClientFactory, ForwarderClients>();
    }

    private static void AddOperations(IServiceCollection services, BrokerOptions options, Func<string?> lackedKey)
    {
        services.AddSingleton(provider => new Readiness(provider.GetRequiredService<SnapshotStore>(), () =>
            lackedKey() is { } key ? $"encryption key '{key}' is not in Broker:Redis:Encryption" : null
        ));
        services.AddHostedService<ManagementServer>();
        services.AddHostedService<Drain>();
        services.AddHostedService<SnapshotPoller>();
        services.AddHostedService<ExchangeSweep>();
        services.AddTelemetry(options.Telemetry);

        // The drain is part of the host's stopping, so its time is on top of what is in flight may take.
        services.Configure<HostOptions>(host => host.ShutdownTimeout = options.DrainDelay + options.ShutdownTimeout);
    }
}
