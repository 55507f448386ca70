using System.Text.Json.Nodes;
using Broker.Tests.Redis;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>Two brokers with a token service, one real Redis.</summary>
public sealed class ReplicaTests : IAsyncLifetime
{
    private const string Form = "application/x-www-form-urlencoded";
    private const string NotNow = """{"error":503,"message":"This cannot be decided at the moment: send the request again."}""";

    private RedisServer redis = null!;
    private TokenBed one = null!;
    private TokenBed other = null!;

    public async ValueTask InitializeAsync() => redis = await RedisServer.Start();

    public async ValueTask DisposeAsync()
    {
        await one.DisposeAsync();
        await other.DisposeAsync();
        await redis.DisposeAsync();
    }

    [Fact]
    public async Task A_session_that_ends_at_one_replica_ends_at_the_other_also_for_a_token_that_it_remembers()
    {
        await Begin();
        var (access, refresh) = await LogIn();
        var kept = await LogIn();
        (await other.Get("/net/1", access)).Status.ShouldBe(200); // remembered there from now on
        var asked = other.Upstream.Requests.Count;

        (await one.Post("/oauth/revoke", Client($"token={refresh}"), type: Form)).ShouldBe((200, ""));

        await Eventually.Holds(async () => (await other.Get("/net/1", access)).Status == 401, "the other replica refuses it");
        (await one.Get("/net/1", access)).Status.ShouldBe(401);
        (await other.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).ShouldBe((401, ""));
        (await other.Post("/oauth/introspect", Client($"token={access}"), type: Form)).ShouldBe((200, """{"active":false}"""));
        (await other.Get("/net/1", kept.Access)).Status.ShouldBe(200);
        other.Upstream.Requests.Count.ShouldBeGreaterThan(asked);
    }

    [Fact]
    public async Task A_token_that_is_ended_takes_room_in_redis_as_long_as_it_would_have_lived()
    {
        await Begin(NobodyDisabled);
        var (access, _) = await LogIn();
        (await one.Post("/oauth/revoke", Client($"token={access}"), type: Form)).ShouldBe((200, ""));

        await Eventually.Holds(async () => (await other.Get("/net/1", access)).Status == 401, "the other replica refuses it");
        var left = long.Parse(
            await redis.Ask("PTTL", await redis.Ask("KEYS", "*part*")),
            System.Globalization.CultureInfo.InvariantCulture
        );
        left.ShouldBeInRange(1, (long)TimeSpan.FromMinutes(31).TotalMilliseconds); // its session lives for half a year
    }

    [Fact]
    public async Task A_session_that_is_ended_by_a_short_token_of_it_stays_ended_as_long_as_any_other()
    {
        await Begin(NobodyDisabled);
        var login = await LogIn();
        var soon = DateTimeOffset.UtcNow.AddMinutes(5).ToUnixTimeMilliseconds();
        var brief = await one.Create(login.Access, $$"""{"userId":2,"expiration":{{soon}},"refreshExpiration":{{soon}}}""");
        (await one.Post("/oauth/revoke-all", Client($"token={brief.Access}"), type: Form)).ShouldBe((200, ""));

        await Eventually.Holds(
            async () => (await other.Get("/net/1", login.Access)).Status == 401,
            "the other replica refuses the login's own token"
        );
        var left = long.Parse(
            await redis.Ask("PTTL", await redis.Ask("KEYS", "*part*")),
            System.Globalization.CultureInfo.InvariantCulture
        );
        left.ShouldBeGreaterThan((long)TimeSpan.FromDays(181).TotalMilliseconds); // the brief token lives for five minutes
    }

    [Fact]
    public async Task A_refresh_token_rotates_over_replicas_the_same_successor_in_the_grace_and_reuse_ends_the_session_for_both()
    {
        await Begin(broker => broker["TokenService"]!["RefreshTokens"] = "Rotating");
        var login = await LogIn();
        var first = await Use(one, login.Refresh);
        (await Use(other, login.Refresh)).Refresh.ShouldBe(first.Refresh);
        var second = await Use(other, first.Refresh);
        (await one.Get("/net/1", second.Access)).Status.ShouldBe(200);

        (await one.Post("/token/refresh", $$"""{"refreshToken":"{{login.Refresh}}"}""")).ShouldBe((401, ""));

        (await one.Get("/net/1", second.Access)).Status.ShouldBe(401);
        await Eventually.Holds(async () => (await other.Get("/net/1", second.Access)).Status == 401, "the session is over there as well");
        (await other.Post("/token/refresh", $$"""{"refreshToken":"{{second.Refresh}}"}""")).ShouldBe((401, ""));
    }

