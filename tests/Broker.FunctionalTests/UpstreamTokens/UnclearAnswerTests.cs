using System.Text.Json.Nodes;
using Broker.FunctionalTests.Forwarding;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>A token endpoint that says no in words of its own: an account that can log in does, with Redis and without.</summary>
public sealed class UnclearAnswerTests(SharedRedis redis) : IClassFixture<SharedRedis>
{
    private const string Password =
        """{ "Grant": "Password", "ClientId": "fleet-service", "ClientSecret": { "Env": "CLIENT_SECRET" }, "UserName": "driver@acme.example", "Password": { "Env": "USER_PASSWORD" }, "Rotates": __ }""";

    private static readonly Dictionary<string, Answer> Answers = new()
    {
        ["403 invalid_grant"] = Answer.Json(403, new { error = "invalid_grant" }),
        ["401 text"] = Answer.Text(401, "Unauthorized"),
        ["404 page"] = Answer.Text(404, "<html></html>", "text/html"),
        ["410 nothing"] = Answer.Empty(410),
        ["200 error"] = Answer.Json(200, new { error = "token_expired" }),
        ["200 no token"] = Answer.Json(200, new { }),
        ["200 page"] = Answer.Text(200, "<html></html>", "text/html"),
        ["302"] = Answer.Empty(302).With("Location", "/login"),
        ["500"] = Answer.Text(500, "invalid refresh token"),
        ["408"] = Answer.Empty(408),
    };

    public static TheoryData<string, bool, bool> Refreshes
    {
        get
        {
            var all = new TheoryData<string, bool, bool>();
            foreach (
                var (answer, rotates, isShared) in Answers.Keys.SelectMany(answer =>
                    new[] { (answer, false, false), (answer, true, false), (answer, false, true), (answer, true, true) }
                )
            )
            {
                all.Add(answer, rotates, isShared);
            }
            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Refreshes))]
    public async Task A_refresh_that_never_brings_a_token_again_leads_to_a_login(string answer, bool rotates, bool isShared)
    {
        await using var simulator = await OAuth2Simulator.StartAsync(
            new() { TokenLifetime = TimeSpan.FromSeconds(2), RotatesRefreshTokens = rotates }
        );
        var account = Password.Replace("__", rotates ? "true" : "false", StringComparison.Ordinal);
        await using var broker = await Start(
            TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address, account: account)),
            isShared
        );
        (await broker.Ask("/api/things")).EnsureSuccessStatusCode();

        simulator.Faults.AnswerNextRefreshes(Answers[answer], 10_000);

        await Eventually.Holds(
            async () => (await broker.Ask("/api/things")).IsSuccessStatusCode && simulator.LoginsGranted > 1,
            "it has logged in again"
        );
        simulator.Refreshes.ShouldBeInRange(1, 3 * simulator.LoginsGranted);
    }

    [Theory]
    [InlineData("403 invalid_grant")]
    [InlineData("404 page")]
    [InlineData("410 nothing")]
    [InlineData("200 error")]
    [InlineData("500")]
    public async Task DeviceHive_is_logged_in_to_again_as_well(string answer)
    {
        await using var simulator = await DeviceHiveSimulator.StartAsync(new() { TokenLifetime = TimeSpan.FromSeconds(2) });
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(
                simulator.Address,
                $$"""
                { "Kind": "DeviceHive", "AllowInsecure": true, "TokenEndpoint": "{{simulator.Address}}auth/rest/token"{{TokenConfig.Quick}},
                  "Accounts": { "default": { "Login": "operator", "Password": { "Env": "DEVICEHIVE_PASSWORD" } } } }
                """
            )
        );
        (await broker.Ask("/api/rest/device/device-a")).EnsureSuccessStatusCode();

        simulator.Faults.AnswerNextRefreshes(Answers[answer], 10_000);

        await Eventually.Holds(
            async () => (await broker.Ask("/api/rest/device/device-a")).IsSuccessStatusCode && simulator.LoginsGranted > 1,
            "it has logged in again"
        );
    }

    [Theory]
    [InlineData("401 text", false)]
    [InlineData("401 text", true)]
    [InlineData("404 page", false)]
    [InlineData("200 error", true)]
    public async Task A_login_that_is_refused_in_no_clear_words_says_when_to_come_back_and_heals(string answer, bool isShared)
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        await using var broker = await Start(TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address)), isShared);
        simulator.Faults.TokenAnswer = Answers[answer];
        await Eventually.Holds(
            async () =>
            {
                var refused = await broker.Ask("/api/things");
                await refused.ShouldRefuse(502, "upstream-refused-login");
                refused.RetryAfter().ShouldNotBeNull();
                return simulator.Logins >= 5; // not three and no more: nobody said that it is the password
            },
            "it was tried five times"
        );

        simulator.Faults.Clear();

        await Eventually.Holds(async () => (await broker.Ask("/api/things")).IsSuccessStatusCode, "it heals");
        simulator.Received.Data.Count.ShouldBe(1);
    }

    [Fact]
    public async Task An_upstream_that_ends_sessions_is_served_on()
    {
        const string often = """, "Logins": [ { "Permit": 1000, "Per": "01:00:00" } ]""";
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        await using var broker = await TokenConfig.Start(TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address, often)));
        for (var session = 0; session < 20; session++)
        {
            for (var i = 0; i < 3; i++)
            {
                (await broker.Ask("/api/things")).EnsureSuccessStatusCode();
            }
            simulator.RevokeAccessTokens();
        }
        simulator.Logins.ShouldBe(20);
        broker.Log.ShouldNotContain("at its first use");
    }

    [Fact]
    public async Task An_upstream_that_refuses_what_it_issues_is_502_with_the_time_and_a_warning()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        simulator.Faults.DataRefusesAll = true;
        await using var broker = await TokenConfig.Start(TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address)));
        foreach (var path in new[] { "/api/things", "/api/others", "/api/things" })
        {
            var refused = await broker.Ask(path);
            await refused.ShouldRefuse(502, "upstream-refused-token");
            refused.RetryAfter().ShouldNotBeNull().ShouldBeGreaterThan(0);
        }
        (await broker.LogHolding("at its first use")).ShouldContain("Warning");
    }

    private Task<BrokerUnderTest> Start(JsonObject config, bool isShared)
    {
        if (isShared)
        {
            config["Broker"]!["Redis"] = JsonNode.Parse(
                $$"""
                { "Endpoints": [ "{{redis.Server.Endpoint}}" ], "KeyPrefix": "{{SharedRedis.NewPrefix()}}", "NamingKey": { "Env": "REDIS_NAMES" }, "Encryption": { "first": { "Env": "REDIS_KEY" } },
                  "CallTimeout": "00:00:05", "Lease": "00:00:02", "Poll": "00:00:00.050", "RecoveryDelay": "00:00:00.100" }
                """
            );
        }
        return TokenConfig.Start(config);
    }
}
