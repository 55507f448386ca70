using System.Text.Json.Nodes;
using Broker.FunctionalTests.Commands;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>
/// rights.md 4: <c>Reach: account</c> loads only where nobody else is the same user of the upstream, whatever the accounts are called.
/// </summary>
public sealed class OwnAccountTests
{
    private static readonly (string, string)[] Environment = [("PASSWORD", "upstream-password"), ("REFRESH", "refresh-token")];

    /// <summary>
    /// The logins of accounts a, b and default; which of a and b the callers alice and bob use, and the callers of corp; whether it loads.
    /// </summary>
    [Theory]
    [InlineData("alice", "bob", null, "a", "b", null, true)]
    [InlineData("alice", "alice", null, "a", "b", null, false)]
    [InlineData("alice", "ALICE", null, "a", "b", null, false)] // upstreams may ignore case
    [InlineData("alice", "alice", null, "a", "a", null, false)]
    [InlineData("{user}", "alice", null, "a", "b", null, false)] // bob logs in as alice
    [InlineData("{user}", "bob", null, "a", "b", null, true)]
    [InlineData("{user}", "x-{user}", null, "a", "b", null, true)]
    [InlineData(null, null, "{user}", null, null, null, true)]
    [InlineData("{user}", "{corp:sub}", null, "a", "a", "b", false)] // key:alice is corp:alice there
    [InlineData("{user}", "corp-{corp:sub}", null, "a", "a", "b", true)]
    [InlineData("{user}", "{corp:sub}@corp", null, "a", "a", "b", true)]
    [InlineData("alice", "{corp:sub}", "{user}", "a", null, "b", false)]
    [InlineData("{corp:sub}", "{partner:sub}", "key-{user}", null, null, "a", false)] // partner's use b
    [InlineData("corp-{corp:sub}", "partner-{partner:sub}", "key-{user}", null, null, "a", true)]
    [InlineData("corp-{corp:sub}", "co{partner:sub}", "key-{user}", null, null, "a", false)]
    public async Task Nobody_else_may_be_the_same_user(
        string? a,
        string? b,
        string? shared,
        string? alice,
        string? bob,
        string? corp,
        bool loads
    )
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, Config(a, b, shared, alice, bob, corp).ToJsonString());

        var run = await CommandRun.With(Environment, "", "check", "--secrets", "--config", file);

        File.Delete(file);
        run.Exit.ShouldBe(loads ? 0 : 1, run.Out);
        if (!loads)
        {
            run.Out.ShouldContain("error: ReverseProxy:Routes:me:Metadata:Reach: cannot be \"account\": ");
        }
    }

    [Fact]
    public async Task Another_upstream_with_the_same_login_counts_as_well()
    {
        var config = Config("alice", null, null, "a", null, null);
        config["Broker"]!["Callers"]!.AsObject().Remove("bob");
        config["Broker"]!["Upstreams"]!["other"] = config["Broker"]!["Upstreams"]!["api"]!.DeepClone();
        (await Loads(config)).ShouldBeTrue();
        config["Broker"]!["Callers"]!["carol"] = JsonNode.Parse("""{ "Accounts": { "other": "a" } }""");
        (await Loads(config)).ShouldBeFalse();
        config["Broker"]!["Upstreams"]!["other"]!["TokenEndpoint"] = "https://other.example/token";
        (await Loads(config)).ShouldBeTrue();
    }

    [Fact]
    public async Task Two_secrets_that_are_not_there_are_not_one_user()
    {
        var config = Config(null, null, null, "a", "b", null);
        config["Broker"]!["Upstreams"]!["api"]!["Accounts"] = JsonNode.Parse(
            """{ "a": { "RefreshToken": { "Env": "A" } }, "b": { "RefreshToken": { "Env": "B" } } }"""
        );
        (await Loads(config)).ShouldBeTrue();
        config["Broker"]!["Upstreams"]!["api"]!["Accounts"] = JsonNode.Parse(
            """{ "a": { "RefreshToken": { "Env": "REFRESH" } }, "b": { "RefreshToken": { "Env": "REFRESH" } } }"""
        );
        (await Loads(config)).ShouldBeFalse();
    }

    private static async Task<bool> Loads(JsonObject config)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, config.ToJsonString());
        var run = await CommandRun.With(Environment, "", "check", "--config", file);
        File.Delete(file);
        run.Out.Contains("error", StringComparison.Ordinal)
            .ShouldBe(run.Out.Contains("may be one user", StringComparison.Ordinal), run.Out);
        return run.Exit == 0;
    }

    private static JsonObject Config(string? a, string? b, string? shared, string? alice, string? bob, string? corp)
    {
        var accounts = new JsonObject();
        foreach (var (name, login) in new[] { ("a", a), ("b", b), ("default", shared) })
        {
            if (login is not null)
            {
                accounts[name] = new JsonObject
                {
                    ["Login"] = login,
                    ["Password"] = new JsonObject { ["Env"] = "PASSWORD" },
                };
            }
        }

        JsonObject Choice(string? account) => account is null ? [] : new() { ["api"] = account };
        JsonObject Nothing() => new() { ["Const"] = new JsonArray() };
        JsonObject Issuer(string? account) =>
            new()
            {
                ["Actions"] = Nothing(),
                ["Networks"] = Nothing(),
                ["DeviceTypes"] = Nothing(),
                ["Devices"] = Nothing(),
                ["Issuer"] = $"https://{Guid.NewGuid()}.example",
                ["Audiences"] = new JsonArray("broker"),
                ["Authority"] = "https://issuer.example",
                ["Algorithms"] = new JsonArray("RS256"),
                ["Accounts"] = Choice(account),
            };
        return new()
        {
            ["Broker"] = new JsonObject
            {
                ["Upstreams"] = new JsonObject
                {
                    ["api"] = new JsonObject
                    {
                        ["Kind"] = "DeviceHive",
                        ["TokenEndpoint"] = "https://api.example/token",
                        ["Accounts"] = accounts,
                    },
                },
                ["Callers"] = new JsonObject
                {
                    ["alice"] = new JsonObject { ["Accounts"] = Choice(alice) },
                    ["bob"] = new JsonObject { ["Accounts"] = Choice(bob) },
                },
                ["Issuers"] = new JsonObject { ["corp"] = Issuer(corp), ["partner"] = Issuer(corp == "a" ? "b" : null) },
            },
            ["ReverseProxy"] = JsonNode.Parse(
                """
                { "Routes": { "me": { "ClusterId": "api", "Match": { "Path": "/me" }, "Metadata": { "Action": "GetCurrentUser", "Reach": "account" } } },
                  "Clusters": { "api": { "Destinations": { "main": { "Address": "https://api.example/" } } } } }
                """
            ),
        };
    }
}
