using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>
/// What DeviceHive's token endpoints say beside the conformance table: sentences about what comes of an answer, and rows for who is not
/// there any more.
/// </summary>
public sealed class DeviceHiveRowsTests
{
    [Theory]
    [InlineData("""{"login":"  ","password":"x"}""")]
    [InlineData("""{"login":"operator","password":" "}""")]
    [InlineData("""{"login":null,"password":"x"}""")]
    [InlineData("{}")]
    public async Task A_blank_login_or_password_is_a_400_and_counts_for_no_guess(string body)
    {
        await using var bed = await TokenBed.Start();
        for (var i = 0; i < 12; i++)
        {
            (await bed.Post("/token", body)).ShouldBe(
                (400, """{"error":400,"message":"Invalid or empty authorization request parameters"}""")
            );
        }

        await bed.LogIn("operator");
    }

    [Theory]
    [InlineData("admin", """{"u":1,"a":[0],"n":["*"],"dt":["*"],"d":["*"]""")]
    [InlineData("clerk", """{"u":3,"a":[3,10],"n":["2","3"],"dt":["*"],"d":["*"]""")]
    [InlineData("newcomer", """{"u":7,"a":[],"n":[],"dt":["*"],"d":["*"]""")]
    public async Task A_logins_payload_is_the_users_and_an_administrators_is_action_0_and_every_star(string login, string held)
    {
        await using var bed = await TokenBed.Start(broker =>
        {
            broker["Callers"]!["newcomer"] = TokenBed.User(7, "GetDevice", "1");
            (broker["Callers"]!["newcomer"]!["Actions"], broker["Callers"]!["newcomer"]!["Networks"]) = (new JsonArray(), new JsonArray());
        });

        var (access, refresh) = await bed.LogIn(login);

        foreach (var (token, use) in new[] { (access, 1), (refresh, 0) })
        {
            TokenBed
                .Claims(token)
                .GetProperty("payload")
                .GetRawText()
                .ShouldBe($$"""{{held}},"e":{{TokenBed.Payload(token, "e")}},"t":{{use}}}""");
        }
    }

