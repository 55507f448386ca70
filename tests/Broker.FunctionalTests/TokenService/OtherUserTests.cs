using System.Text.Json;
using System.Text.Json.Nodes;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>
/// An upstream's user creates a token for another user of that upstream: within both, as both are known here, and for nobody else.
/// </summary>
public sealed class OtherUserTests
{
    [Fact]
    public async Task An_administrator_creates_a_token_for_a_user_who_has_logged_in_and_it_is_within_both_and_goes_out_as_that_user()
    {
        await using var bed = await Start();
        var (admin, _) = await Admin(bed);
        await Operator(bed);

        var made = TokenBed.Pair(await bed.Post("/token/create", """{"userId":2}""", admin));

        var claims = TokenBed.Claims(made.Access);
        (claims.GetProperty("sub").GetString(), claims.GetProperty("by").GetRawText()).ShouldBe(("user:hive.2", """["user:hive.1"]"""));
        var payload = claims.GetProperty("payload");
        (payload.GetProperty("u").GetInt64(), payload.GetProperty("a").GetRawText(), payload.GetProperty("n").GetRawText()).ShouldBe(
            (2, "[2,3,4,5,6,7,8,9,10,11,15,16,17]", """["1"]""")
        ); // the operator's, not the administrator's
        (await bed.Get("/api/rest/device/device-a", made.Access)).ShouldBe(200);
        bed.Simulator.Received.Data.Select(request => TokenBed.Payload(request.Header("Authorization")!["Bearer ".Length..], "u"))
            .ShouldBe(["2"]);

        var renewed = TokenBed.Pair(await bed.Post("/token/refresh", $$"""{"refreshToken":"{{made.Refresh}}"}"""));
        (await bed.Get("/api/rest/device/device-a", renewed.Access)).ShouldBe(200);

        // Beyond the user: refused, though the administrator holds it. So is what the user holds and a narrower administrator does not.
        (await bed.Post("/token/create", """{"userId":2,"networkIds":["2"]}""", admin)).Status.ShouldBe(403);
        (await bed.Post("/token/create", """{"userId":2,"actions":["ManageUser"]}""", admin)).Status.ShouldBe(403);
        var narrow = TokenBed
            .Pair(
                await bed.Post(
                    "/token/create",
                    """{"userId":1,"actions":["ManageToken","ManageUser","GetDevice"],"networkIds":["2"]}""",
                    admin
                )
            )
            .Access;
        (await bed.Post("/token/create", """{"userId":2,"networkIds":["1"]}""", narrow)).Status.ShouldBe(403);
        var nothing = TokenBed.Pair(await bed.Post("/token/create", """{"userId":2}""", narrow)).Access;
        (TokenBed.Payload(nothing, "n"), TokenBed.Payload(nothing, "a")).ShouldBe(("[]", "[3,15]"));
        (await bed.Get("/api/rest/device/device-a", nothing)).ShouldBe(403);
    }

    [Fact]
    public async Task What_is_not_known_here_is_refused_with_the_reason_until_that_user_logs_in()
    {
        await using var bed = await Start();
        var (admin, _) = await Admin(bed);

        foreach (var id in new[] { "2", "77", "-2" })
        {
            (await bed.Post("/token/create", $$"""{"userId":{{id}}}""", admin)).ShouldBe(
                (
                    403,
                    $$"""{"error":403,"message":"Access is denied: what the user with id = {{id}} may do is not known here: they have to log in here first"}"""
                )
            );
        }

        await bed.Broker.LogHolding("user-unknown");
        await Operator(bed);
        (await bed.Post("/token/create", """{"userId":2}""", admin)).Status.ShouldBe(201);
        (await bed.Post("/token/create", """{"userId":null}""", admin)).Status.ShouldBe(404);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(77)]
    public async Task A_user_without_ManageUser_creates_for_nobody_else_and_is_not_told_who_is_known(int id)
    {
        await using var bed = await Start();
        await Admin(bed);
        var (access, _) = await Operator(bed);

        var answer = await bed.Post("/token/create", $$"""{"userId":{{id}}}""", access);

        if (id == 2)
        {
            answer.Status.ShouldBe(201); // their own
            return;
        }

        answer.ShouldBe((403, """{"error":403,"message":"Access is denied: a token for another user needs the action ManageUser"}"""));
    }

    [Fact]
    public async Task A_number_of_an_upstreams_user_never_stands_for_a_caller_of_the_config_nor_the_other_way_round()
    {
        await using var bed = await Start(broker =>
        {
            broker["Callers"]!["seven"] = TokenBed.User(7, "GetDevice", "*");
            broker["Callers"]!["chief"] = TokenBed.User(8, "*", "*");
        });
        var (admin, _) = await Admin(bed);
        await Operator(bed);

        // Seven's accounts are none of the upstream's administrator: such a token went out with a shared account.
        (await bed.Post("/token/create", """{"userId":7}""", admin)).Status.ShouldBe(403);
        var (chief, _) = TokenBed.Pair(await bed.LogIn("chief", TokenBed.Password));
        (await bed.Post("/token/create", """{"userId":7}""", chief)).Status.ShouldBe(201);
        (await bed.Post("/token/create", """{"userId":2}""", chief)).ShouldBe(
            (404, """{"error":404,"message":"User with id = 2 not found"}""")
        );
    }

