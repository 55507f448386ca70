using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Broker.FunctionalTests.TokenService;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>
/// A user of Redis's ACL with the rights that docs/redis.md lists, and no other: that is enough, and Redis refuses nothing.
/// </summary>
public sealed class RedisAclTests : IAsyncLifetime
{
    private const string Word = "the-password-of-the-user";

    private readonly string passwordFile = Path.GetTempFileName();
    private RedisServer primary = null!;
    private RedisServer replica = null!;

    public async ValueTask InitializeAsync()
    {
        primary = await RedisServer.Start();
        replica = await RedisServer.Start("--replicaof", "127.0.0.1", $"{primary.Port}");
        (await primary.Ask(["ACL", "SETUSER", "broker", "on", ">" + Word, .. Rights()])).ShouldBe("OK");
        await File.WriteAllTextAsync(passwordFile, Word);
    }

    public async ValueTask DisposeAsync()
    {
        await replica.DisposeAsync();
        await primary.DisposeAsync();
        File.Delete(passwordFile);
    }

    [Fact]
    public async Task Tokens_are_shared_and_a_rotating_one_is_refreshed_with_its_note_and_the_wait_behind_it()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new() { ReuseRevokes = true });
        var config = TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address, account: TokensBed.Password));
        config["Broker"]!["Redis"] = JsonNode.Parse(
            $$"""
            { "Endpoints": [ "{{primary.Endpoint}}" ], "CallTimeout": "00:00:03", "Poll": "00:00:00.200", "RecoveryDelay": "00:00:00.200",
              "NamingKey": { "Env": "REDIS_NAMES" }, "Encryption": { "first": { "Env": "REDIS_KEY" } } }
            """
        );
        AsUser(config["Broker"]!.AsObject());
        await using var one = await TokenConfig.Start(config);
        await using var two = await TokenConfig.Start(config);
        (await one.Ask("/api/things")).EnsureSuccessStatusCode();
        simulator.RevokeAccessTokens();
        (await two.Ask("/api/things")).EnsureSuccessStatusCode();
        (await one.Ask("/api/things")).EnsureSuccessStatusCode();

        (simulator.Logins, simulator.Refreshes).ShouldBe((1, 1));
        await NothingIsRefused();
    }

    [Fact]
    public async Task The_token_service_shares_what_was_ended_and_who_failed()
    {
        await using var one = await TokenBed.Replica(primary.Endpoint, AsUser);
        await using var two = await TokenBed.Replica(primary.Endpoint, AsUser);
        (string Access, string Refresh) pair = ("", "");
        await Eventually.Holds(async () => (pair = await one.LogIn("operator")).Access.Length > 0, "the login is answered");
        await two.Knows(pair.Access);
        (await one.Post("/oauth/token", "grant_type=password", type: "application/x-www-form-urlencoded")).Status.ShouldNotBe(200);
        (
            await one.Post(
                "/oauth/revoke",
                $"token={pair.Access}&client_id=app&client_secret=app-key",
                type: "application/x-www-form-urlencoded"
            )
        ).Status.ShouldBe(200);
        await NothingIsRefused();
    }

    [Fact]
    public async Task What_is_not_the_brokers_is_not_reached()
    {
        (await primary.Ask("ACL", "DRYRUN", "broker", "GET", "other:key")).ShouldContain("no permissions", Case.Insensitive);
        foreach (
            var command in new[]
            {
                "CONFIG GET *",
                "FLUSHALL",
                "KEYS *",
                "SHUTDOWN",
                "DEBUG SLEEP 1",
                "CLIENT KILL TYPE normal",
                "ACL LIST",
                "REPLICAOF NO ONE",
                "SCRIPT FLUSH",
            }
        )
        {
            (await primary.Ask(["ACL", "DRYRUN", "broker", .. command.Split(' ')])).ShouldContain(
                "no permissions",
                Case.Insensitive,
                command
            );
        }
    }

    private async Task NothingIsRefused()
    {
        var lines = (await primary.Ask("ACL", "LOG")).Split('\n');
        lines.Zip(lines.Skip(1)).Where(two => two.First == "object").Select(two => two.Second).ShouldBeEmpty();
    }

    private void AsUser(JsonObject broker)
    {
        broker["Redis"]!["User"] = "broker";
        broker["Redis"]!["Password"] = new JsonObject { ["File"] = passwordFile };
    }

    /// <summary>The words of the line in the docs, behind the user's name and password.</summary>
    private static string[] Rights()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Broker.sln")))
        {
            folder = Path.GetDirectoryName(folder)!;
        }

        var page = File.ReadAllText(Path.Combine(folder, "docs/redis.md"));
        return Regex
            .Match(page, "^ACL SETUSER broker on >PASSWORD (?<rights>(.*\\\\\n)*.*)$", RegexOptions.Multiline)
            .Groups["rights"]
            .Value.Split([' ', '\\', '\n'], StringSplitOptions.RemoveEmptyEntries);
    }
}
