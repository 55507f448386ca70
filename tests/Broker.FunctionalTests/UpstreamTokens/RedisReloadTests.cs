using System.Text.Json.Nodes;
using Broker.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>What of Broker:Redis changes while a broker runs, and what does not and says so.</summary>
public sealed class RedisReloadTests
{
    private static readonly (string, string)[] Secrets =
    [
        .. TokenConfig.Secrets,
        ("OLD_KEY", Convert.ToBase64String(Enumerable.Repeat((byte)1, 32).ToArray())),
        ("NEW_KEY", Convert.ToBase64String(Enumerable.Repeat((byte)2, 32).ToArray())),
    ];

    private const string Old = """{ "old": { "Env": "OLD_KEY" } }""";
    private const string NewLast = """{ "old": { "Env": "OLD_KEY" }, "new": { "Env": "NEW_KEY" } }""";
    private const string NewFirst = """{ "new": { "Env": "NEW_KEY" }, "old": { "Env": "OLD_KEY" } }""";
    private const string New = """{ "new": { "Env": "NEW_KEY" } }""";

    [Fact]
    public async Task The_key_ring_rotates_under_running_replicas_without_a_flush_a_restart_or_a_failed_request()
    {
        await using var bed = await TokensBed.Start();
        await using var one = await Start(bed, Old);
        await using var two = await Start(bed, Old);
        var token = await bed.TokenOf(one);
        (await bed.TokenOf(two)).ShouldBe(token);
        foreach (var ring in new[] { NewLast, NewFirst })
        {
            // Replica by replica, and requests in between: no order of these two steps locks the other one out.
            foreach (var broker in new[] { one, two })
            {
                await Reload(broker, bed, ring);
                (await bed.TokenOf(one)).ShouldBe(await bed.TokenOf(two));
            }
        }
        bed.Simulator.RevokeAccessTokens();
        (await bed.TokenOf(one)).ShouldNotBe(token); // stored under the new key
        foreach (var broker in new[] { one, two })
        {
            await Reload(broker, bed, New);
        }
        (await bed.TokenOf(two)).ShouldBe(await bed.TokenOf(one));
        await using var third = await Start(bed, New);
        (await bed.TokenOf(third)).ShouldBe(await bed.TokenOf(one));
        (bed.Simulator.Logins, bed.Simulator.Refreshes).ShouldBe((1, 1));
        one.Log.ShouldNotContain("takes effect at the next start");
    }

    [Fact]
    public async Task A_key_that_was_lacking_and_is_added_makes_a_running_replica_ready_again()
    {
        await using var bed = await TokensBed.Start();
        await using var one = await Start(bed, New);
        var token = await bed.TokenOf(one);
        await using var lacking = await Start(bed, Old);
        (await lacking.Ask("/api/things")).StatusCode.ShouldBe(System.Net.HttpStatusCode.ServiceUnavailable);
        (await Ready(lacking)).ShouldBe(503);
        await Reload(lacking, bed, NewLast);
        (await Ready(lacking)).ShouldBe(200, "nobody asks a replica that is not ready: it must come back by itself");
        await Eventually.Holds(async () => (await lacking.Ask("/api/things")).IsSuccessStatusCode, "its quiet time is over");
        (await bed.TokenOf(lacking)).ShouldBe(token);
        bed.Simulator.Logins.ShouldBe(1);
    }

    [Theory]
    [InlineData("NamingKey", """{ "Env": "OLD_KEY" }""")]
    [InlineData("Endpoints", """[ "127.0.0.1:1" ]""")]
    [InlineData("KeyPrefix", "\"other\"")]
    [InlineData("Lease", "\"00:00:21\"")]
    [InlineData("", "")]
    public async Task What_else_changes_is_said_to_take_effect_at_the_next_start_and_does(string key, string value)
    {
        await using var bed = await TokensBed.Start();
        await using var broker = await Start(bed, Old);
        var token = await bed.TokenOf(broker);
        var config = (JsonObject)bed.Config.DeepClone();
        config["Broker"]!["Redis"]![key.Length == 0 ? "Lease" : key] = JsonNode.Parse(key.Length == 0 ? "\"00:00:10\"" : value);
        if (key.Length == 0)
        {
            config["Broker"]!.AsObject().Remove("Redis");
        }
        await File.WriteAllTextAsync(broker.ConfigFile, WithListeners(broker, config).ToJsonString());
        broker.Services.GetServices<IHostedService>().OfType<SnapshotPoller>().Single().Poll()!.Snapshot.ShouldNotBeNull();
        var lines = (await broker.LogHolding("takes effect at the next start"))
            .Split('\n')
            .Where(line => line.Contains("takes effect at the next start", StringComparison.Ordinal));
        ((string)JsonNode.Parse(lines.ShouldHaveSingleItem())!["Properties"]!["Section"]!).ShouldBe("Broker:Redis");
        (await bed.TokenOf(broker)).ShouldBe(token);
        bed.Simulator.Logins.ShouldBe(1);
    }

    private static JsonObject WithListeners(BrokerUnderTest broker, JsonObject config)
    {
        var running = JsonNode.Parse(File.ReadAllText(broker.ConfigFile))!.AsObject();
        running["Broker"]!.AsObject().Remove("Redis");
        if (config["Broker"]!["Redis"] is { } redis)
        {
            running["Broker"]!["Redis"] = redis.DeepClone();
        }
        return running;
    }

    private static Task<BrokerUnderTest> Start(TokensBed bed, string ring)
    {
        bed.Config["Broker"]!["Redis"]!["Encryption"] = JsonNode.Parse(ring);
        return BrokerUnderTest.Start(bed.Config.ToJsonString(), Secrets);
    }

    private static async Task Reload(BrokerUnderTest broker, TokensBed bed, string ring)
    {
        bed.Config["Broker"]!["Redis"]!["Encryption"] = JsonNode.Parse(ring);
        await File.WriteAllTextAsync(broker.ConfigFile, WithListeners(broker, bed.Config).ToJsonString());
        broker.Services.GetServices<IHostedService>().OfType<SnapshotPoller>().Single().Poll()!.Snapshot.ShouldNotBeNull();
    }

    private static async Task<int> Ready(BrokerUnderTest broker)
    {
        using var answer = await broker.Client.GetAsync(new Uri(broker.Management, "healthz/ready"));
        return (int)answer.StatusCode;
    }
}
