using Broker.Tests.Redis;
using Shouldly;

namespace Broker.ReplicaTests;

/// <summary>One slot on its way from one node of a Cluster to another, as <c>redis-cli --cluster reshard</c> does it; it may be left halfway.</summary>
internal sealed record SlotMove(IReadOnlyList<RedisServer> Nodes, string Slot, RedisServer From, RedisServer To)
{
    public static async Task<SlotMove> Of(IReadOnlyList<RedisServer> nodes, string key, RedisServer from, RedisServer to) =>
        new(nodes, await from.Ask("CLUSTER", "KEYSLOT", key), from, to);

    /// <summary>From now on the slot is between the two: what asks for several keys of it is told to try again.</summary>
    public async Task Begin()
    {
        (await To.Ask("CLUSTER", "SETSLOT", Slot, "IMPORTING", await From.Ask("CLUSTER", "MYID"))).ShouldBe("OK");
        (await From.Ask("CLUSTER", "SETSLOT", Slot, "MIGRATING", await To.Ask("CLUSTER", "MYID"))).ShouldBe("OK");
    }

    /// <summary>Takes the keys over, so many of them.</summary>
    public async Task Carry(int most = 1000)
    {
        while (most > 0 && await From.Ask("CLUSTER", "GETKEYSINSLOT", Slot, $"{Math.Min(most, 100)}") is { Length: > 0 } keys)
        {
            var names = keys.Split('\n');
            (await From.Ask(["MIGRATE", "127.0.0.1", $"{To.Port}", "", "0", "5000", "KEYS", .. names])).ShouldBeOneOf("OK", "NOKEY");
            most -= names.Length;
        }
    }

    public async Task Finish()
    {
        await Carry();
        var id = await To.Ask("CLUSTER", "MYID");
        (await To.Ask("CLUSTER", "SETSLOT", Slot, "NODE", id)).ShouldBe("OK");
        (await From.Ask("CLUSTER", "SETSLOT", Slot, "NODE", id)).ShouldBe("OK");
        foreach (var node in Nodes)
        {
            await Eventually.Holds(
                async () => (await node.Ask("CLUSTER", "NODES")).Split('\n').First(line => line.StartsWith(id, StringComparison.Ordinal)) is var line
                    && line.Split(' ').Skip(8).Any(range => range.Split('-') is var ends && int.TryParse(ends[0], out var first)
                        && int.Parse(Slot) is var slot && first <= slot && slot <= int.Parse(ends[^1])),
                "every node knows where the slot is");
        }
    }
}
