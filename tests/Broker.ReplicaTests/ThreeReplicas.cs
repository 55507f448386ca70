using Broker.Tests.Redis;
using Simulators;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>Three brokers on one Redis; each test has upstreams of its own.</summary>
public sealed class ThreeReplicas : IAsyncLifetime
{
    public const int Count = 3;

    private static readonly string[] Upstreams =
    [
        "rejected",
        "waited",
        "ended",
        "tokenless",
        "changed",
        "given-up",
        "patient",
        "moved",
        "moved-too",
        "counted",
        "secret",
    ];

    internal RedisServer Redis { get; private set; } = null!;

    internal Landscape Landscape { get; } = new();

    internal Fleet Fleet { get; private set; } = null!;

    internal Dictionary<string, SimulatorOptions> Options { get; } = Upstreams.ToDictionary(name => name, _ => Landscape.Strict);

    public async ValueTask InitializeAsync()
    {
        Redis = await RedisServer.Start();
        foreach (var name in Upstreams)
        {
            await Landscape.OAuth2(name, Options[name]);
        }
        Landscape.Upstream("patient")["TokenWaitTimeout"] = "00:00:01";
        Landscape.Upstream("secret")["TokenWaitTimeout"] = "00:00:01";
        Fleet = await Fleet.Start(Landscape, Count, Redis.Endpoint);
    }

    public async ValueTask DisposeAsync()
    {
        await Fleet.DisposeAsync();
        await Redis.DisposeAsync();
        await Landscape.DisposeAsync();
    }
}
