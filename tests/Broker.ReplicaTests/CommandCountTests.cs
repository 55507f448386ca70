using System.Text.RegularExpressions;
using Shouldly;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>14: how many commands a token costs, however many there are.</summary>
public sealed partial class CommandCountTests(ThreeReplicas replicas) : IClassFixture<ThreeReplicas>
{
    private static readonly string[] Sweeping = ["\"keys\"", "\"scan\"", "\"hscan\"", "\"sscan\"", "\"zscan\"", "\"smembers\""];

    [Fact]
    public async Task A_fresh_token_costs_no_command_and_one_that_another_replica_got_costs_one_among_200_000_too()
    {
        await using var monitor = await Monitor.Of(replicas.Redis);
        (await replicas.Fleet.AskAll(ThreeReplicas.Count, "counted")).ShouldAllBe(answer => answer.Status == 200);
        await monitor.CaughtUp(replicas.Redis);
        // The hash tag that all keys of the account share.
        var identity = monitor.Lines.Select(line => Tag().Match(line)).First(match => match.Success).Groups[1].Value;
        foreach (var others in new[] { 0, 200_000 })
        {
            if (others > 0)
            {
                await replicas.Redis.Ask("DEBUG", "POPULATE", $"{others}", "broker:others");
            }
            (await Cost(monitor, identity, replicas.Fleet, 100)).ShouldBe(0, "a hundred hand-outs of a fresh token");
            await using var newcomer = await Fleet.Start(replicas.Landscape, 1, replicas.Redis.Endpoint);
            (await Cost(monitor, identity, newcomer, 10)).ShouldBe(1, "a replica that has none reads the one that is there");
        }
        monitor.Lines.Where(line => Sweeping.Any(word => line.Contains(word, StringComparison.OrdinalIgnoreCase))).ShouldBeEmpty();
        replicas.Landscape["counted"].Logins.ShouldBe(1);
    }

    /// <summary>How many commands named this identity's keys; what a script does inside is no command of its own.</summary>
    private async Task<int> Cost(Monitor monitor, string identity, Fleet fleet, int requests)
    {
        var before = Count(monitor, identity);
        for (var i = 0; i < requests; i++)
        {
            (await fleet.Ask(i % fleet.Brokers.Count, "counted")).Status.ShouldBe(200);
        }
        await monitor.CaughtUp(replicas.Redis);
        return Count(monitor, identity) - before;
    }

    [GeneratedRegex("\"broker:\\{([0-9a-f]{32})\\}")]
    private static partial Regex Tag();

    private static int Count(Monitor monitor, string identity) =>
        monitor.Lines.Count(line =>
            line.Contains(identity, StringComparison.Ordinal) && !line.Contains(" lua] ", StringComparison.Ordinal)
        );
}