    [Theory]
    [InlineData("disabled")]
    [InlineData("gone")]
    [InlineData("gone, and his number is another's")]
    public async Task A_refresh_token_of_a_user_who_is_gone_or_not_active_is_a_401_with_an_empty_body(string became)
    {
        await using var bed = await TokenBed.Start(broker => broker["TokenService"]!["Messages"] = "DeviceHive");
        var (access, refresh) = await bed.LogIn("operator");
        var (_, created) = await bed.Create(access, """{"userId":2}""");
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{created}}"}""")).Status.ShouldBe(201);

        await bed.Reload(broker =>
        {
            broker["TokenService"]!["Messages"] = "DeviceHive";
            var callers = broker["Callers"]!.AsObject();
            if (became == "disabled")
            {
                callers["operator"]!["Disabled"] = true;
                return;
            }

            callers.Remove("operator");
            if (became != "gone")
            {
                callers["successor"] = TokenBed.User(2, "*", "*");
            }
        });

        foreach (var body in new[] { refresh, created })
        {
            using var answer = await bed.Client.PostAsync(
                "/token/refresh",
                new StringContent($$"""{"refreshToken":"{{body}}"}""", null, "application/json")
            );
            ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(), answer.Content.Headers.ContentType).ShouldBe(
                (401, "", null)
            );
        }

        (await bed.Get("/net/1", access)).Status.ShouldBe(401);
    }

    [Theory]
    [InlineData("", "Token is empty")]
    [InlineData("?token", "Token is empty")]
    [InlineData("?other=x", "Token is empty")]
    public async Task Without_a_token_in_the_query_a_plugin_is_told_so(string query, string message)
    {
        await using var bed = await TokenBed.Start();

        (await bed.Get("/token/plugin/authenticate" + query)).ShouldBe((401, $$"""{"error":401,"message":"{{message}}"}"""));
        (await bed.Post("/token/plugin/authenticate", "{}")).Status.ShouldBe(405);
    }

    [Fact]
    public async Task What_is_renewed_holds_what_the_refresh_token_holds_for_half_an_hour_and_the_old_one_stays_valid()
    {
        await using var bed = await TokenBed.Start();
        var (login, _) = await bed.LogIn("operator");
        var (access, refresh) = await bed.Create(login, """{"userId":2,"actions":["GetDevice"],"networkIds":["2"],"deviceTypeIds":[5]}""");

        var renewed = TokenBed.Pair(await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).Access;

        foreach (var member in new[] { "u", "a", "n", "dt", "t" })
        {
            TokenBed.Payload(renewed, member).ShouldBe(TokenBed.Payload(access, member), member);
        }

        DateTimeOffset
            .FromUnixTimeMilliseconds(long.Parse(TokenBed.Payload(renewed, "e"), System.Globalization.CultureInfo.InvariantCulture))
            .ShouldBe(DateTimeOffset.UtcNow.AddMinutes(30), TimeSpan.FromSeconds(30));
        renewed.ShouldNotBe(access);
        (await bed.Post("/token/create", """{"userId":2}""", login)).Status.ShouldBe(201); // what came before counts on
    }

    [Fact]
    public async Task A_plugins_end_is_of_both_its_tokens_and_they_die_with_their_creator()
    {
        await using var bed = await TokenBed.Start();
        var (admin, _) = await bed.LogIn("admin");
        var end = DateTimeOffset.UtcNow.Date.AddDays(3); // less than the longest life of a token
        var plugin = TokenBed.Pair(
            await bed.Post("/token/plugin/create", $$"""{"tpc":"{{TokenBed.Topic}}","e":"{{end:yyyy-MM-dd}}T00:00:00.000"}""", admin)
        );
        var said = new DateTimeOffset(end, TimeSpan.Zero)
            .ToUnixTimeMilliseconds()
            .ToString(System.Globalization.CultureInfo.InvariantCulture);
        (TokenBed.Payload(plugin.Access, "e"), TokenBed.Payload(plugin.Refresh, "e")).ShouldBe((said, said));

        await bed.Reload(broker => broker["Callers"]!["admin"]!["Disabled"] = true);

        (await bed.Get("/token/plugin/authenticate?token=" + plugin.Access)).Status.ShouldBe(401);
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{plugin.Refresh}}"}""")).Status.ShouldBe(401);
        (await bed.Post("/token/plugin/create", $$"""{"tpc":"{{TokenBed.Topic}}"}""", admin)).ShouldBe(
            (401, """{"error":401,"message":"Unauthorized"}""")
        );
    }

    [Fact]
    public async Task Under_another_prefix_the_whole_family_stands_there_and_nowhere_else()
    {
        await using var bed = await TokenBed.Start(broker =>
            broker["TokenService"]!["Prefixes"] = new System.Text.Json.Nodes.JsonArray("/hive/login")
        );
        var (access, refresh) = TokenBed.Pair(
            await bed.Post("/hive/login", $$"""{"login":"operator","password":"{{TokenBed.Password}}"}""")
        );

        (await bed.Post("/hive/login/create", """{"userId":2}""", access)).Status.ShouldBe(201);
        (await bed.Post("/hive/login/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).Status.ShouldBe(201);
        (await bed.Post("/hive/login/plugin/create", "{}", access)).Status.ShouldBe(403);
        (await bed.Get("/hive/login/plugin/authenticate?token=x")).Status.ShouldBe(401);
        bed.Upstream.Requests.ShouldBeEmpty();
        (await bed.Post("/token", "{}", "key:app-key")).Status.ShouldBe(200); // a path like any other: forwarded
        bed.Upstream.Only.RawTarget.ShouldBe("/token");
    }

    [Theory]
    [InlineData("\"deviceTypeIds\":[5,6]", "deviceTypeIds 6")]
    [InlineData("\"deviceTypeIds\":[\"*\"]", "deviceTypeIds *")]
    [InlineData("\"deviceIds\":[\"a\",\"b\",\"c\"]", "deviceIds b, c")]
    [InlineData("\"deviceIds\":[\"*\"]", "deviceIds *")]
    public async Task Types_and_devices_beyond_the_creators_are_named_as_well(string wish, string part)
    {
        await using var bed = await TokenBed.Start();
        var (login, _) = await bed.LogIn("operator");
        var (access, _) = await bed.Create(login, """{"userId":2,"deviceTypeIds":[5],"deviceIds":["a"]}""");

        (await bed.Post("/token/create", $$"""{"userId":2,{{wish}}}""", access)).ShouldBe(
            (403, $$"""{"error":403,"message":"Access is denied: {{part}} is beyond what the creator and the user hold"}""")
        );
    }
}
