using System.Text;
using Broker.FunctionalTests.Forwarding;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>The bytes that the OAuth2 source sends, against a token endpoint that is strict about them.</summary>
public sealed class OAuth2TokensTests
{
    private const string PasswordAccount =
        """{ "Grant": "Password", "ClientId": "fleet-service", "ClientSecret": { "Env": "CLIENT_SECRET" }, "UserName": "driver@acme.example", "Password": { "Env": "USER_PASSWORD" }, "Scopes": [ "read" ] }""";

    private static string Basic(string id, string secret) =>
        "Basic "
        + Convert.ToBase64String(
            Encoding.UTF8.GetBytes($"{id}:{Uri.EscapeDataString(secret).Replace("%20", "+", StringComparison.Ordinal)}")
        );

    public static TheoryData<string, string, string?, string> ClientAccounts() =>
        new()
        {
            {
                """{ "ClientId": "fleet-service", "ClientSecret": { "Env": "CLIENT_SECRET" }, "Scopes": [ "read", "write" ], "Audience": "https://api.fleet.example" }""",
                "grant_type=client_credentials&scope=read+write&audience=https%3A%2F%2Fapi.fleet.example",
                Basic("fleet-service", OAuth2Simulator.BasicClientSecret),
                "fleet-service"
            },
            {
                """{ "ClientId": "charger-app", "ClientSecret": { "Env": "BODY_SECRET" }, "ClientAuthentication": "Body" }""",
                "grant_type=client_credentials&client_id=charger-app&client_secret=charger-app-secret",
                null,
                "charger-app"
            },
            {
                """{ "ClientId": "tenant-client", "ClientSecret": { "Env": "TENANT_SECRET" }, "Parameters": { "tenant": "acme" }, "Headers": { "X-Tenant": "acme" } }""",
                "grant_type=client_credentials&tenant=acme",
                Basic("tenant-client", OAuth2Simulator.TenantClientSecret),
                "tenant-client"
            },
        };

    [Theory]
    [MemberData(nameof(ClientAccounts))]
    public async Task A_client_shows_itself_as_its_account_says_and_its_token_goes_upstream(
        string account,
        string body,
        string? authorization,
        string client
    )
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address, account: account))
        );

        var echo = await (await broker.Ask("/api/things")).Json();

        echo.GetProperty("client").GetString().ShouldBe(client);
        var asked = simulator.Received.Token.ShouldHaveSingleItem();
        asked.Body.ShouldBe(body);
        asked.Header("Authorization").ShouldBe(authorization);
        asked.Header("Content-Type").ShouldBe("application/x-www-form-urlencoded");
        asked.Header("X-Tenant").ShouldBe(client == "tenant-client" ? "acme" : null);
        asked.Header("Cookie").ShouldBeNull();
        simulator.Received.Data.ShouldHaveSingleItem().Header("X-Api-Key").ShouldBeNull();
    }

    [Fact]
    public async Task A_user_logs_in_once_and_then_refreshes_with_a_token_that_rotates()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new() { ReuseRevokes = true });
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address, account: PasswordAccount))
        );
        for (var round = 0; round < 3; round++)
        {
            simulator.RevokeAccessTokens();
            await Eventually.Holds(async () => (int)(await broker.Ask("/api/things")).StatusCode == 200, "a refused token is replaced");
        }

        var asked = simulator.Received.Token;
        asked[0].Body.ShouldBe("grant_type=password&username=driver%40acme.example&password=driver-password&scope=read");
        simulator.Logins.ShouldBe(1);
        simulator.Refreshes.ShouldBe(2);
        asked
            .Skip(1)
            .ShouldAllBe(call =>
                call.Body.StartsWith("grant_type=refresh_token&refresh_token=", StringComparison.Ordinal) && !call.Body.Contains("scope")
            );
        asked[1].Body.ShouldNotBe(asked[2].Body);
        simulator.Received.Data.Select(call => call.Bearer()).Distinct().Count().ShouldBe(3);
    }

    [Fact]
    public async Task An_account_with_a_refresh_token_alone_keeps_the_next_one_over_a_restart()
    {
        var folder = Directory.CreateTempSubdirectory("broker-keep-").FullName;
        var keep = Path.Combine(folder, "refresh");
        var account =
            $$"""{ "Grant": "RefreshToken", "ClientId": "fleet-service", "ClientSecret": { "Env": "CLIENT_SECRET" }, "RefreshToken": { "Env": "REFRESH_TOKEN" }, "RefreshTokenFile": "{{keep}}" }""";
        await using var simulator = await OAuth2Simulator.StartAsync(new() { ReuseRevokes = true });
        var config = TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address, account: account));
        await using (var first = await TokenConfig.Start(config))
        {
            (await first.Ask("/api/things")).EnsureSuccessStatusCode();
        }

        await using (var second = await TokenConfig.Start(config))
        {
            (await second.Ask("/api/things")).EnsureSuccessStatusCode();
        }

        var asked = simulator.Received.Token;
        asked[0].Body.ShouldBe($"grant_type=refresh_token&refresh_token={OAuth2Simulator.InitialRefreshToken}");
        asked[1].Body.ShouldStartWith("grant_type=refresh_token&refresh_token=");
        asked[1].Body.ShouldNotBe(asked[0].Body);
        (simulator.Logins, simulator.RefreshesGranted).ShouldBe((0, 2));
        (OperatingSystem.IsWindows() ? UnixFileMode.UserRead | UnixFileMode.UserWrite : File.GetUnixFileMode(keep)).ShouldBe(
            UnixFileMode.UserRead | UnixFileMode.UserWrite
        );
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("""{ "Header": "X-Vendor-Key", "Value": { "Env": "UPSTREAM_SECRET" } }""")]
    [InlineData("""{ "Query": "api_key", "Value": { "Env": "UPSTREAM_SECRET" } }""")]
    public async Task A_fixed_key_stands_in_its_header_or_query_and_the_callers_own_does_not_cross(string account)
    {
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(upstream.Address, $$"""{ "Kind": "Static", "AllowInsecure": true, "Accounts": { "default": {{account}} } }""")
        );
        var isHeader = account.Contains("Header");
        var request = TestConfig.Request(HttpMethod.Get, "/things?page=2");
        request.Headers.Add("X-Vendor-Key", "mine");

        (await broker.Client.SendAsync(request)).EnsureSuccessStatusCode();

        upstream.Only.RawTarget.ShouldBe(isHeader ? "/things?page=2" : $"/things?page=2&api_key={TestConfig.UpstreamSecret}");
        upstream.Only.Headers.GetValueOrDefault("X-Vendor-Key").ShouldBe(isHeader ? TestConfig.UpstreamSecret : "mine");
        (await broker.LogHolding("key:tester")).ShouldNotContain(TestConfig.UpstreamSecret);
    }
}
