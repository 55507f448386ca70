using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>
/// Where DeviceHive's plugin tokens are unsafe, the broker's are not: it compares neither their actions nor their end with their creator's.
/// </summary>
public sealed class PluginFlawTests
{
    private const string Beyond = """{"error":403,"message":"Access is denied: a goes beyond what the creator holds"}""";

    [Theory]
    [InlineData("""["*"]""")]
    [InlineData("[0]")]
    [InlineData("[16,2]")]
    [InlineData("""["ManagePlugin","ManageUser"]""")]
    public async Task A_plugins_token_is_not_unattenuated_wider_than_the_creator_is_a_403_that_names_the_part(string actions)
    {
        await using var bed = await Start();
        var (maker, _) = await bed.LogIn("maker");

        (await Create(bed, maker, $",\"a\":{actions}")).ShouldBe((403, Beyond));
        (await Create(bed, maker, ",\"a\":[3,\"manageplugin\"]")).Status.ShouldBe(201); // what he holds himself
    }

    [Theory]
    [InlineData("\"GetDeviceState\"", "GetDeviceState")]
    [InlineData("16,19", "19")]
    [InlineData("\"ManagePlugin\",\"ManagePlugins\"", "ManagePlugins")]
    public async Task An_unknown_action_of_a_plugin_is_not_dropped_but_a_400_that_names_it(string actions, string named)
    {
        await using var bed = await Start();
        var (maker, _) = await bed.LogIn("maker");

        (await Create(bed, maker, $",\"a\":[{actions}]")).ShouldBe((400, $$"""{"error":400,"message":"There is no action {{named}}"}"""));
    }

    [Theory]
    [InlineData("", "[16]")]
    [InlineData(",\"a\":null,\"e\":null", "[16]")]
    [InlineData(",\"a\":[]", "[]")]
    public async Task An_empty_list_of_a_plugins_actions_is_nothing_and_null_or_missing_is_what_a_plugin_needs(string wish, string held)
    {
        await using var bed = await Start();
        var (maker, _) = await bed.LogIn("maker");

        TokenBed.Payload(TokenBed.Pair(await Create(bed, maker, wish)).Access, "a").ShouldBe(held);
    }

    [Fact]
    public async Task A_plugins_requested_end_has_an_upper_bound_the_session_of_the_creator()
    {
        await using var bed = await Start(broker => broker["TokenService"]!["SessionLifetime"] = "01:00:00");
        var (maker, refresh) = await bed.LogIn("maker");
        var (session, end) = (
            TokenBed.Claims(refresh).GetProperty("sid").GetString(),
            TokenBed.Claims(refresh).GetProperty("sxp").GetInt64()
        );

        var (access, renews) = TokenBed.Pair(await Create(bed, maker, ",\"e\":\"2218-01-01T00:00:00.000\""));
        var renewed = TokenBed.Pair(await bed.Post("/token/refresh", $$"""{"refreshToken":"{{renews}}"}""")).Access;

        foreach (var token in new[] { access, renews, renewed })
        {
            TokenBed.Claims(token).GetProperty("exp").GetInt64().ShouldBeLessThanOrEqualTo(end);
            long.Parse(TokenBed.Payload(token, "e"), System.Globalization.CultureInfo.InvariantCulture)
                .ShouldBeLessThanOrEqualTo(end * 1000 + 999);
            TokenBed.Claims(token).GetProperty("sid").GetString().ShouldBe(session);
        }
    }

    [Fact]
    public async Task A_plugins_token_ends_with_the_short_token_that_made_it_and_with_its_session()
    {
        await using var bed = await Start();
        var (login, refresh) = await bed.LogIn("maker");
        var soon = DateTimeOffset.UtcNow.AddMinutes(5);
        var brief = await bed.Create(login, $$"""{"userId":9,"expiration":{{soon.ToUnixTimeMilliseconds()}}}""");

        var (access, renews) = TokenBed.Pair(await Create(bed, brief.Access, ",\"e\":\"2218-01-01T00:00:00.000\""));
        DateTimeOffset.FromUnixTimeSeconds(TokenBed.Claims(renews).GetProperty("exp").GetInt64()).ShouldBeLessThanOrEqualTo(soon);
        (await bed.Get("/token/plugin/authenticate?token=" + access)).Status.ShouldBe(200);

        await bed.Post(
            "/oauth/revoke",
            $"token={refresh}&client_id=maker&client_secret=correct+horse",
            type: "application/x-www-form-urlencoded"
        );
        (await bed.Get("/token/plugin/authenticate?token=" + access)).ShouldBe((401, """{"error":401,"message":"Token is not valid"}"""));
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{renews}}"}""")).ShouldBe((401, ""));
    }

    /// <summary>With a maker of the plugin who is no administrator.</summary>
    private static Task<TokenBed> Start(Action<JsonObject>? change = null) =>
        TokenBed.Start(broker =>
        {
            broker["Callers"]!["maker"] = TokenBed.User(9, "GetDevice ManagePlugin ManageToken", "1");
            broker["TokenService"]!["Plugins"]![TokenBed.Topic]!["Creator"] = "maker";
            change?.Invoke(broker);
        });

    private static Task<(int Status, string Body)> Create(TokenBed bed, string bearer, string wish) =>
        bed.Post("/token/plugin/create", $$"""{"tpc":"{{TokenBed.Topic}}"{{wish}}}""", bearer);
}