    [Fact]
    public async Task A_creator_whom_the_upstream_lets_in_no_more_creates_nothing_and_what_came_of_them_ends()
    {
        await using var bed = await Start();
        var id = await NewUser(bed, "deputy", role: 0);
        var (deputy, _) = TokenBed.Pair(await bed.LogIn("deputy", "a password there"));
        await Operator(bed);
        var before = TokenBed.Pair(await bed.Post("/token/create", """{"userId":2}""", deputy)).Access;
        (await bed.Get("/api/rest/device/device-a", before)).ShouldBe(200);

        await bed.SetStatus(id, 2);

        (await bed.Post("/token/create", """{"userId":2}""", deputy)).ShouldBe((401, """{"error":401,"message":"Unauthorized"}"""));
        (await bed.Get("/api/rest/device/device-a", before)).ShouldBe(401);
        (await bed.Post("/token/create", $$"""{"userId":{{id}}}""", deputy)).Status.ShouldBe(401);
    }

    [Fact]
    public async Task A_user_whom_the_upstream_lets_in_no_more_is_locked_or_disabled_as_the_vendor_says()
    {
        await using var bed = await Start();
        var (admin, _) = await Admin(bed);
        var id = await NewUser(bed, "temp", role: 1);
        var (temp, _) = TokenBed.Pair(await bed.LogIn("temp", "a password there"));
        await bed.SetStatus(id, 2);

        (await bed.Post("/token/create", $$"""{"userId":{{id}}}""", admin)).ShouldBe(
            (403, """{"error":403,"message":"User is locked or disabled"}""")
        );
        (await bed.Post("/token/create", $$"""{"userId":{{id}}}""", temp)).Status.ShouldBe(401);
    }

    [Fact]
    public async Task While_the_upstream_does_not_answer_nothing_is_created_and_nobody_is_struck_out()
    {
        await using var bed = await Start(broker => broker["Upstreams"]!["hive"]!["CallDeadline"] = "00:00:04");
        var (admin, _) = await Admin(bed);
        await Operator(bed);
        bed.Simulator.Faults.TokenHangs = true;
        (await bed.Post("/token/create", """{"userId":2}""", admin)).Status.ShouldBe(503);
        bed.Simulator.Faults.Clear();
        (await bed.Post("/token/create", """{"userId":2}""", admin)).Status.ShouldBe(201);
        await bed.Simulator.DisposeAsync();

        (await bed.Post("/token/create", """{"userId":2}""", admin)).Status.ShouldBe(503);
        (await bed.Post("/token/create", """{"userId":1}""", admin)).Status.ShouldBe(201); // for oneself nobody is asked
    }

    [Fact]
    public async Task With_replicas_it_does_not_matter_where_either_logged_in_and_without_redis_nobody_can_say()
    {
        await using var redis = await RedisServer.Start();
        void Share(JsonObject broker) =>
            broker["Redis"] = JsonNode.Parse(
                $$"""
                { "Endpoints": [ "{{redis.Endpoint}}" ], "NamingKey": { "Env": "REDIS_NAMES" }, "Encryption": { "first": { "Env": "REDIS_KEY" } },
                  "CallTimeout": "00:00:00.400", "Poll": "00:00:00.200", "RecoveryDelay": "00:00:00.200" }
                """
            );
        await using var one = await Start(Share);
        await using var other = await Start(Share, one.Simulator);
        var (access, _) = await Operator(one);
        await Eventually.Holds(
            async () => await other.Get("/api/rest/device/device-a", access) == 200,
            "the other replica knows what was ended"
        );
        var (admin, _) = await Admin(one);

        var made = TokenBed.Pair(await other.Post("/token/create", """{"userId":2}""", admin));

        TokenBed.Claims(made.Access).GetProperty("sub").GetString().ShouldBe("user:hive.2");
        (await one.Get("/api/rest/device/device-a", made.Access)).ShouldBe(200);
        (await other.Get("/api/rest/device/device-a", made.Access)).ShouldBe(200);
        (await other.Post("/token/create", """{"userId":2,"networkIds":["2"]}""", admin)).Status.ShouldBe(403); // beyond what that user may
        (await other.Post("/token/create", """{"userId":77}""", admin)).Status.ShouldBe(403); // who never logged in
        redis.Freeze();
        (await other.Post("/token/create", """{"userId":78}""", admin)).Status.ShouldBe(503);
        redis.Thaw();
    }

    /// <summary>The broker's own accounts have another name than the administrator, who could not log in here otherwise.</summary>
    private static Task<UpstreamUserBed> Start(Action<JsonObject>? change = null, DeviceHiveSimulator? same = null) =>
        UpstreamUserBed.Start(
            broker =>
            {
                broker["Upstreams"]!["hive"]!["Accounts"]!["default"]!["Login"] = "the broker";
                broker["Upstreams"]!["twin"]!["Accounts"]!["default"]!["Login"] = "the broker";

                change?.Invoke(broker);
            },
            same
        );

    private static async Task<(string Access, string Refresh)> Admin(UpstreamUserBed bed) =>
        TokenBed.Pair(await bed.LogIn(DeviceHiveSimulator.AdminLogin, DeviceHiveSimulator.AdminPassword));

    private static async Task<(string Access, string Refresh)> Operator(UpstreamUserBed bed) =>
        TokenBed.Pair(await bed.LogIn("operator", DeviceHiveSimulator.OperatorPassword));

    private static async Task<long> NewUser(UpstreamUserBed bed, string login, int role) =>
        JsonElement
            .Parse(
                await bed.Administer(
                    HttpMethod.Post,
                    "/user",
                    new JsonObject
                    {
                        ["login"] = login,
                        ["password"] = "a password there",
                        ["role"] = role,
                        ["status"] = 0,
                    }.ToJsonString()
                )
            )
            .GetProperty("id")
            .GetInt64();
}
