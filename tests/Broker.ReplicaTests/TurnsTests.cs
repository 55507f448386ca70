using System.Text.Json.Nodes;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>
/// 13, where a window permits fewer logins than there are replicas: each of them has its turn while Redis is away, and all stay within the
/// budget.
/// </summary>
public sealed class TurnsTests
{
    private const int Permit = 2;
    private const int Brokers = 3;
    private static readonly TimeSpan Per = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task Replicas_that_are_more_than_the_logins_take_turns_while_redis_is_away()
    {
        await using var landscape = new Landscape
        {
            Redis = JsonNode
                .Parse(
                    """{ "CallTimeout": "00:00:00.400", "Lease": "00:00:00.500", "Poll": "00:00:00.200", "RecoveryDelay": "00:00:00.500", "MaxReplicas": 3 }"""
                )!
                .AsObject(),
        };
        var simulator = await landscape.OAuth2(
            "scarce",
            Landscape.Strict,
            more: $$""" "MaxRetryDelay": "00:00:00.100", "TokenWaitTimeout": "00:00:05", "Logins": [ { "Permit": {{Permit}}, "Per": "{{Per}}" } ] """
        );
        simulator.Faults.TokenAnswer = Answer.Empty(500); // so that everybody wants to log in all the time
        await using var redis = await RedisServer.Start();
        await using Wire one = new(redis.Port),
            two = new(redis.Port),
            three = new(redis.Port);
        Wire[] wires = [one, two, three];
        await using var fleet = await Fleet.Start(landscape, Brokers, i => [wires[i].Endpoint]);
        await using var load = new Load(fleet, landscape.Names, TimeSpan.FromMilliseconds(20));
        await Eventually.Holds(async () => await Seats(redis) == Brokers, "each broker has a seat");
        var away = DateTimeOffset.UtcNow;
        Array.ForEach(wires, wire => wire.Fault = WireFault.Drops);
        List<DateTimeOffset> alone = [];
        await Eventually.Holds(
            () => (alone = [.. simulator.LoginTimes().Where(at => at > away + Per)]).Count >= Brokers * 2,
            "so many logins as if every broker had had its turn twice"
        );
        for (var i = 0; i + Permit < alone.Count; i++)
        {
            (alone[i + Permit] - alone[i]).ShouldBeGreaterThanOrEqualTo(Per, string.Join(' ', alone.Select(at => $"{at:ss.f}")));
        }
        load.Failed.ShouldAllBe(failure => failure.Status == 503);
    }

    private static async Task<int> Seats(RedisServer redis) =>
        (await redis.Ask("KEYS", "*:seats")).Trim() is { Length: > 0 } key
            ? (await redis.Ask("HKEYS", key)).Split('\n').Count(field => char.IsDigit(field[0]))
            : 0;
}
