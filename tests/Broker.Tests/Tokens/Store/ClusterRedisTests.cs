using System.Diagnostics;
using Broker.Tests.Redis;
using Broker.Tokens;
using Shouldly;
using Xunit;
using static Broker.Tests.Tokens.CellBench;
using static Broker.Tests.Tokens.Store.SharedRenewalTests;

namespace Broker.Tests.Tokens.Store;

/// <summary>A Redis Cluster of three nodes: an identity's keys are in one slot, and so is each budget.</summary>
public sealed class ClusterRedisTests : IAsyncLifetime
{
    private readonly List<RedisServer> nodes = [];

    public async ValueTask InitializeAsync()
    {
        for (var i = 0; i < 3; i++)
        {
            nodes.Add(await RedisServer.Start("--cluster-enabled", "yes", "--cluster-node-timeout", "2000"));
        }
        using var create = Process.Start(new ProcessStartInfo("redis-cli", ["--cluster", "create", .. nodes.Select(node => node.Endpoint), "--cluster-yes"])
        {
            RedirectStandardOutput = true,
        })!;
        await create.StandardOutput.ReadToEndAsync();
        await create.WaitForExitAsync();
        foreach (var node in nodes)
        {
            await Eventually(async () =>
                await node.Ask("CLUSTER", "INFO") is var info && info.Contains("cluster_state:ok", StringComparison.Ordinal) && info.Contains("known_nodes:3", StringComparison.Ordinal)
                && !(await node.Ask("CLUSTER", "NODES")).Contains("handshake", StringComparison.Ordinal));
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in nodes)
        {
            await node.DisposeAsync();
        }
    }

    [Fact]
    public async Task Accounts_in_every_slot_are_shared_renewed_and_noted()
    {
        using var one = new Replica(nodes[0].Endpoint, "p");
        using var other = new Replica(nodes[2].Endpoint, "p");
        for (var i = 0; i < 12; i++)
        {
            var upstream = new StrictUpstream();
            var cell = one.Cell(upstream.Source(), $"account{i}");
            var token = await Fresh(cell);
            var same = other.Cell(upstream.Source(), $"account{i}");
            Value(await Fresh(same)).ShouldBe(Value(token));
            TokenResult next = default;
            await Eventually(async () => (next = await same.Replace(await Fresh(same), 0, "s", None)).Token is not null);
            Value((await cell.Replace(token, 0, "s", None)).Token!).ShouldBe(Value(next.Token!));
            (upstream.Logins, upstream.Refreshes, upstream.Reused).ShouldBe((1, 1, 0));
        }
        foreach (var node in nodes)
        {
            (await node.Ask("KEYS", "*:pair")).ShouldNotBeEmpty();
        }
    }
}