    [Fact]
    public async Task Rotation_answers_503_while_redis_is_away_and_goes_on_with_the_same_token_when_it_is_back()
    {
        await Begin(broker => broker["TokenService"]!["RefreshTokens"] = "Rotating");
        var login = await LogIn();
        redis.Freeze();

        (await one.Post("/token/refresh", $$"""{"refreshToken":"{{login.Refresh}}"}""")).ShouldBe((503, NotNow));
        (await one.Post("/token", $$"""{"login":"operator","password":"{{TokenBed.Password}}"}""")).ShouldBe((503, NotNow));
        (await one.Get("/net/1", login.Access)).Status.ShouldBe(200);

        redis.Thaw();
        var status = 503;
        await Eventually.Holds(
            async () => (status = (await one.Post("/token/refresh", $$"""{"refreshToken":"{{login.Refresh}}"}""")).Status) != 503,
            "Redis is back"
        );
        status.ShouldBe(201);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_replica_that_has_not_heard_from_redis_answers_503_for_tokens_of_ours_and_for_nothing_else(bool wasThere)
    {
        await Begin(broker => broker["TokenService"]!["UnknownAfter"] = "00:00:05");
        var (access, refresh) = await LogIn();
        await redis.Kill();
        await using var late = await TokenBed.Replica(redis.Endpoint, broker => broker["TokenService"]!["UnknownAfter"] = "00:00:05");
        var replica = wasThere ? one : late;

        (int Status, string Body) answer = (0, "");
        await Eventually.Holds(async () => (answer = await replica.Get("/net/1", access)).Status == 503, "it does not know what was ended");
        answer.Body.ShouldContain("\"code\":\"credential-unverified\"");
        (await replica.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).ShouldBe((503, NotNow));
        (await replica.Post("/oauth/introspect", Client($"token={access}"), type: Form)).Status.ShouldBe(503);
        (await replica.Get("/net/1", "key:app-key")).Status.ShouldBe(200);
        (
            await replica.Get(
                "/net/1",
                "Basic " + Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes("operator:" + TokenBed.Password))
            )
        ).Status.ShouldBe(200);

        await redis.Restart();
        await replica.Knows(access);
    }

    [Fact]
    public async Task With_WhenUnknown_Serve_tokens_count_on_while_redis_is_away_and_what_is_known_to_be_ended_does_not()
    {
        await Begin(broker => (broker["TokenService"]!["UnknownAfter"], broker["TokenService"]!["WhenUnknown"]) = ("00:00:05", "Serve"));
        var (ended, kept) = (await LogIn(), await LogIn());
        await using var strict = await TokenBed.Replica(redis.Endpoint, broker => broker["TokenService"]!["UnknownAfter"] = "00:00:05");
        await strict.Knows(kept.Access);
        await redis.Kill();

        // Ended here and not known to hold elsewhere: 503, so that it is asked for again; here it holds at once.
        (await one.Post("/oauth/revoke", Client($"token={ended.Refresh}"), type: Form)).Status.ShouldBe(503);
        (await one.Get("/net/1", ended.Access)).Status.ShouldBe(401);
        await Eventually.Holds(async () => (await strict.Get("/net/1", kept.Access)).Status == 503, "one that does not serve has given up");
        (await one.Get("/net/1", kept.Access)).Status.ShouldBe(200);

        await redis.Restart();
        await Eventually.Holds(async () => (await other.Get("/net/1", ended.Access)).Status == 401, "it is said to the other replica");
    }

    [Fact]
    public async Task After_redis_lost_its_memory_a_new_replica_knows_what_the_others_knew()
    {
        await Begin();
        var (ended, kept) = (await LogIn(), await LogIn());
        (await one.Post("/oauth/revoke", Client($"token={ended.Refresh}"), type: Form)).Status.ShouldBe(200);
        await redis.Kill();
        await redis.Restart();

        await using var late = await TokenBed.Replica(redis.Endpoint);
        await late.Knows(kept.Access);
        await Eventually.Holds(async () => (await late.Get("/net/1", ended.Access)).Status == 401, "it is said again");
    }

