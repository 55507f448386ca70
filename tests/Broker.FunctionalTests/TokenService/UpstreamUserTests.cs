using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>Users of a DeviceHive upstream log in here with their login and password there.</summary>
public sealed class UpstreamUserTests
{
    [Fact]
    public async Task A_user_of_the_upstream_gets_what_it_permits_him_and_his_requests_go_out_with_his_own_token()
    {
        await using var bed = await UpstreamUserBed.Start();
        var (access, refresh) = TokenBed.Pair(await bed.LogIn("operator", DeviceHiveSimulator.OperatorPassword));

        var payload = TokenBed.Claims(access).GetProperty("payload");
        (
            payload.GetProperty("u").GetInt64(),
            payload.GetProperty("n").GetRawText(),
            payload.GetProperty("dt").GetRawText(),
            payload.GetProperty("d").GetRawText()
        ).ShouldBe((2, """["1"]""", """["*"]""", """["*"]"""));
        payload.GetProperty("a").GetRawText().ShouldBe("[2,3,4,5,6,7,8,9,10,11,15,16,17]");

        (await bed.Get("/api/rest/device/device-a", access)).ShouldBe(200);
        // The broker takes device-b for one of network 1 (the route says so); the upstream knows better, and sees him, not our account.
        (await bed.Get("/api/rest/device/device-b", access)).ShouldBe(403);
        bed.Simulator.Received.Data.Select(request => TokenBed.Payload(request.Header("Authorization")!["Bearer ".Length..], "u"))
            .ShouldBe(["2", "2"]);

        // The vendor's client goes on from here: it creates its session token for itself, and renews.
        var created = TokenBed.Pair(await bed.Post("/token/create", """{"userId":2,"networkIds":["1"]}""", access));
        var renewed = TokenBed.Pair(await bed.Post("/token/refresh", $$"""{"refreshToken":"{{created.Refresh}}"}"""));
        (await bed.Get("/api/rest/device/device-a", renewed.Access)).ShouldBe(200);
        (await bed.Post("/token/create", """{"userId":2,"networkIds":["2"]}""", access)).Status.ShouldBe(403);
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).Status.ShouldBe(201);
        bed.Simulator.LoginsGranted.ShouldBe(1);
        (await bed.Broker.LogHolding("user:hive.2")).ShouldNotContain(DeviceHiveSimulator.OperatorPassword);
    }

    [Fact]
    public async Task His_star_means_his_networks_the_upstream_sees_his_own_token_and_its_own_restriction_holds()
    {
        await using var bed = await UpstreamUserBed.Start();
        // Let in as an administrator, he has the star; then the upstream makes him a client of one network. His token still says "*".
        var id = JsonElement
            .Parse(await bed.Administer(HttpMethod.Post, "/user", """{"login":"star","password":"a password there","role":0}"""))
            .GetProperty("id")
            .GetInt64();
        var (access, _) = TokenBed.Pair(await bed.LogIn("star", "a password there"));
        (await bed.Get("/api/rest/device/device-b", access)).ShouldBe(200);
        await bed.Administer(HttpMethod.Put, $"/user/{id}", """{"role":1}""");
        await bed.Administer(HttpMethod.Put, $"/user/{id}/network/1", "{}");

        TokenBed.Payload(access, "n").ShouldBe("""["*"]""");
        (await bed.Get("/api/rest/device/device-a", access)).ShouldBe(200);
        (await bed.Get("/api/rest/device/device-b", access)).ShouldBe(404); // of network 2, which is none of his
        (await bed.Get("/shared/device/device-b", access)).ShouldBe(403); // nor is he lent the account that would see it
        (await bed.Get("/shared/device/device-b", "key:test-key")).ShouldBe(200);

        string[] outgoing =
        [
            .. bed
                .Simulator.Received.Data.Where(request => request.Method == "GET")
                .Select(request => request.Header("Authorization")!["Bearer ".Length..])
                .Select(token => $"{TokenBed.Payload(token, "u")} {TokenBed.Payload(token, "n")}"),
        ];
        outgoing.ShouldBe([$$"""{{id}} ["*"]""", $$"""{{id}} ["*"]""", $$"""{{id}} ["*"]""", """1 ["*"]"""]);
    }

    [Theory]
    [InlineData("/shared/device/device-a")]
    [InlineData("/other/device/device-a")]
    public async Task He_never_goes_out_with_a_shared_account_of_this_upstream_or_of_another(string path)
    {
        await using var bed = await UpstreamUserBed.Start();
        var (access, _) = TokenBed.Pair(await bed.LogIn("operator", DeviceHiveSimulator.OperatorPassword));

        (await bed.Get(path, access)).ShouldBe(403);

        bed.Simulator.Received.Data.ShouldBeEmpty();
        (await bed.Get(path, "key:test-key")).ShouldBe(200); // the route itself works
    }

    [Fact]
    public async Task A_refused_login_is_a_401_of_few_words_and_a_guesser_waits_before_the_upstream_hears_of_him()
    {
        await using var bed = await UpstreamUserBed.Start();
        for (var i = 0; i < 3; i++)
        {
            (await bed.LogIn("nobody", $"wrong {i}")).ShouldBe((401, """{"error":401,"message":"Invalid credentials"}"""));
        }

        (await bed.LogIn("nobody", "wrong")).Status.ShouldBe(429);
        bed.Simulator.Logins.ShouldBe(3);
    }

    [Fact]
    public async Task A_password_for_a_caller_of_the_config_is_never_shown_to_the_upstream()
    {
        await using var bed = await UpstreamUserBed.Start();

        (await bed.LogIn("tester", "a secret of the config's")).Status.ShouldBe(401);

        bed.Simulator.Logins.ShouldBe(0);
    }

    [Fact]
    public async Task When_the_upstream_does_not_answer_nobody_is_refused_and_nothing_counts()
    {
        await using var bed = await UpstreamUserBed.Start();
        await bed.Simulator.DisposeAsync();
        for (var i = 0; i < 12; i++)
        {
            (await bed.LogIn("operator", DeviceHiveSimulator.OperatorPassword)).Status.ShouldBe(503);
        }
    }

    [Theory]
    [InlineData("/token")]
    [InlineData("/oauth/token")]
    public async Task A_login_that_the_upstream_does_not_answer_is_given_up_at_the_call_deadline_and_the_log_says_why(string path)
    {
        await using var bed = await UpstreamUserBed.Start(broker =>
        {
            broker["TokenService"]!["PasswordGrant"] = true;
            broker["Upstreams"]!["hive"]!["CallDeadline"] = "00:00:04";
        });
        bed.Simulator.Faults.TokenHangs = true;
        const string password = DeviceHiveSimulator.OperatorPassword;
        using HttpContent body =
            path == "/token"
                ? new StringContent($$"""{"login":"operator","password":"{{password}}"}""", Encoding.UTF8, "application/json")
                : new FormUrlEncodedContent([
                    new("grant_type", "password"),
                    new("username", "operator"),
                    new("password", password),
                    new("client_id", "tester"),
                    new("client_secret", TestConfig.Key),
                ]);

        using var answer = await bed.Broker.Client.PostAsync(path, body).WaitAsync(TimeSpan.FromSeconds(20));

        ((int)answer.StatusCode).ShouldBe(503);
        var log = await bed.Broker.LogHolding("\"Id\":311");
        var line = JsonNode.Parse(log.Split('\n').Single(text => text.Contains("\"Id\":311", StringComparison.Ordinal)))!;
        var said = line["Properties"]!;
        ((string?)line["Level"], (string?)said["Upstream"], (string?)said["Endpoint"]).ShouldBe(
            ("Warning", "hive", bed.Simulator.Address.GetLeftPart(UriPartial.Authority))
        );
        ((string?)said["Outcome"], (string?)said["Reason"]).ShouldBe(("Unknown", "timed-out"));

        bed.Simulator.Faults.Clear();
        (await bed.LogIn("operator", password)).Status.ShouldBe(201);
        bed.Broker.Log.ShouldNotContain(password);
    }

    [Fact]
    public async Task Logins_while_the_upstream_is_away_are_one_line_now_and_then_and_count_against_nobody()
    {
        await using var bed = await UpstreamUserBed.Start();
        await bed.Simulator.DisposeAsync();
        for (var i = 0; i < 40; i++)
        {
            (await bed.LogIn("operator", $"wrong {i}")).Status.ShouldBe(503);
        }

        var log = await bed.Broker.LogHolding("\"Reason\":\"unreachable\"");
        log.Split('\n').Count(line => line.Contains("\"Id\":311", StringComparison.Ordinal)).ShouldBeInRange(1, 4); // one in 10 s
    }
}
