using System.Diagnostics;
using System.Text.Json.Nodes;
using Broker.Tests.Redis;
using Shouldly;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>
/// Nobody waits for a Redis that takes commands and answers none. The bound is no speed: it is many CallTimeouts for a loaded machine, and
/// far less than the minute of patience that whoever waited for Redis would use up. Redis stands still until the answers are there.
/// </summary>
public sealed class StoppedRedisTests
{
    private static readonly TimeSpan CallTimeout = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Bound = CallTimeout * 20;

    [Fact]
    public async Task A_route_is_answered_with_a_token_and_without_one_while_redis_stands_still()
    {
        await using var landscape = new Landscape
        {
            Redis = JsonNode.Parse($$"""{ "CallTimeout": "{{CallTimeout}}", "RecoveryDelay": "00:00:00.200" }""")!.AsObject(),
        };
        await landscape.OAuth2("held");
        await landscape.OAuth2("cold");
        await using var redis = await RedisServer.Start();
        await using var fleet = await Fleet.Start(landscape, 1, redis.Endpoint);
        await Eventually.Holds(async () => (await fleet.Ask(0, "held")).Status == 200, "the broker reaches Redis");
        redis.Freeze();
        // First of all, while nobody knows yet that Redis is away: how many logins others had is not known either.
        (await InTime(fleet.AskAll(10, "cold"))).ShouldAllBe(answer => answer.Status == 503 && answer.Code == "login-budget-spent");
        (await InTime(fleet.AskAll(10, "held"))).ShouldAllBe(answer => answer.Status == 200);
        landscape["held"].RevokeAccessTokens();
        (await InTime(fleet.AskAll(10, "held"))).ShouldAllBe(answer => answer.Status == 503 && answer.Code == "login-budget-spent");
        // One that starts now waits no longer.
        await fleet.Brokers[0].DisposeAsync();
        await fleet.Begin(0);
        (await InTime(fleet.AskAll(10, "held"))).ShouldAllBe(answer => answer.Status == 503 && answer.Code == "login-budget-spent");
    }

    [Fact]
    public async Task A_login_and_a_refresh_are_answered_while_redis_stands_still()
    {
        await using var redis = await RedisServer.Start();
        await using var fleet = await TokenFleet.Start(1, _ => [redis.Endpoint], $$"""{ "CallTimeout": "{{CallTimeout}}" }""");
        var broker = fleet.Brokers[0];
        var pair = await TokenFleet.Login(broker);
        await fleet.Counts(broker, pair.Access);
        redis.Freeze();
        (await InTime(TokenFleet.Use(broker, pair.Refresh))).Status.ShouldBe(503); // whether it was used is not known
        (await InTime(TokenFleet.LogIn(broker))).Status.ShouldBeOneOf(201, 503);
        (await InTime(fleet.Ask(broker, pair.Access))).ShouldBeOneOf(200, 503);
        (await InTime(fleet.AskByKey(broker))).ShouldBe(200);
    }

    private static async Task<T> InTime<T>(Task<T> request)
    {
        var from = Stopwatch.GetTimestamp();
        var answer = await request;
        Stopwatch.GetElapsedTime(from).ShouldBeLessThan(Bound, $"{answer}");
        return answer;
    }
}
