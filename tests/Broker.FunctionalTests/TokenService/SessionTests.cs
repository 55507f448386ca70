using System.Text.Json.Nodes;
using Broker.Credentials;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

public sealed class SessionTests
{
    private const string Form = "application/x-www-form-urlencoded";

    [Fact]
    public async Task What_comes_of_a_login_joins_its_session_and_never_outlives_it()
    {
        await using var bed = await TokenBed.Start(broker => broker["TokenService"]!["SessionLifetime"] = "00:10:00");
        var (access, refresh) = await bed.LogIn("operator");
        var end = TokenBed.Claims(access).GetProperty("sxp").GetInt64();

        var created = await bed.Create(access, """{"userId":2}""");
        var renewed = TokenBed.Pair(await bed.Post("/token/refresh", $$"""{"refreshToken":"{{created.Refresh}}"}"""));

        foreach (var token in new[] { access, refresh, created.Access, created.Refresh, renewed.Access })
        {
            TokenBed.Claims(token).GetProperty("sid").GetString().ShouldBe(TokenBed.Claims(access).GetProperty("sid").GetString());
            TokenBed.Claims(token).GetProperty("exp").GetInt64().ShouldBeLessThanOrEqualTo(end);
        }

        TokenBed
            .Claims((await bed.LogIn("operator")).Access)
            .GetProperty("sid")
            .GetString()
            .ShouldNotBe(TokenBed.Claims(access).GetProperty("sid").GetString());
    }

