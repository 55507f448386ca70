using Broker.Tests.Redis;
using Shouldly;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>
/// A Cluster is changed while brokers run: slots move from node to node, and a master stands still until its replica has its place.
/// </summary>
public sealed class ClusterChangesTests(ReplicatedCluster cluster, ITestOutputHelper output) : IClassFixture<ReplicatedCluster>
{
    private string next = "";

    [Fact(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    public async Task A_slot_that_moves_to_another_node_takes_its_account_and_the_notes_along()
    {
        SlotMove move = null!;
        Monitor monitor = null!;
        await Endures(
            async () =>
            {
                move = await MoveOfTheNext();
                monitor = await Monitor.Of(move.To);
                await move.Begin();
                await move.Finish();
            },
            () => Task.CompletedTask
        );
        (await cluster.MasterOf(next)).ShouldBe(move.To);

        // The renewal that met the move may have written its note before it; the next one writes it where the account is now.
        var note = cluster.PairOf(next).Replace(":pair", ":note", StringComparison.Ordinal);
        await Eventually.Holds(
            async () =>
            {
                await monitor.CaughtUp(move.To);
                return IsNoted([.. monitor.Lines], note);
            },
            "a note was written there, and its replica has it"
        );
        await monitor.DisposeAsync();
    }

    [Theory(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1000)]
    public async Task A_slot_that_stays_halfway_between_two_nodes_for_a_while(int keysThatWentAhead)
    {
        SlotMove move = null!;
        await Endures(
            async () =>
            {
                move = await MoveOfTheNext();
                await move.Begin();
                await move.Carry(keysThatWentAhead);
            },
            () => move.Finish()
        );
    }

    [Fact(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    public async Task A_master_that_stands_still_until_its_replica_has_its_place_and_then_comes_back()
    {
        RedisServer master = null!;
        await Endures(
            async () =>
            {
                master = await cluster.MasterOf(next = cluster.Next());
                var others = cluster.Servers.Where(server => server != master).ToList();
                master.Freeze();
                await Eventually.Holds(
                    async () =>
                        (await Task.WhenAll(others.Select(server => server.Ask("ROLE")))).Count(role =>
                            role.StartsWith("master", StringComparison.Ordinal)
                        ) == 3,
                    "its replica is the master"
                );
            },
            () => Done(() => master.Thaw())
        );
        await Eventually.Holds(
            async () => (await master.Ask("ROLE")).StartsWith("slave", StringComparison.Ordinal),
            "it is the replica now"
        );
    }

    /// <summary>Whether this note was written, and the client that wrote it next waited for a replica.</summary>
    private static bool IsNoted(List<string> lines, string note)
    {
        var written = lines.FindIndex(line =>
            line.Contains(" lua] \"HSET\" ", StringComparison.Ordinal) && line.Contains($"\"{note}\"", StringComparison.Ordinal)
        );
        var script = written < 0 ? -1 : lines.FindLastIndex(written, line => line.Contains("] \"EVAL", StringComparison.Ordinal));
        return script >= 0
            && lines[script].Split(' ')[2] is var client
            && lines
                .Skip(written)
                .FirstOrDefault(line => line.Contains($" {client} ", StringComparison.Ordinal))
                ?.Contains("] \"WAIT\" \"1\"", StringComparison.Ordinal) == true;
    }

    private static Task Done(Action action)
    {
        action();
        return Task.CompletedTask;
    }

    /// <summary>The slot of the account that comes due next, to another master.</summary>
    private async Task<SlotMove> MoveOfTheNext()
    {
        var from = await cluster.MasterOf(next = cluster.Next());
        foreach (var server in cluster.Servers)
        {
            if (server != from && (await server.Ask("ROLE")).StartsWith("master", StringComparison.Ordinal))
            {
                return await SlotMove.Of(cluster.Servers, cluster.PairOf(next), from, server);
            }
        }
        throw new InvalidOperationException("there is one master only");
    }

    private async Task Endures(Func<Task> begin, Func<Task> end)
    {
        try
        {
            output.WriteLine(await cluster.Endures(begin, end, () => next));
        }
        catch (Exception)
        {
            output.WriteLine(cluster.Fleet.Told());
            throw;
        }
    }
}
