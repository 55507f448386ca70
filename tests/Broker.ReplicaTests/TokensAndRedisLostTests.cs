using Broker.Tests.Redis;
using Shouldly;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>
/// Two brokers, and a third that starts as soon as Redis is back: what was ended stays ended at all of them and at every moment, and a used
/// refresh token is not taken again, whatever Redis has forgotten.
/// </summary>
[Collection(Lanes.TokenService)]
public sealed class TokensAndRedisLostTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)] // from before all that was ended and used
    public async Task A_redis_that_is_killed_and_comes_back_empty_or_from_an_old_snapshot(bool hasSnapshot)
    {
        await using var redis = await RedisServer.Start();
        await using var fleet = await TokenFleet.Start(2, _ => [redis.Endpoint]);
        await using var tokens = await EndedTokens.Begin(fleet, brokersInTheEnd: 3);
        if (hasSnapshot)
        {
            (await redis.Ask("SAVE")).ShouldBe("OK");
        }
        await tokens.End();

        await redis.Kill();
        await AnswersNotNow(fleet, tokens.Kept);
        await redis.Restart();
        await fleet.Add([redis.Endpoint]);

        await tokens.StayEnded();
        // Nobody can say whether it was used: he logs in again, and that line goes on.
        (await TokenFleet.Used(fleet.Brokers[0], tokens.Kept.Refresh)).Status.ShouldBe(401);
        await GoesOn(fleet, await TokenFleet.Login(fleet.Brokers[2]));
    }

    [Fact]
    public async Task A_broker_that_reaches_an_empty_redis_before_the_others_waits_for_what_they_say_again()
    {
        await using var redis = await RedisServer.Start();
        await using var wire = new Wire(redis.Port);
        await using var fleet = await TokenFleet.Start(2, _ => [wire.Endpoint], """{ "RecoveryDelay": "00:00:06" }""");
        await using var tokens = await EndedTokens.Begin(fleet, brokersInTheEnd: 3);
        await tokens.End();
        wire.Fault = WireFault.Resets; // those who know
        await redis.Kill();
        await redis.Restart();

        var first = await fleet.Add([redis.Endpoint]);
        await Eventually.Holds(async () => await Steps(redis) > 5, "it has read the log again and again, and there is nothing in it");
        (await fleet.Ask(first, tokens.Kept.Access)).ShouldBe(503);
        wire.Fault = WireFault.None;

        await tokens.StayEnded();
    }

    [Fact]
    public async Task A_failover_that_loses_what_was_ended_and_used()
    {
        await using var primary = await RedisServer.Start();
        await using var between = new Wire(primary.Port);
        await using var replica = await RedisServer.Start("--replicaof", "127.0.0.1", $"{between.Port}");
        await Redises.IsReplicated(primary, replica);
        await using var fleet = await TokenFleet.Start(2, _ => [primary.Endpoint, replica.Endpoint]);
        await using var tokens = await EndedTokens.Begin(fleet, brokersInTheEnd: 3);
        between.Fault = WireFault.Drops;
        await tokens.End(); // the primary alone knows

        await primary.Kill();
        await AnswersNotNow(fleet, tokens.Kept);
        (await replica.Ask("REPLICAOF", "NO", "ONE")).ShouldBe("OK");
        await fleet.Add([primary.Endpoint, replica.Endpoint]);

        await tokens.StayEnded();
        (await TokenFleet.Used(fleet.Brokers[0], tokens.Kept.Refresh)).Status.ShouldBe(401);
        await GoesOn(fleet, await TokenFleet.Login(fleet.Brokers[2]));
    }

    [Fact]
    public async Task A_cluster_whose_master_of_the_ledgers_dies()
    {
        await using var redis = await Redises.Cluster(replicas: 1);
        await using var fleet = await TokenFleet.Start(2, _ => redis.Endpoints);
        await using var tokens = await EndedTokens.Begin(fleet, brokersInTheEnd: 3);
        await tokens.End();
        RedisServer? dead = null;
        foreach (var master in await Masters(redis.Servers))
        {
            dead = (await master.Ask("KEYS", "*:head")).Length > 0 ? master : dead;
        }
        await Eventually.Holds(() => IsTold(dead!), "its replica has all that it has");

        await dead!.Kill();
        await Eventually.Holds(
            async () =>
            {
                (await fleet.Ask(fleet.Brokers[0], tokens.Kept.Access)).ShouldBe(200); // it is over before anybody gives up
                (await fleet.Ask(fleet.Brokers[1], tokens.Kept.Access)).ShouldBe(200);
                return (await Masters(redis.Servers.Where(server => server != dead))).Count == 3;
            },
            "its replica has taken its place"
        );
        await fleet.Add(redis.Endpoints.Where(endpoint => endpoint != dead.Endpoint));

        await tokens.StayEnded();
        await GoesOn(fleet, tokens.Kept); // nothing was lost: his line is known
    }

    [Fact]
    public async Task Without_a_word_of_redis_tokens_of_ours_are_503_and_nothing_else_is_and_who_is_told_to_serve_serves()
    {
        await using var redis = await RedisServer.Start();
        await using var fleet = await TokenFleet.Start(
            2,
            _ => [redis.Endpoint],
            change: broker => broker["TokenService"]!["UnknownAfter"] = "00:00:08"
        );
        var serving = await fleet.Add([redis.Endpoint], broker => broker["TokenService"]!["WhenUnknown"] = "Serve");
        await using var tokens = await EndedTokens.Begin(fleet, brokersInTheEnd: 4);
        await tokens.End();

        await redis.Kill();
        var killed = TimeProvider.System.GetTimestamp();
        var late = await fleet.Add([redis.Endpoint]); // it never hears of Redis, and never accepts one of ours
        (await fleet.Ask(late, tokens.Kept.Access)).ShouldBe(503);
        foreach (var broker in fleet.Brokers.Take(2))
        {
            await Eventually.Holds(async () => await fleet.Ask(broker, tokens.Kept.Access) == 503, "it has given up");
        }
        // it had heard within half a Poll, or a little more where the machine is busy
        TimeProvider.System.GetElapsedTime(killed).ShouldBeGreaterThan(TimeSpan.FromSeconds(4));
        foreach (var broker in fleet.Brokers)
        {
            // once the broker may log in at the upstream alone
            await Eventually.Holds(async () => await fleet.AskByKey(broker) == 200, "who comes by a key is served");
            (await fleet.Ask(broker, tokens.Kept.Access)).ShouldBe(broker == serving ? 200 : 503);
            (await TokenFleet.LogIn(broker)).Status.ShouldBe(503);
            (await TokenFleet.Use(broker, tokens.Kept.Refresh)).Status.ShouldBe(503);
        }

        await redis.Restart();
        await tokens.StayEnded();
    }

    /// <summary>While Redis is gone rotation answers 503, and a token of ours counts until nobody has heard for too long.</summary>
    private static async Task AnswersNotNow(TokenFleet fleet, Pair kept)
    {
        foreach (var broker in fleet.Brokers)
        {
            (await TokenFleet.Use(broker, kept.Refresh)).Status.ShouldBe(503);
            (await TokenFleet.LogIn(broker)).Status.ShouldBe(503);
            (await fleet.Ask(broker, kept.Access)).ShouldBe(200);
        }
    }

    private static async Task GoesOn(TokenFleet fleet, Pair pair)
    {
        foreach (var broker in fleet.Brokers)
        {
            pair = TokenFleet.PairOf(await TokenFleet.Used(broker, pair.Refresh));
            await fleet.Counts(broker, pair.Access);
        }
    }

    private static async Task<int> Steps(RedisServer redis) =>
        System.Text.RegularExpressions.Regex.Match(await redis.Ask("INFO", "commandstats"), "cmdstat_evalsha:calls=([0-9]+)")
            is { Success: true } match
            ? int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)
            : 0;

    private static async Task<List<RedisServer>> Masters(IEnumerable<RedisServer> servers)
    {
        List<RedisServer> masters = [];
        foreach (var server in servers)
        {
            if ((await server.Ask("ROLE")).StartsWith("master", StringComparison.Ordinal))
            {
                masters.Add(server);
            }
        }
        return masters;
    }

    private static async Task<bool> IsTold(RedisServer master)
    {
        var lines = (await master.Ask("INFO", "replication")).Split("\r\n");
        string Of(string name) => lines.First(line => line.StartsWith(name, StringComparison.Ordinal));
        return Of("slave0:").Contains("offset=" + Of("master_repl_offset:").Split(':')[1] + ",", StringComparison.Ordinal);
    }
}