    [Fact]
    public async Task Ending_a_session_ends_all_that_came_of_it_on_the_next_request_and_no_other_session()
    {
        await using var bed = await TokenBed.Start();
        var (access, refresh) = await bed.LogIn("operator");
        var created = await bed.Create(access, """{"userId":2}""");
        var other = await bed.LogIn("operator");
        (await bed.Get("/net/1", created.Access)).Status.ShouldBe(200);

        (
            await bed.Post(
                "/oauth/revoke",
                $"token={refresh}&client_id=operator&client_secret={Uri.EscapeDataString(TokenBed.Password)}",
                type: Form
            )
        ).ShouldBe((200, ""));

        (await bed.Get("/net/1", access)).Status.ShouldBe(401);
        (await bed.Get("/net/1", created.Access)).Status.ShouldBe(401);
        (await bed.Post("/token/create", """{"userId":2}""", created.Access)).Status.ShouldBe(401);
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{created.Refresh}}"}""")).ShouldBe((401, ""));
        (await bed.Get("/net/1", other.Access)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Disabling_a_user_ends_all_that_came_of_him_and_enabling_him_again_brings_nothing_back()
    {
        await using var bed = await TokenBed.Start();
        var (access, refresh) = await bed.LogIn("operator");
        (await bed.Get("/net/1", access)).Status.ShouldBe(200);

        await bed.Reload(broker => broker["Callers"]!["operator"]!["Disabled"] = true);
        (await bed.Get("/net/1", access)).Status.ShouldBe(401);
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).ShouldBe((401, ""));
        (await bed.Post("/token", $$"""{"login":"operator","password":"{{TokenBed.Password}}"}""")).Status.ShouldBe(401);

        await bed.Reload(_ => { });
        (await bed.Get("/net/1", access)).Status.ShouldBe(401);
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).ShouldBe((401, ""));
        (await bed.Get("/net/1", (await bed.LogIn("operator")).Access)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_static_refresh_token_serves_any_number_of_times_and_stays_within_the_users_present_rights()
    {
        await using var bed = await TokenBed.Start();
        var (_, refresh) = await bed.LogIn("operator");
        for (var i = 0; i < 3; i++)
        {
            (
                await bed.Get("/net/2", TokenBed.Pair(await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).Access)
            ).Status.ShouldBe(200);
        }

        await bed.Reload(broker => broker["Callers"]!["operator"]!["Networks"] = new JsonArray("1"));

        (
            await bed.Get("/net/2", TokenBed.Pair(await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).Access)
        ).Status.ShouldBe(403);
    }

    [Fact]
    public async Task A_rotating_refresh_token_changes_at_each_use_and_the_second_use_of_an_old_one_ends_the_session()
    {
        await using var bed = await Rotating("00:00:00");
        var login = await bed.LogIn("operator");
        var first = await Use(bed, login.Refresh);
        first.Refresh.ShouldNotBe(login.Refresh);
        var second = await Use(bed, first.Refresh);
        (await bed.Get("/net/1", second.Access)).Status.ShouldBe(200);

        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{login.Refresh}}"}""")).ShouldBe((401, ""));

        (await bed.Get("/net/1", second.Access)).Status.ShouldBe(401);
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{second.Refresh}}"}""")).ShouldBe((401, ""));
    }

    [Fact]
    public async Task Within_the_grace_a_lost_answer_comes_again_as_the_same_successor_until_that_is_used()
    {
        await using var bed = await Rotating("00:05:00");
        var login = await bed.LogIn("operator");
        var lost = await Use(bed, login.Refresh);

        var again = await Use(bed, login.Refresh);
        again.Refresh.ShouldBe(lost.Refresh);

        var next = await Use(bed, again.Refresh);
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{login.Refresh}}"}""")).ShouldBe((401, ""));
        (await bed.Get("/net/1", next.Access)).Status.ShouldBe(401);
    }

    [Fact]
    public async Task Of_many_uses_at_once_all_get_the_same_successor_and_without_a_grace_exactly_one()
    {
        await using var bed = await Rotating("00:05:00");
        var refresh = (await bed.LogIn("operator")).Refresh;
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Use(bed, refresh)));
        answers.Select(answer => answer.Refresh).Distinct().Count().ShouldBe(1);

        await using var strict = await Rotating("00:00:00");
        refresh = (await strict.LogIn("operator")).Refresh;
        var statuses = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => strict.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}"""))
        );
        statuses.Count(answer => answer.Status == 201).ShouldBe(1);
    }

    [Fact]
    public async Task A_refresh_token_from_before_rotation_or_of_another_process_is_refused_for_nobody_knows_its_uses()
    {
        await using var bed = await Rotating("00:00:10");
        var login = await bed.LogIn("operator");
        foreach (
            var forgotten in new[]
            {
                bed.Changed(login.Refresh, claims => claims with { Line = null }),
                bed.Changed(login.Refresh, claims => claims with { Line = "other.line" }),
            }
        )
        {
            (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{forgotten}}"}""")).ShouldBe((401, ""));
        }

        (await bed.Get("/net/1", login.Access)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Signing_keys_change_without_an_outage_add_sign_with_the_new_verify_with_both_drop()
    {
        static void Keys(JsonObject broker, params string[] ids) =>
            broker["Issuing"]!["SigningKeys"] = new JsonObject(
                ids.Select(id => new KeyValuePair<string, JsonNode?>(
                    id,
                    JsonNode.Parse($$"""{ "Algorithm": "HS256", "Key": { "Env": "{{(id == "k1" ? "SIGNING" : "NEXT")}}" } }""")
                ))
            );
        await using var bed = await TokenBed.Start();
        bed.Broker.SetEnvironment("NEXT", Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32)));
        var (access, refresh) = await bed.LogIn("operator");

        await bed.Reload(broker => Keys(broker, "k1", "k2"));
        (await bed.Get("/net/1", access)).Status.ShouldBe(200);
        await bed.Reload(broker => Keys(broker, "k2", "k1"));
        var renewed = TokenBed.Pair(await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}"""));
        (await bed.Get("/net/1", access)).Status.ShouldBe(200);
        (await bed.Get("/net/1", renewed.Access)).Status.ShouldBe(200);
        await bed.Reload(broker => Keys(broker, "k2"));

        (await bed.Get("/net/1", access)).Status.ShouldBe(401);
        (await bed.Get("/net/1", renewed.Access)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_token_that_would_not_fit_is_a_400_that_says_so()
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("operator");
        var many = string.Join(',', Enumerable.Range(0, 2000).Select(i => $"\"device-{i}\""));

        var answer = await bed.Post("/token/create", $$"""{"userId":2,"deviceIds":[{{many}}]}""", access);

        answer.Status.ShouldBe(400);
        answer.Body.ShouldContain("Name fewer devices.");
    }

    [Fact]
    public async Task Without_a_token_service_in_the_config_its_paths_are_forwarded_as_any_other()
    {
        await using var bed = await TokenBed.Start(broker => broker.Remove("TokenService"));

        (await bed.Post("/token", "{}", "key:app-key")).Status.ShouldBe(200);
        bed.Upstream.Only.RawTarget.ShouldBe("/token");
    }

    [Theory]
    [InlineData("/token/{**rest}", "/token")]
    [InlineData("/auth/rest/token/create", "/auth/rest/token")]
    [InlineData("/oauth/revoke", "/oauth/revoke")]
    [InlineData("/.well-known/jwks.json", "/.well-known/jwks.json")]
    public async Task A_forwarded_route_that_the_token_service_shadows_does_not_load(string path, string root)
    {
        await using var upstream = await EchoUpstream.Start();
        var config = TokenBed.Config(upstream.Address);
        config["ReverseProxy"]!["Routes"]!["shadow"] = JsonNode.Parse(
            $$"""{ "ClusterId": "api", "Match": { "Path": "{{path}}" }, "Metadata": { "Action": "GetCurrentUser", "Reach": "none" } }"""
        );

        var refused = await Should.ThrowAsync<InvalidOperationException>(() =>
            BrokerUnderTest.Start(
                config.ToJsonString(),
                [
                    .. TestConfig.Environment,
                    ("SIGNING", Convert.ToBase64String(new byte[40])),
                    ("HASH", "AQAAAAIAACcQAAAAEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEFAKEA=="),
                ]
            )
        );

        refused.Message.ShouldContain($"ReverseProxy:Routes:shadow:Match:Path: lies under {root}");
    }

    private static Task<TokenBed> Rotating(string grace) =>
        TokenBed.Start(broker =>
        {
            broker["TokenService"]!["RefreshTokens"] = "Rotating";
            broker["TokenService"]!["RotationGrace"] = grace;
        });

    private static async Task<(string Access, string Refresh)> Use(TokenBed bed, string refresh) =>
        TokenBed.Pair(await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}"""));
}
