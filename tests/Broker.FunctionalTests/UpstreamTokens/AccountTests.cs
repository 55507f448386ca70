using System.Text.Json.Nodes;
using Broker.FunctionalTests.Forwarding;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>Whose token a request goes with, and what a change of the config means for it.</summary>
public sealed class AccountTests
{
    [Fact]
    public async Task Two_accounts_never_share_a_token()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        var config = TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address));
        config["Broker"]!["Upstreams"]!["api"]!["Accounts"]!["app"] = JsonNode.Parse(
            """{ "ClientId": "charger-app", "ClientSecret": { "Env": "BODY_SECRET" }, "ClientAuthentication": "Body" }"""
        );
        AddCaller(config, "other", "other-key")["Accounts"] = JsonNode.Parse("""{ "api": "app" }""");
        await using var broker = await TokenConfig.Start(config);

        var answers = await Task.WhenAll(
            Enumerable
                .Range(0, 40)
                .Select(async i =>
                    (
                        i % 2,
                        (await (await broker.Ask("/api/things", key: i % 2 == 0 ? TestConfig.Key : "other-key")).Json())
                            .GetProperty("client")
                            .GetString()
                    )
                )
        );

        answers.ShouldAllBe(answer => answer.Item2 == (answer.Item1 == 0 ? "fleet-service" : "charger-app"));
        simulator.Logins.ShouldBe(2);
    }

    [Fact]
    public async Task A_template_account_is_one_upstream_user_a_caller()
    {
        await using var simulator = await DamoovSimulator.StartAsync(new());
        var config = TokenConfig.For(
            simulator.Address,
            $$"""
            { "Kind": "Damoov", "AllowInsecure": true, "TokenEndpoint": "{{simulator.Address}}v1/Auth/Login",
              "Accounts": { "default": { "DeviceToken": "{user}", "InstanceId": "{{DamoovSimulator.InstanceId}}", "Password": { "Env": "DAMOOV_KEY" } } } }
            """,
            (
                "mine",
                """{ "Match": { "Path": "/trips" }, "Transforms": [ { "PathSet": "/trips/get/v1" } ], "Metadata": { "Action": "GetCurrentUser", "Reach": "account" } }"""
            )
        );
        AddCaller(config, DamoovSimulator.Alice, "alice");
        AddCaller(config, DamoovSimulator.Bob, "bob");
        await using var broker = await TokenConfig.Start(config);

        foreach (
            var (key, user) in new[] { ("alice", DamoovSimulator.Alice), ("bob", DamoovSimulator.Bob), ("alice", DamoovSimulator.Alice) }
        )
        {
            (await (await broker.Ask("/trips", HttpMethod.Post, key)).Json()).ToString().ShouldContain(user);
        }

        simulator.Logins.ShouldBe(2);
        simulator.Received.Token[0].Body.ShouldContain(DamoovSimulator.Alice);
        simulator.Received.Token[1].Body.ShouldContain(DamoovSimulator.Bob);

        // The caller 'tester' is no user there: its login is refused, and nothing of the others' is used.
        await (await broker.Ask("/trips", HttpMethod.Post)).ShouldRefuse(502, "upstream-refused-login");
        simulator.Received.Data.Count.ShouldBe(3);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_user_whom_the_upstream_does_not_know_holds_up_nobody_else_of_a_templated_account(bool isDefinite)
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        var config = TokenConfig.For(
            simulator.Address,
            TokenConfig.OAuth2(
                simulator.Address,
                isDefinite ? TokenConfig.Quick : "",
                $$"""
                { "ClientId": "{{OAuth2Simulator.TenantClientId}}", "ClientSecret": { "Env": "TENANT_SECRET" },
                  "Parameters": { "tenant": "{user}" }, "Headers": { "X-Tenant": "{user}" } }
                """
            )
        );
        AddCaller(config, "mallory", "mallory");
        AddCaller(config, OAuth2Simulator.Tenant, "acme");
        await using var broker = await TokenConfig.Start(config);
        if (isDefinite)
        {
            simulator.Faults.AnswerNextTokenCalls(Answer.Json(400, new { error = "invalid_grant" }), times: 3);
            await Eventually.Holds(
                async () => (int)(await broker.Ask("/api/things", key: "mallory")).StatusCode == 502 && simulator.Logins == 3,
                "three are refused"
            );
        }

        for (var i = 0; i < 30; i++)
        {
            await (await broker.Ask("/api/things", key: "mallory")).ShouldRefuse(502, "upstream-refused-login");
        }

        var asked = simulator.Logins;
        asked.ShouldBeLessThanOrEqualTo(3);
        (await broker.Ask("/api/things", key: "acme")).EnsureSuccessStatusCode();
        await (await broker.Ask("/api/things", key: "mallory")).ShouldRefuse(502, "upstream-refused-login");
        (await broker.Ask("/api/things", key: "acme")).EnsureSuccessStatusCode();
        simulator.Logins.ShouldBeLessThanOrEqualTo(asked + 2);
    }

    [Theory]
    [InlineData("Scopes", """[ "read" ]""", "scope", "read")]
    [InlineData("Audience", "\"https://api.fleet.example\"", "audience", "https://api.fleet.example")]
    [InlineData(
        "",
        """{ "ClientId": "tenant-client", "ClientSecret": { "Env": "TENANT_SECRET" }, "Parameters": { "tenant": "acme" }, "Headers": { "X-Tenant": "acme" } }""",
        "client",
        "tenant-client"
    )]
    public async Task A_changed_scope_audience_or_account_means_a_new_token_for_the_next_request(
        string key,
        string value,
        string member,
        string now
    )
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        var config = TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address));
        await using var broker = await TokenConfig.Start(config);
        (await (await broker.Ask("/api/things")).Json()).GetProperty(member).GetString().ShouldNotBe(now);
        var accounts = config["Broker"]!["Upstreams"]!["api"]!["Accounts"]!;
        (key.Length == 0 ? accounts : accounts["default"]!)[key.Length == 0 ? "default" : key] = JsonNode.Parse(value);

        (await broker.Reload(config.ToJsonString())).ConfigErrors.HasErrors.ShouldBeFalse();
        await Eventually.Holds(
            async () => (await (await broker.Ask("/api/things")).Json()).GetProperty(member).GetString() == now,
            "the routes of the new config serve"
        );

        var old = simulator.Received.Data[0].Bearer();
        simulator.Received.Data[^1].Bearer().ShouldNotBe(old);
        simulator.Received.Clear();
        (await broker.Ask("/api/things")).EnsureSuccessStatusCode();
        simulator.Received.Data.ShouldHaveSingleItem().Bearer().ShouldNotBe(old);
        simulator.Logins.ShouldBe(2);
    }

    [Fact]
    public async Task A_changed_secret_means_that_the_old_token_is_not_used_any_more()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        await using var broker = await TokenConfig.Start(TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address)));
        (await broker.Ask("/api/things")).EnsureSuccessStatusCode();

        broker.SetEnvironment("CLIENT_SECRET", "a-secret-that-is-wrong-now");
        broker.Poll();
        await Eventually.Holds(async () => (int)(await broker.Ask("/api/things")).StatusCode == 502, "the next login is refused");
        var sent = simulator.Received.Data.Count;
        await (await broker.Ask("/api/things")).ShouldRefuse(502, "upstream-refused-login");
        simulator.Received.Data.Count.ShouldBe(sent);

        broker.SetEnvironment("CLIENT_SECRET", OAuth2Simulator.BasicClientSecret);
        broker.Poll();
        await Eventually.Holds(async () => (int)(await broker.Ask("/api/things")).StatusCode == 200, "the right secret is back");
    }

    [Fact]
    public async Task A_policy_edit_shows_on_the_next_request_of_a_credential_that_is_remembered()
    {
        await using var upstream = await EchoUpstream.Start();
        var config = TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
        await using var broker = await TokenConfig.Start(config);
        for (var i = 0; i < 5; i++)
        {
            (await broker.Ask("/things")).EnsureSuccessStatusCode();
        }

        config["Broker"]!["Callers"]!["tester"]!["Actions"] = new JsonArray("GetDevice");
        await broker.Reload(config.ToJsonString());
        await Eventually.Holds(async () => (int)(await broker.Ask("/things")).StatusCode == 403, "the narrower policy serves");
        var sent = upstream.Requests.Count;
        for (var i = 0; i < 5; i++)
        {
            await (await broker.Ask("/things")).ShouldRefuse(403, "action-not-granted");
        }

        upstream.Requests.Count.ShouldBe(sent);
        config["Broker"]!["Callers"]!.AsObject().Remove("tester");
        AddCaller(config, "else", "else-key");
        await broker.Reload(config.ToJsonString());
        await Eventually.Holds(async () => (int)(await broker.Ask("/things")).StatusCode == 401, "a caller that is gone is nobody");
    }

    private static JsonObject AddCaller(JsonObject config, string name, string key)
    {
        var caller = JsonNode
            .Parse(
                $$"""{ "Keys": [ { "Sha256": "{{TestConfig.DigestOf(key)}}" } ], "Actions": [ "*" ], "Networks": [ "*" ], "DeviceTypes": [ "*" ], "Devices": [ "*" ] }"""
            )!
            .AsObject();
        config["Broker"]!["Callers"]![name] = caller;
        return caller;
    }
}
