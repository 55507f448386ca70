using System.Text.Json.Nodes;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>TLS and a password to a real Redis: who is let in, what is said to who is not, and what changes while it runs.</summary>
public sealed class RedisTlsTests
{
    [Fact]
    public async Task Tokens_are_shared_over_tls_with_an_authority_of_ones_own_and_a_password()
    {
        await using var redis = await TlsRedis.Start();
        await using var simulator = await OAuth2Simulator.StartAsync(new() { ReuseRevokes = true });
        var config = Config(simulator, redis.Section());
        await using var one = await TokenConfig.Start(config);
        await using var two = await TokenConfig.Start(config);
        (await one.Ask("/api/things")).EnsureSuccessStatusCode();
        simulator.RevokeAccessTokens();
        // A refresh spends what rotates: its note goes over the plain socket of ours, over TLS as well.
        (await one.Ask("/api/things")).EnsureSuccessStatusCode();
        (await two.Ask("/api/things")).EnsureSuccessStatusCode();
        (simulator.Logins, simulator.Refreshes).ShouldBe((1, 1));
        one.Log.ShouldNotContain("Redis does not answer");
    }

    [Theory]
    [InlineData("another authority", "certificate-not-trusted")]
    [InlineData("the machine's authorities", "certificate-not-trusted")]
    [InlineData("another host", "certificate-of-another-name")]
    [InlineData("expired", "certificate-expired")]
    [InlineData("wrong password", "wrong-password")]
    [InlineData("no password", "password-missing")]
    [InlineData("no tls", "no-answer")]
    [InlineData("tls where there is none", "no-answer-over-tls")]
    [InlineData("nobody there", "not-reached")]
    public async Task Who_is_not_let_in_is_told_why_in_a_word_and_no_login_is_made(string what, string word)
    {
        await using var redis = await TlsRedis.Start(what == "another host" ? "redis.elsewhere.example" : "127.0.0.1", what == "expired");
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        var section = redis.Section();
        switch (what)
        {
            case "another authority":
                section["TlsCa"]!["File"] = redis.OtherCaFile;
                break;
            case "the machine's authorities":
                section.Remove("TlsCa");
                break;
            case "wrong password":
                await File.WriteAllTextAsync(redis.PasswordFile, "a-wrong-password");
                break;
            case "no password":
                section.Remove("Password");
                break;
            case "no tls":
                section.Remove("TlsCa");
                section["Tls"] = false;
                break;
            case "tls where there is none":
                section["Endpoints"]![0] = redis.Server.Endpoint;
                break;
            case "nobody there":
                await redis.Server.Kill();
                break;
        }
        await using var broker = await TokenConfig.Start(Config(simulator, section));
        using var answer = await broker.Ask("/api/things");
        ((int)answer.StatusCode).ShouldBe(503);
        var log = await broker.LogHolding("No connection to Redis");
        var line = log.Split('\n').First(line => line.Contains("No connection to Redis", StringComparison.Ordinal));
        line.ShouldContain($"\"Fault\":\"{word}\"");
        simulator.Logins.ShouldBe(0);
        log.ShouldNotContain(TlsRedis.FirstPassword);
        log.ShouldNotContain("a-wrong-password");
        log.ShouldNotContain("BEGIN CERTIFICATE");
    }

    [Fact]
    public async Task The_name_in_the_certificate_may_be_said()
    {
        await using var redis = await TlsRedis.Start("redis.elsewhere.example");
        await using var simulator = await OAuth2Simulator.StartAsync(new() { ReuseRevokes = true });
        var section = redis.Section();
        section["TlsHost"] = "redis.elsewhere.example";
        await using var broker = await TokenConfig.Start(Config(simulator, section));
        (await broker.Ask("/api/things")).EnsureSuccessStatusCode();
        simulator.RevokeAccessTokens();
        (await broker.Ask("/api/things")).EnsureSuccessStatusCode();
        (simulator.Logins, simulator.Refreshes).ShouldBe((1, 1));
    }

    [Fact]
    public async Task A_password_that_is_changed_at_redis_and_in_its_file_is_used_without_a_restart()
    {
        await using var redis = await TlsRedis.Start();
        await using var simulator = await OAuth2Simulator.StartAsync(new() { ReuseRevokes = true });
        await using var broker = await TokenConfig.Start(Config(simulator, redis.Section()));
        (await broker.Ask("/api/things")).EnsureSuccessStatusCode();
        const string next = "the-next-password-of-redis";
        await redis.Server.Ask("CONFIG", "SET", "requirepass", next);
        redis.Server.Password = next;
        await redis.Server.Ask("CLIENT", "KILL", "TYPE", "normal"); // whoever comes back has to show a password
        await redis.Server.Ask("CLIENT", "KILL", "TYPE", "pubsub");
        await broker.LogHolding("\"Fault\":\"wrong-password\"", () => Refused(broker, simulator));
        await File.WriteAllTextAsync(redis.PasswordFile, next);
        broker.Poll().Snapshot.ShouldNotBeNull();
        await Eventually.Holds(
            async () =>
            {
                await Refused(broker, simulator);
                return simulator.Refreshes > 0;
            },
            "Redis is reached again, and what rotates may be spent"
        );
        simulator.Logins.ShouldBe(1);
        broker.Log.ShouldNotContain(next);
        broker.Log.ShouldNotContain(TlsRedis.FirstPassword);
    }

    [Theory]
    [InlineData("Password")]
    [InlineData("TlsCa")]
    public async Task A_file_that_is_not_there_is_a_mistake_of_the_config_and_named(string key)
    {
        await using var redis = await TlsRedis.Start();
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        var section = redis.Section();
        section[key]!["File"] = "/nowhere/at-all";
        var mistake = (await Should.ThrowAsync<InvalidOperationException>(() => TokenConfig.Start(Config(simulator, section)))).Message;
        mistake.ShouldContain($"error: Broker:Redis:{key}");
        mistake.ShouldContain("/nowhere/at-all");
    }

    /// <summary>A request whose token the upstream refuses: it makes the broker ask Redis.</summary>
    private static async Task Refused(BrokerUnderTest broker, OAuth2Simulator simulator)
    {
        simulator.RevokeAccessTokens();
        using var answer = await broker.Ask("/api/things");
    }

    private static JsonObject Config(OAuth2Simulator simulator, JsonObject redis)
    {
        var config = TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address, account: TokensBed.Password));
        config["Broker"]!["Redis"] = redis;
        return config;
    }
}
