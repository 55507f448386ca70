using System.Globalization;

namespace Broker.Tests.Redis;

/// <summary>
/// One slot on its way from one node of a Cluster to another, as <c>redis-cli --cluster reshard</c> does it; it may be left halfway.
/// </summary>
/// <param name="Nodes">All of the Cluster.</param>
/// <param name="Slot">Its number.</param>
/// <param name="From">The master that has it.</param>
/// <param name="To">The master that gets it.</param>
public sealed record SlotMove(IReadOnlyList<RedisServer> Nodes, int Slot, RedisServer From, RedisServer To)
{
    public static async Task<SlotMove> Of(IReadOnlyList<RedisServer> nodes, string key, RedisServer from, RedisServer to) =>
        new(nodes, int.Parse(await from.Ask("CLUSTER", "KEYSLOT", key), CultureInfo.InvariantCulture), from, to);

    /// <summary>From now on the slot is between the two: who asks for several keys of it is told to try again.</summary>
    public async Task Begin()
    {
        await Set(To, "IMPORTING", await From.Ask("CLUSTER", "MYID"));
        await Set(From, "MIGRATING", await To.Ask("CLUSTER", "MYID"));
    }

    /// <summary>Takes the keys over, so many of them.</summary>
    public async Task Carry(int most = 1000)
    {
        while (most > 0 && await From.Ask("CLUSTER", "GETKEYSINSLOT", $"{Slot}", $"{Math.Min(most, 100)}") is { Length: > 0 } keys)
        {
            var names = keys.Split('\n');
            Succeeded(await From.Ask(["MIGRATE", "127.0.0.1", $"{To.Port}", "", "0", "5000", "KEYS", .. names]), "OK", "NOKEY");
            most -= names.Length;
        }
    }

    /// <summary>The slot is the other's, and every node knows.</summary>
    public async Task Finish()
    {
        await Carry();
        var id = await To.Ask("CLUSTER", "MYID");
        await Set(To, "NODE", id);
        await Set(From, "NODE", id);
        foreach (var node in Nodes)
        {
            while (
                !(await node.Ask("CLUSTER", "NODES")).Split('\n').Where(line => line.StartsWith(id, StringComparison.Ordinal)).Any(HasSlot)
            )
            {
                await Task.Delay(10);
            }
        }
    }

    private async Task Set(RedisServer server, string state, string node) =>
        Succeeded(await server.Ask("CLUSTER", "SETSLOT", $"{Slot}", state, node), "OK");

    private static void Succeeded(string answer, params string[] good)
    {
        if (!good.Contains(answer))
        {
            throw new InvalidOperationException(answer);
        }
    }

    /// <summary>After eight words come slots and ranges of slots.</summary>
    private bool HasSlot(string line) =>
        line.Trim()
            .Split(' ')
            .Skip(8)
            .Select(range => range.Split('-'))
            .Any(ends =>
                int.TryParse(ends[0], CultureInfo.InvariantCulture, out var first)
                && int.TryParse(ends[^1], CultureInfo.InvariantCulture, out var last)
                && first <= Slot
                && Slot <= last
            );
}
