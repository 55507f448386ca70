using System.Text;
using System.Text.Json.Nodes;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>10 and 9: no secret in any process's log, in what Redis writes to disk, or on the wire to it.</summary>
public sealed class SecrecyTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)] // the scan finds what is there
    public async Task No_token_key_or_password_stands_in_a_log_a_dump_or_a_command(bool isEncrypted)
    {
        await using var landscape = new Landscape
        {
            Redis = JsonNode
                .Parse(
                    $$"""
                    { "CallTimeout": "00:00:01", "Lease": "00:00:05", "RecoveryDelay": "00:00:00.200"{{(
                        isEncrypted ? "" : ", \"AllowPlaintext\": true"
                    )}} }
                    """
                )!
                .AsObject(),
        };
        var oauth = await landscape.OAuth2("oauth", Landscape.Strict);
        var refreshing = await landscape.OAuth2("refreshing", Landscape.Strict, canLogin: false);
        var damoov = await landscape.Damoov("damoov", Landscape.Strict);
        Simulator[] simulators = [oauth, refreshing, damoov];
        await using var redis = await RedisServer.Start("--appendonly", "yes", "--rdbcompression", "no");
        await using var monitor = await Monitor.Of(redis);
        await using var fleet = await Fleet.Start(landscape, 2, redis.Endpoint);
        for (var i = 0; i < 2; i++)
        {
            await fleet.Write(i, Talkative(landscape.Config(redis.Endpoint)));
            await fleet.Brokers[i].DisposeAsync();
            await fleet.Begin(i); // with every log level there is
        }
        foreach (var name in landscape.Names)
        {
            (await fleet.AskAll(4, name)).ShouldAllBe(answer => answer.Status == 200);
            landscape[name].RevokeAccessTokens();
            (await fleet.AskAll(4, name)).ShouldAllBe(answer => answer.Status == 200);
            landscape[name].Faults.TokenCutsAnswer = true;
            landscape[name].RevokeAccessTokens();
            await fleet.AskAll(4, name);
            landscape[name].Faults.Clear();
        }
        await monitor.CaughtUp(redis);
        await redis.Ask("SAVE");

        var logs = string.Concat(fleet.Brokers.Select(broker => broker.Log));
        var files = string.Concat(
            Directory.EnumerateFiles(redis.Folder, "*", SearchOption.AllDirectories).Select(file => File.ReadAllText(file, Encoding.Latin1))
        );
        var commands = string.Join('\n', monitor.Lines);
        var tokens = simulators
            .SelectMany(simulator => simulator.Received.Data.Select(request => request.Bearer()!).Concat(simulator.Spent()))
            .Distinct()
            .ToList();
        tokens.Count.ShouldBeGreaterThanOrEqualTo(10);
        string[] secrets = [.. tokens, .. Landscape.Secrets.Select(secret => secret.Item2), Landscape.Key];

        Directory.EnumerateFiles(redis.Folder, "*.rdb", SearchOption.AllDirectories).ShouldNotBeEmpty();
        Directory.EnumerateFiles(redis.Folder, "*.aof", SearchOption.AllDirectories).ShouldNotBeEmpty();
        Found(secrets, logs).ShouldBeEmpty();
        logs.ShouldContain("\"Level\":\"Debug\"");
        Found(tokens, files).Any().ShouldBe(!isEncrypted);
        Found(tokens, commands).Any().ShouldBe(!isEncrypted);
        Found(secrets.Except(tokens), files + commands).ShouldBeEmpty();
    }

    /// <summary>The places, not the secrets: a report is no place for them either.</summary>
    private static IEnumerable<int> Found(IEnumerable<string> secrets, string text) =>
        secrets
            .Select((secret, i) => (secret, i))
            .Where(pair => text.Contains(pair.secret, StringComparison.Ordinal))
            .Select(pair => pair.i);

    private static JsonObject Talkative(JsonObject config)
    {
        config["Serilog"] = JsonNode.Parse(
            """{ "MinimumLevel": { "Default": "Verbose", "Override": { "Microsoft": "Verbose", "System": "Verbose", "Yarp": "Verbose" } } }"""
        );
        return config;
    }
}
