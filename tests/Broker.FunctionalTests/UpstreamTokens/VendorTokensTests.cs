using System.Text.Json;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.Forwarding;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>The bytes that the vendors' sources send, against stand-ins that are strict about them.</summary>
public sealed class VendorTokensTests
{
    [Theory]
    [InlineData("api/authentication/token/user", true)]
    [InlineData("api/v2/authentication/token/user", true)]
    [InlineData("api/authentication/token/api-key", false)]
    [InlineData("api/v2/authentication/token/api-key", false)]
    public async Task Telemax_logs_in_with_a_form_for_a_user_or_an_api_key(string endpoint, bool isUser)
    {
        await using var simulator = await TelemaxSimulator.StartAsync(new());
        var account = isUser
            ? """{ "UserName": "reader@acme.example", "Password": { "Env": "TELEMAX_PASSWORD" } }"""
            : """{ "ApiKey": { "Env": "TELEMAX_KEY" } }""";
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(simulator.Address, Upstream("Telemax", simulator.Address + endpoint, account))
        );

        var position = await (await broker.Ask("/api/v2/vehicles/42/last-position")).Json();

        position.GetProperty("deviceId").GetInt32().ShouldBe(42);
        var asked = simulator.Received.Token.ShouldHaveSingleItem();
        asked.Body.ShouldBe(
            isUser ? "UserName=reader%40acme.example&Password=telemax-reader-password" : $"apiKey={TelemaxSimulator.ApiKey}"
        );
        asked.Header("Content-Type").ShouldBe("application/x-www-form-urlencoded");
        asked.RawTarget.ShouldBe("/" + endpoint);
    }

    [Theory]
    [InlineData("Admin", "String", """{"LoginFields":"{\"email\":\"admin@fleet.example\"}","Password":"damoov-admin-password"}""")]
    [InlineData("Admin", "Object", """{"LoginFields":{"email":"admin@fleet.example"},"Password":"damoov-admin-password"}""")]
    [InlineData(
        "User",
        "String",
        """{"LoginFields":"{\"Devicetoken\":\"11111111-aaaa-4aaa-8aaa-000000000001\"}","Password":"e4d909c2-90d0-4b1c-a068-ffaddf22cbd0"}"""
    )]
    [InlineData(
        "User",
        "Object",
        """{"LoginFields":{"DeviceToken":"11111111-aaaa-4aaa-8aaa-000000000001"},"Password":"e4d909c2-90d0-4b1c-a068-ffaddf22cbd0"}"""
    )]
    public async Task Damoov_logs_in_with_json_in_json_and_refreshes_with_the_whole_pair(string who, string form, string body)
    {
        await using var simulator = await DamoovSimulator.StartAsync(new() { ReuseRevokes = true });
        var isUser = who == "User";
        var account = isUser
            ? $$"""{ "DeviceToken": "{{DamoovSimulator.Alice}}", "InstanceId": "{{DamoovSimulator.InstanceId}}", "Password": { "Env": "DAMOOV_KEY" }, "LoginFields": "{{form}}" }"""
            : $$"""{ "Email": "{{DamoovSimulator.AdminEmail}}", "Password": { "Env": "DAMOOV_PASSWORD" }, "LoginFields": "{{form}}" }""";
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(simulator.Address, Upstream("Damoov", simulator.Address + "v1/Auth/Login", account))
        );
        var path = isUser ? "/indicators/v3/Statistics" : $"/indicators/admin/v3/Statistics?UserId={DamoovSimulator.Bob}";
        for (var round = 0; round < 3; round++)
        {
            simulator.RevokeAccessTokens();
            await Eventually.Holds(async () => (int)(await broker.Ask(path)).StatusCode == 200, "a refused token is replaced");
        }

        var asked = simulator.Received.Token;
        JsonNode.DeepEquals(JsonNode.Parse(asked[0].Body), JsonNode.Parse(body)).ShouldBeTrue(asked[0].Body);
        asked[0].Header("InstanceId").ShouldBe(isUser ? DamoovSimulator.InstanceId : null);
        asked[0].Header("Content-Type").ShouldBe("application/json");
        (simulator.Logins, simulator.Refreshes, simulator.RefreshesGranted).ShouldBe((1, 2, 2));
        var pairs = asked.Skip(1).Select(call => JsonDocument.Parse(call.Body).RootElement).ToArray();
        asked.Skip(1).ShouldAllBe(call => call.RawTarget == "/v1/Auth/RefreshToken");
        pairs.ShouldAllBe(pair => pair.EnumerateObject().Count() == 2);
        pairs[0].GetProperty("AccessToken").GetString().ShouldBe(simulator.Received.Data[0].Bearer());
        pairs[0].GetProperty("RefreshToken").GetString().ShouldNotBe(pairs[1].GetProperty("RefreshToken").GetString());
    }

    [Fact]
    public async Task Damoovs_refusal_inside_a_200_is_a_refusal()
    {
        await using var simulator = await DamoovSimulator.StartAsync(new() { StatusInBody = true });
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(
                simulator.Address,
                Upstream(
                    "Damoov",
                    simulator.Address + "v1/Auth/Login",
                    $$"""{ "Email": "{{DamoovSimulator.AdminEmail}}", "Password": { "Env": "WRONG" } }"""
                )
            )
        );

        await (await broker.Ask("/indicators/v3/Statistics")).ShouldRefuse(502, "upstream-refused-login");

        simulator.Received.Data.ShouldBeEmpty();
    }

    [Fact]
    public async Task Damoovs_dead_refresh_token_inside_a_200_leads_to_one_login()
    {
        await using var simulator = await DamoovSimulator.StartAsync(
            new() { StatusInBody = true, RefreshTokenLifetime = TimeSpan.FromMilliseconds(1) }
        );
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(
                simulator.Address,
                Upstream(
                    "Damoov",
                    simulator.Address + "v1/Auth/Login",
                    $$"""{ "Email": "{{DamoovSimulator.AdminEmail}}", "Password": { "Env": "DAMOOV_PASSWORD" } }"""
                )
            )
        );
        var path = $"/indicators/admin/v3/Statistics?UserId={DamoovSimulator.Bob}";
        (await broker.Ask(path)).EnsureSuccessStatusCode();
        simulator.RevokeAccessTokens();

        (await broker.Ask(path)).EnsureSuccessStatusCode();

        (simulator.Logins, simulator.Refreshes, simulator.RefreshesGranted).ShouldBe((2, 1, 0));
    }

    [Fact]
    public async Task DeviceHive_logs_in_with_json_and_keeps_its_refresh_token()
    {
        await using var simulator = await DeviceHiveSimulator.StartAsync(new());
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(
                simulator.Address,
                Upstream(
                    "DeviceHive",
                    simulator.Address + "auth/rest/token",
                    """{ "Login": "operator", "Password": { "Env": "DEVICEHIVE_PASSWORD" } }"""
                )
            )
        );
        for (var round = 0; round < 3; round++)
        {
            simulator.RevokeAccessTokens();
            await Eventually.Holds(
                async () => (int)(await broker.Ask("/api/rest/device/device-a")).StatusCode == 200,
                "a refused token is replaced"
            );
        }

        var asked = simulator.Received.Token;
        asked[0].Body.ShouldBe("""{"login":"operator","password":"devicehive-operator-password"}""");
        asked.Select(call => call.RawTarget).ShouldBe(["/auth/rest/token", "/auth/rest/token/refresh", "/auth/rest/token/refresh"]);
        JsonDocument.Parse(asked[1].Body).RootElement.EnumerateObject().Select(member => member.Name).ShouldBe(["refreshToken"]);
        asked[2].Body.ShouldBe(asked[1].Body);
        simulator.Logins.ShouldBe(1);
    }

    private static string Upstream(string kind, string endpoint, string account) =>
        $$"""{ "Kind": "{{kind}}", "AllowInsecure": true, "TokenEndpoint": "{{endpoint}}"{{TokenConfig.Quick}}, "Accounts": { "default": {{account}} } }""";
}
