using System.Text.Json.Nodes;
using Broker.FunctionalTests.Forwarding;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>Several brokers, one real Redis, one strict simulator.</summary>
public sealed class SharedTokenTests : IAsyncLifetime
{
    private static readonly string Ring = Convert.ToBase64String(new byte[32]);

    private RedisServer redis = null!;

    public async ValueTask InitializeAsync() => redis = await RedisServer.Start();

    public ValueTask DisposeAsync() => redis.DisposeAsync();

    [Fact]
    public async Task Three_brokers_log_in_once_and_go_on_without_redis()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        var config = Config(simulator.Address);
        await using var one = await TokenConfig.Start(config);
        await using var two = await TokenConfig.Start(config);
        await using var three = await TokenConfig.Start(config);
        BrokerUnderTest[] brokers = [one, two, three];
        var answers = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => brokers[i % 3].Ask("/api/things")));
        answers.ShouldAllBe(answer => (int)answer.StatusCode == 200);
        simulator.Logins.ShouldBe(1);
        await redis.Kill();
        foreach (var broker in brokers)
        {
            (await broker.Ask("/api/things")).StatusCode.ShouldBe(System.Net.HttpStatusCode.OK);
        }
        simulator.Logins.ShouldBe(1);
        one.Log.ShouldNotContain(Ring);
    }

    [Fact]
    public async Task A_broker_that_lacks_the_key_of_a_stored_token_is_not_ready_and_says_which()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        var config = Config(simulator.Address);
        await using var one = await TokenConfig.Start(config);
        (await one.Ask("/api/things")).StatusCode.ShouldBe(System.Net.HttpStatusCode.OK);
        config["Broker"]!["Redis"]!["Encryption"] = JsonNode.Parse("""{ "other": { "Env": "REDIS_KEY" } }""");
        await using var two = await TokenConfig.Start(config);
        await (await two.Ask("/api/things")).ShouldRefuse(503, "upstream-token-unavailable");
        using var ready = await two.Client.GetAsync(new Uri(two.Management, "healthz/ready"));
        ((int)ready.StatusCode).ShouldBe(503);
        (await ready.Content.ReadAsStringAsync()).ShouldContain("first");
        simulator.Logins.ShouldBe(1);
    }

    private JsonObject Config(Uri simulator)
    {
        var config = TokenConfig.For(simulator, TokenConfig.OAuth2(simulator));
        config["Broker"]!["Redis"] = JsonNode.Parse(
            $$"""
            { "Endpoints": [ "{{redis.Endpoint}}" ], "NamingKey": { "Env": "REDIS_NAMES" }, "Encryption": { "first": { "Env": "REDIS_KEY" } } }
            """
        );
        return config;
    }
}
