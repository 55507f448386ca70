using System.Text.Json.Nodes;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>2: a token endpoint that is slower than the lease is long.</summary>
public sealed class SlowEndpointTests
{
    [Fact]
    public async Task A_refresh_that_takes_longer_than_three_leases_is_one_refresh_all_the_same()
    {
        await using var landscape = new Landscape
        {
            Redis = JsonNode
                .Parse(
                    """{ "CallTimeout": "00:00:00.400", "Lease": "00:00:01.200", "Poll": "00:00:00.100", "RecoveryDelay": "00:00:00.100" }"""
                )!
                .AsObject(),
        };
        var simulator = await landscape.OAuth2("slow", Landscape.Strict);
        await using var redis = await RedisServer.Start();
        await using var fleet = await Fleet.Start(landscape, 3, redis.Endpoint);
        (await fleet.AskAll(3, "slow")).ShouldAllBe(answer => answer.Status == 200);
        simulator.Faults.TokenDelay = TimeSpan.FromSeconds(4);
        simulator.RevokeAccessTokens();
        (await fleet.AskAll(30, "slow")).ShouldAllBe(answer => answer.Status == 200);
        (simulator.Logins, simulator.Refreshes).ShouldBe((1, 1));
    }

    [Fact]
    public async Task A_replica_that_stands_still_in_a_slow_refresh_and_wakes_later_overwrites_nothing()
    {
        await using var landscape = new Landscape
        {
            Redis = JsonNode
                .Parse(
                    """{ "CallTimeout": "00:00:00.400", "Lease": "00:00:01.200", "Poll": "00:00:00.100", "RecoveryDelay": "00:00:00.100" }"""
                )!
                .AsObject(),
        };
        var simulator = await landscape.OAuth2("slow", Landscape.Strict, more: "\"CallDeadline\": \"00:00:03\"");
        await using var redis = await RedisServer.Start();
        await using var fleet = await Fleet.Start(landscape, 3, redis.Endpoint);
        (await fleet.AskAll(3, "slow")).ShouldAllBe(answer => answer.Status == 200);
        simulator.Faults.TokenDelay = TimeSpan.FromSeconds(1);
        simulator.RevokeAccessTokens();
        var asleep = fleet.Ask(0, "slow");
        await Eventually.Holds(() => simulator.RefreshesGranted == 1, "the first replica refreshes");
        fleet.Brokers[0].Pause();
        simulator.Faults.TokenDelay = TimeSpan.Zero;
        // Its note says what may be spent: after its deadline the others log in, and send that refresh token no more.
        (await Task.WhenAll(fleet.Ask(1, "slow"), fleet.Ask(2, "slow"))).ShouldAllBe(answer => answer.Status == 200);
        var generation = await Generation(redis);
        fleet.Brokers[0].Resume();
        var answer = await asleep; // the deadline of its own call may have passed while it slept
        (answer.Status == 200 || answer is { Status: 503, Code: "upstream-token-unavailable" }).ShouldBeTrue($"{answer}");
        await Eventually.Holds(async () => (await fleet.Ask(0, "slow")).Status == 200, "it serves again");
        (await fleet.AskAll(6, "slow")).ShouldAllBe(answer => answer.Status == 200);
        (await Generation(redis)).ShouldBe(generation);
        simulator.Received.Data.TakeLast(6).Select(request => request.Bearer()).Distinct().ShouldHaveSingleItem();
        (simulator.Logins, simulator.Refreshes, simulator.SentTwice()).ShouldBe((2, 1, 0));
    }

    private static async Task<string> Generation(RedisServer redis) => await redis.Ask("HGET", await redis.Ask("KEYS", "*:pair"), "g");
}
