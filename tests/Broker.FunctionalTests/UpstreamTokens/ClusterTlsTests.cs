using System.Net;
using System.Text.Json.Nodes;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>TLS and a password to a real Cluster, whose nodes the brokers find by themselves.</summary>
public sealed class ClusterTlsTests
{
    private const string CanOnlyRefresh =
        """{ "Grant": "RefreshToken", "ClientId": "fleet-service", "ClientSecret": { "Env": "CLIENT_SECRET" }, "RefreshToken": { "Env": "REFRESH_TOKEN" } }""";

    [Fact]
    public async Task Tokens_are_shared_and_a_note_reaches_its_node_whichever_node_the_config_names()
    {
        await using var redis = await TlsCluster.Start(replicas: 1);
        await using var simulator = await OAuth2Simulator.StartAsync(new() { ReuseRevokes = true });
        await using var one = await TokenConfig.Start(Config(simulator, redis.Section()));
        (await one.Ask("/api/things")).EnsureSuccessStatusCode();
        var master = await redis.OfThePair();
        // It knows one node, and that is another: the note's has to be found, with the password and the authority.
        var known = redis.EndpointOf(redis.Servers.First(server => server != master));
        await using var two = await TokenConfig.Start(Config(simulator, redis.Section(known)));
        (await two.Ask("/api/things")).EnsureSuccessStatusCode();
        simulator.RevokeAccessTokens();
        (await two.Ask("/api/things")).EnsureSuccessStatusCode();
        (await one.Ask("/api/things")).EnsureSuccessStatusCode();
        (simulator.Logins, simulator.Refreshes).ShouldBe((1, 1));
        foreach (var server in redis.Servers)
        {
            (await server.Ask("INFO", "commandstats"))
                .Contains("cmdstat_wait:calls=1,", StringComparison.Ordinal)
                .ShouldBe(server == master, "one note, and a wait for its replica behind it");
        }
        foreach (var broker in (BrokerUnderTest[])[one, two])
        {
            broker.Log.ShouldNotContain("Redis does not answer");
            broker.Log.ShouldNotContain(TlsCluster.Password);
        }
    }

    [Fact]
    public async Task A_replica_takes_over_and_the_token_is_refreshed_there()
    {
        await using var redis = await TlsCluster.Start(replicas: 1);
        await using var simulator = await OAuth2Simulator.StartAsync(new() { ReuseRevokes = true });
        await using var one = await TokenConfig.Start(Config(simulator, redis.Section(), CanOnlyRefresh));
        await using var two = await TokenConfig.Start(Config(simulator, redis.Section(), CanOnlyRefresh));
        (await one.Ask("/api/things")).EnsureSuccessStatusCode();
        (await two.Ask("/api/things")).EnsureSuccessStatusCode();
        var (master, replica) = (await redis.OfThePair(), await redis.OfThePair("slave"));
        (await replica.Ask("CLUSTER", "FAILOVER", "TAKEOVER")).ShouldBe("OK");
        await master.Kill();
        await Eventually.Holds(
            async () => (await replica.Ask("ROLE")).StartsWith("master", StringComparison.Ordinal),
            "the replica is the master"
        );
        var refreshes = simulator.RefreshesGranted;
        await Eventually.Holds(
            () => Refused(one, simulator, () => simulator.RefreshesGranted > refreshes),
            "what rotates is spent, and noted at the new master"
        );
        await Eventually.Holds(async () => (await two.Ask("/api/things")).StatusCode == HttpStatusCode.OK, "the other has it from there");
        simulator.Logins.ShouldBe(0);
    }

    [Fact]
    public async Task A_node_whose_certificate_is_not_trusted_is_refused_and_named_while_the_others_serve()
    {
        await using var redis = await TlsCluster.Start();
        await using var simulator = await OAuth2Simulator.StartAsync(new() { ReuseRevokes = true });
        await using var broker = await TokenConfig.Start(Config(simulator, redis.Section()));
        (await broker.Ask("/api/things")).EnsureSuccessStatusCode();
        var node = await redis.OfThePair();
        await redis.Show(node, isTrusted: false);
        await broker.LogHolding("\"Fault\":\"certificate-not-trusted\"", () => Refused(broker, simulator, () => true));
        var line = broker.Log.Split('\n').First(line => line.Contains("certificate-not-trusted", StringComparison.Ordinal));
        line.ShouldContain($"\"Endpoints\":\"{redis.EndpointOf(node)}\"");
        simulator.Refreshes.ShouldBe(0, "nothing is spent without a note");
        await redis.Show(node, isTrusted: true);
        await Eventually.Holds(() => Refused(broker, simulator, () => simulator.Refreshes > 0), "the node is reached again");
        simulator.Logins.ShouldBe(1);
    }

    [Fact]
    public async Task Nodes_that_announce_names_are_reached_where_the_config_says_the_name_in_their_certificates()
    {
        await using var redis = await TlsCluster.Start(host: "localhost", announced: "localhost");
        await using var simulator = await OAuth2Simulator.StartAsync(new() { ReuseRevokes = true });
        var section = redis.Section([.. redis.Servers.Take(1).Select(server => redis.EndpointOf(server, "localhost"))]);
        section["TlsHost"] = "localhost";
        await using var broker = await TokenConfig.Start(Config(simulator, section));
        (await broker.Ask("/api/things")).EnsureSuccessStatusCode();
        simulator.RevokeAccessTokens();
        (await broker.Ask("/api/things")).EnsureSuccessStatusCode();
        (simulator.Logins, simulator.Refreshes).ShouldBe((1, 1));
        broker.Log.ShouldNotContain("Redis does not answer");
    }

    /// <summary>A request whose token the upstream refuses, so that the broker asks Redis; then whether it holds.</summary>
    private static async Task<bool> Refused(BrokerUnderTest broker, OAuth2Simulator simulator, Func<bool> holds)
    {
        simulator.RevokeAccessTokens();
        using var answer = await broker.Ask("/api/things");
        return holds();
    }

    private static JsonObject Config(OAuth2Simulator simulator, JsonObject redis, string account = TokensBed.Password)
    {
        var config = TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address, account: account));
        config["Broker"]!["Redis"] = redis;
        return config;
    }
}