    [Fact]
    public async Task Failed_logins_count_over_replicas()
    {
        await Begin();
        for (var i = 0; i < 5; i++)
        {
            (await one.Post("/token", """{"login":"clerk","password":"wrong"}""")).Status.ShouldBe(401);
            (await other.Post("/token", """{"login":"clerk","password":"wrong"}""")).Status.ShouldBe(401);
        }

        (await one.Post("/token", $$"""{"login":"clerk","password":"{{TokenBed.Password}}"}""")).Status.ShouldBe(429);
    }

    [Fact]
    public async Task A_user_whom_one_replicas_config_disables_is_ended_at_all()
    {
        await Begin();
        var (access, _) = await LogIn();
        await one.Reload(broker => (broker["Redis"], broker["Callers"]!["operator"]!["Disabled"]) = (RedisOf(), true));
        (await one.Get("/net/1", access)).Status.ShouldBe(401);
        await Eventually.Holds(
            async () => (await other.Get("/net/1", access)).Status == 401,
            "the other replica, whose config is the old one, is told"
        );
    }

    [Fact]
    public async Task A_user_whom_brokers_have_disabled_one_after_the_other_starts_anew_when_they_enable_him()
    {
        await Begin(NobodyDisabled);
        var (access, refresh) = await LogIn();
        var clerk = TokenBed.Pair(await one.Post("/token", $$"""{"login":"clerk","password":"{{TokenBed.Password}}"}"""));
        await one.DisposeAsync();
        await other.DisposeAsync();
        one = await TokenBed.Replica(redis.Endpoint, broker =>
        {
            NobodyDisabled(broker);
            broker["Callers"]!["operator"]!["Disabled"] = true; // it never saw him enabled
        });
        await Eventually.Holds(
            async () => await redis.Ask("LLEN", await redis.Ask("KEYS", "*:part:1")) == "1",
            "he is said to be disabled"
        );
        await one.DisposeAsync();

        one = await TokenBed.Replica(redis.Endpoint, NobodyDisabled);
        other = await TokenBed.Replica(redis.Endpoint, NobodyDisabled);
        (int Status, string Body) answer = (503, "");
        await Eventually.Holds(async () => (answer = await one.Get("/net/1", access)).Status != 503, "what was ended is known");
        answer.Status.ShouldBe(401);
        (await one.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).ShouldBe((401, ""));
        (await one.Get("/net/2", clerk.Access)).Status.ShouldBe(200);
        await one.Knows((await LogIn()).Access);
    }

    private static string Client(string form) => $"{form}&client_id=operator&client_secret={Uri.EscapeDataString(TokenBed.Password)}";

    private static async Task<(string Access, string Refresh)> Use(TokenBed bed, string refresh) =>
        TokenBed.Pair(await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}"""));

    /// <summary>Of one who is disabled an entry stands in Redis from the start.</summary>
    private static void NobodyDisabled(JsonObject broker) => broker["Callers"]!.AsObject().Remove("gone");

    private JsonNode RedisOf() =>
        JsonNode.Parse(
            $$"""
            { "Endpoints": [ "{{redis.Endpoint}}" ], "NamingKey": { "Env": "REDIS_NAMES" }, "Encryption": { "first": { "Env": "REDIS_KEY" } } }
            """
        )!;

    private async Task Begin(Action<JsonObject>? change = null)
    {
        one = await TokenBed.Replica(redis.Endpoint, change);
        other = await TokenBed.Replica(redis.Endpoint, change);
    }

    /// <summary>Logs in at the first, and has both know.</summary>
    private async Task<(string Access, string Refresh)> LogIn()
    {
        (int Status, string Body) answer = default;
        await Eventually.Holds(
            async () => (answer = await one.Post("/token", $$"""{"login":"operator","password":"{{TokenBed.Password}}"}""")).Status == 201,
            "the login is answered"
        );
        var pair = TokenBed.Pair(answer);
        await one.Knows(pair.Access);
        await other.Knows(pair.Access);
        return pair;
    }
}
