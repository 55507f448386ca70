using Broker.Tests.Redis;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>Three brokers, a wire from each to a Redis that may be replaced, and staggered accounts.</summary>
public sealed class FaultyRedis : IAsyncLifetime
{
    private const int Brokers = 3;

    private readonly List<RedisServer> servers = [];
    private readonly List<Wire> wires = [];

    internal Staggered Staggered { get; } = new();

    internal Fleet Fleet { get; private set; } = null!;

    internal IReadOnlyList<Wire> Wires => wires;

    /// <summary>The one that the brokers reach.</summary>
    internal RedisServer Server => servers[^1];

    public async ValueTask InitializeAsync()
    {
        servers.Add(await RedisServer.Start());
        for (var i = 0; i < Brokers; i++)
        {
            wires.Add(new(Server.Port));
        }
        await Staggered.Open();
        Fleet = await Fleet.Start(Staggered.Landscape, Brokers, i => [wires[i].Endpoint]);
        await Staggered.Begin(Fleet);
    }

    public async ValueTask DisposeAsync()
    {
        await Fleet.DisposeAsync();
        foreach (var wire in wires)
        {
            await wire.DisposeAsync();
        }
        foreach (var server in servers)
        {
            await server.DisposeAsync();
        }
        await Staggered.DisposeAsync();
    }

    internal void All(WireFault fault) => wires.ForEach(wire => wire.Fault = fault);

    internal void Latency(TimeSpan latency) => wires.ForEach(wire => wire.Latency = latency);

    /// <summary>From now on another Redis is behind the same addresses.</summary>
    internal void Replace(RedisServer server)
    {
        servers.Add(server);
        foreach (var wire in wires)
        {
            wire.Target = server.Port;
            wire.Reset();
        }
    }
}
