using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>
/// Where DeviceHive is unsafe, the broker is not: one test a flaw (upstreams: devicehive-java-server, rest-jwt.js pins the first).
/// </summary>
public sealed class FlawTests
{
    private const string AsWideAsOperator = "[2,3,7,10,15]";

    [Theory]
    [InlineData("""{"userId":2,"actions":["*"]}""", "actions *")]
    [InlineData("""{"userId":2,"actions":[0]}""", "actions *")]
    [InlineData("""{"userId":2,"actions":["GetDevice","RegisterDevice"]}""", "actions RegisterDevice")]
    [InlineData("""{"userId":2,"networkIds":["1","3"]}""", "networkIds 3")]
    [InlineData("""{"userId":2,"networkIds":["*"]}""", "networkIds *")]
    public async Task Create_is_not_unattenuated_wider_than_the_creator_is_a_403_that_names_the_part(string body, string part)
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("operator");

        (await bed.Post("/token/create", body, access)).ShouldBe(
            (403, $$"""{"error":403,"message":"Access is denied: {{part}} is beyond what the creator and the user hold"}""")
        );
    }

    [Fact]
    public async Task A_client_user_cannot_make_an_administrators_token_for_user_1()
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("operator");

        (await bed.Post("/token/create", """{"userId":1,"actions":["*"]}""", access)).ShouldBe(
            (403, """{"error":403,"message":"Access is denied: a token for another user needs the action ManageUser"}""")
        );
    }

    [Fact]
    public async Task An_empty_list_of_actions_is_nothing_and_not_all_that_a_client_may_do()
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("operator");

        var made = await bed.Create(access, """{"userId":2,"actions":[]}""");

        TokenBed.Payload(made.Access, "a").ShouldBe("[]");
        (await bed.Get("/net/1", made.Access)).Status.ShouldBe(403);
        (await bed.Get("/net/1", access)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("networkIds", "n")]
    [InlineData("deviceTypeIds", "dt")]
    [InlineData("deviceIds", "d")]
    public async Task An_empty_list_of_ids_is_nothing_and_null_or_missing_is_as_mine(string name, string claim)
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("operator");

        TokenBed.Payload((await bed.Create(access, $$"""{"userId":2,"{{name}}":[]}""")).Access, claim).ShouldBe("[]");
        TokenBed
            .Payload((await bed.Create(access, $$"""{"userId":2,"{{name}}":null}""")).Access, claim)
            .ShouldBe(TokenBed.Payload(access, claim));
        var plain = await bed.Create(access, """{"userId":2}""");
        TokenBed.Payload(plain.Access, claim).ShouldBe(TokenBed.Payload(access, claim));
        TokenBed.Payload(plain.Access, "a").ShouldBe(AsWideAsOperator);
    }

    [Fact]
    public async Task Null_is_as_mine_for_actions_too_and_not_nothing()
    {
        await using var bed = await TokenBed.Start();
        var (access, refresh) = await bed.LogIn("operator");

        var made = await bed.Create(
            access,
            """{"userId":2,"actions":null,"networkIds":null,"deviceTypeIds":null,"deviceIds":null,"expiration":null,"refreshExpiration":null}"""
        );

        foreach (var claim in new[] { "a", "n", "dt", "d" })
        {
            TokenBed.Payload(made.Access, claim).ShouldBe(TokenBed.Payload(access, claim), claim);
            TokenBed.Payload(made.Refresh, claim).ShouldBe(TokenBed.Payload(access, claim), claim);
        }

        TokenBed.Claims(made.Refresh).GetProperty("exp").GetInt64().ShouldBe(TokenBed.Claims(refresh).GetProperty("exp").GetInt64());
        (await bed.Get("/net/1", made.Access)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("\"GetDeviceState\"", "GetDeviceState")]
    [InlineData("3,19", "19")]
    [InlineData("\"getdevice\",\"getDevise\"", "getDevise")]
    public async Task An_unknown_action_is_not_dropped_but_a_400_that_names_it(string actions, string named)
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("operator");

        (await bed.Post("/token/create", $$"""{"userId":2,"actions":[{{actions}}]}""", access)).ShouldBe(
            (400, $$"""{"error":400,"message":"There is no action {{named}}"}""")
        );
    }

    [Fact]
    public async Task An_admin_action_needs_a_user_who_has_it_even_where_an_admin_creates()
    {
        await using var bed = await TokenBed.Start();
        var (admin, _) = await bed.LogIn("admin");

        (await bed.Post("/token/create", """{"userId":2,"actions":["ManageUser"]}""", admin)).ShouldBe(
            (403, """{"error":403,"message":"Access is denied: actions ManageUser is beyond what the creator and the user hold"}""")
        );
        (await bed.Post("/token/create", """{"userId":1,"actions":["ManageUser"]}""", admin)).Status.ShouldBe(201);
    }

    [Fact]
    public async Task A_token_for_another_user_lies_within_the_creators_and_that_users_rights_now_and_later()
    {
        void Manager(JsonObject broker, string networks) =>
            broker["Callers"]!["manager"] = TokenBed.User(5, "GetDevice GetNetwork ManageToken ManageUser", networks);
        await using var bed = await TokenBed.Start(broker => Manager(broker, "1 2"));
        var (manager, _) = await bed.LogIn("manager");

        var (made, refresh) = await bed.Create(manager, """{"userId":3}""");

        (TokenBed.Payload(made, "u"), TokenBed.Payload(made, "a"), TokenBed.Payload(made, "n")).ShouldBe(("3", "[3]", """["2"]"""));
        (await bed.Get("/net/2", made)).Status.ShouldBe(200);

        // The creator's rights shrink: so does what he made, remembered or renewed.
        await bed.Reload(broker => Manager(broker, "1"));
        (await bed.Get("/net/2", made)).Status.ShouldBe(403);
        var renewed = TokenBed.Pair(await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}"""));
        (await bed.Get("/net/2", renewed.Access)).Status.ShouldBe(403);

        // The creator is gone: so is it.
        await bed.Reload(_ => { });
        (await bed.Get("/net/2", made)).Status.ShouldBe(401);
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).ShouldBe((401, ""));
    }

    [Fact]
    public async Task A_requested_expiration_has_an_upper_bound_the_session_of_the_creator()
    {
        await using var bed = await TokenBed.Start(broker => broker["TokenService"]!["SessionLifetime"] = "01:00:00");
        var (access, refresh) = await bed.LogIn("operator");
        var end = TokenBed.Claims(refresh).GetProperty("exp").GetInt64();

        var made = await bed.Create(
            access,
            """{"userId":2,"expiration":"2218-01-01T00:00:00","refreshExpiration":"2218-01-01T00:00:00"}"""
        );

        TokenBed.Claims(made.Access).GetProperty("exp").GetInt64().ShouldBeLessThanOrEqualTo(end);
        TokenBed.Claims(made.Refresh).GetProperty("exp").GetInt64().ShouldBeLessThanOrEqualTo(end);
    }

    [Theory]
    [InlineData("2218-01-01T00:00:00", 30)]
    [InlineData("2218-01-01T00:00:00", 7)]
    public async Task An_access_token_lives_no_longer_than_MaxLifetime_whatever_was_asked_and_says_so_itself(string asked, int days)
    {
        await using var bed = await TokenBed.Start(broker => broker["TokenService"]!["MaxLifetime"] = $"{days}.00:00:00");
        var (access, _) = await bed.LogIn("operator");
        var end = DateTimeOffset.UtcNow.AddDays(days);

        var made = await bed.Create(access, $$"""{"userId":2,"expiration":"{{asked}}"}""");

        DateTimeOffset
            .FromUnixTimeMilliseconds(long.Parse(TokenBed.Payload(made.Access, "e"), CultureInfo.InvariantCulture))
            .ShouldBe(end, TimeSpan.FromMinutes(1));
        DateTimeOffset
            .FromUnixTimeSeconds(TokenBed.Claims(made.Access).GetProperty("exp").GetInt64())
            .ShouldBe(end, TimeSpan.FromMinutes(1));
        DateTimeOffset
            .FromUnixTimeSeconds(TokenBed.Claims(made.Refresh).GetProperty("exp").GetInt64())
            .ShouldBeGreaterThan(end.AddDays(100)); // SessionLifetime
        var again = await bed.Create(made.Access, $$"""{"userId":2,"expiration":"{{asked}}"}""");
        DateTimeOffset
            .FromUnixTimeSeconds(TokenBed.Claims(again.Access).GetProperty("exp").GetInt64())
            .ShouldBe(end, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task What_a_short_token_makes_is_as_short()
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("operator");
        var soon = DateTimeOffset.UtcNow.AddMinutes(5);

        var brief = await bed.Create(access, $$"""{"userId":2,"expiration":{{soon.ToUnixTimeMilliseconds()}}}""");
        var made = await bed.Create(brief.Access, """{"userId":2,"expiration":"2218-01-01T00:00:00"}""");

        DateTimeOffset.FromUnixTimeSeconds(TokenBed.Claims(made.Refresh).GetProperty("exp").GetInt64()).ShouldBeLessThanOrEqualTo(soon);
    }

    [Fact]
    public async Task A_restriction_of_device_types_is_not_ignored_for_a_user_of_all_types()
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("operator");

        TokenBed.Payload((await bed.Create(access, """{"userId":2,"deviceTypeIds":[5]}""")).Access, "dt").ShouldBe("""["5"]""");
    }

    [Fact]
    public async Task A_failed_login_does_not_tell_an_unknown_user_from_a_wrong_password_or_a_disabled_one()
    {
        await using var bed = await TokenBed.Start();
        foreach (var login in new[] { "nobody", "operator", "gone", "app" })
        {
            (await bed.Post("/token", $$"""{"login":"{{login}}","password":"wrong"}""")).ShouldBe(
                (401, """{"error":401,"message":"Invalid credentials"}""")
            );
        }

        (await bed.Post("/token", $$"""{"login":"gone","password":"{{TokenBed.Password}}"}""")).ShouldBe(
            (401, """{"error":401,"message":"Invalid credentials"}""")
        );
    }

    [Fact]
    public async Task A_plugin_token_is_no_bearer_token_and_none_is_for_every_topic()
    {
        await using var bed = await TokenBed.Start();
        var (admin, _) = await bed.LogIn("admin");
        var plugin = TokenBed.Pair(await bed.Post("/token/plugin/create", $$"""{"tpc":"{{TokenBed.Topic}}","a":["*"]}""", admin));

        (await bed.Get("/anything", plugin.Access)).Status.ShouldBe(401);
        (await bed.Post("/token/create", """{"userId":1}""", plugin.Access)).Status.ShouldBe(401);
        TokenBed.Claims(plugin.Access).GetProperty("payload").TryGetProperty("u", out _).ShouldBeFalse();
        bed.Upstream.Requests.ShouldBeEmpty();
    }
}
