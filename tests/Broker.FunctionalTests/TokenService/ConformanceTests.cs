using System.Text.Json;
using Broker.Credentials;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>Every row of DeviceHive's token endpoints (devicehive-java-server, JwtTokenResource): request, status, exact body.</summary>
public sealed class ConformanceTests
{
    private const string Pair = """{"accessToken":"*","refreshToken":"*"}""";
    private const string Access = """{"accessToken":"*"}""";

    private const string Unauthorized = """{"error":401,"message":"Unauthorized"}""";
    private const string Denied = """{"error":403,"message":"Access is denied"}""";

    [Theory]
    [InlineData("/token")]
    [InlineData("/auth/rest/token")]
    [InlineData("/api/rest/token")]
    [InlineData("/token/")]
    [InlineData("/Token")]
    [InlineData("/%74oken")]
    public async Task A_login_answers_201_and_a_pair_under_every_prefix_and_no_spelling_of_it_reaches_the_upstream(string path)
    {
        await using var bed = await TokenBed.Start();

        var (status, body) = await bed.Post(path, $$"""{"login":"operator","password":"{{TokenBed.Password}}"}""");

        (status, Masked(body)).ShouldBe((201, Pair));
        bed.Upstream.Requests.ShouldBeEmpty();
    }

    [Theory]
    // POST /token
    [InlineData("/token", """{"login":"operator","password":"correct horse"}""", null, 201, Pair)]
    [InlineData(
        "/token",
        """{"login":"","password":"x"}""",
        null,
        400,
        """{"error":400,"message":"Invalid or empty authorization request parameters"}"""
    )]
    [InlineData(
        "/token",
        """{"login":"operator"}""",
        null,
        400,
        """{"error":400,"message":"Invalid or empty authorization request parameters"}"""
    )]
    [InlineData("/token", "", null, 400, """{"error":400,"message":"Invalid or empty authorization request parameters"}""")]
    [InlineData("/token", "{", null, 400, """{"error":400,"message":"Malformed Json received."}""")]
    [InlineData(
        "/token",
        """{"login":"nobody","password":"x"}""",
        null,
        401,
        """{"error":401,"message":"User with login = nobody not found or bad password"}"""
    )]
    [InlineData(
        "/token",
        """{"login":"gone","password":"correct horse"}""",
        null,
        401,
        """{"error":401,"message":"User is locked or disabled"}"""
    )]
    [InlineData("/token", """{"login":"operator","password":"x"}""", null, 401, """{"error":401,"message":"Invalid credentials"}""")]
    // POST /token/create
    [InlineData("/token/create", """{"userId":2}""", "operator", 201, Pair)]
    [InlineData(
        "/token/create",
        """{"userId":2,"actions":["GetDevice",2],"networkIds":["1",2],"deviceTypeIds":["*"]}""",
        "operator",
        201,
        Pair
    )]
    [InlineData("/token/create", """{"userId":2}""", null, 401, Unauthorized)]
    [InlineData("/token/create", """{"userId":2}""", "operator refresh", 401, Unauthorized)]
    [InlineData("/token/create", """{"userId":2}""", "operator expired", 401, """{"error":401,"message":"Token expired"}""")]
    [InlineData("/token/create", """{"userId":2}""", "garbage", 401, Unauthorized)]
    [InlineData("/token/create", """{"userId":3}""", "clerk", 403, Denied)]
    [InlineData("/token/create", """{"userId":77}""", "operator", 404, """{"error":404,"message":"User with id = 77 not found"}""")]
    [InlineData("/token/create", "{}", "operator", 404, """{"error":404,"message":"User with id = null not found"}""")]
    [InlineData("/token/create", """{"userId":4}""", "admin", 403, """{"error":403,"message":"User is locked or disabled"}""")]
    [InlineData(
        "/token/create",
        """{"userId":2,"actions":[{}]}""",
        "operator",
        400,
        """{"error":400,"message":"Actions list should contain only Strings or Integers"}"""
    )]
    [InlineData(
        "/token/create",
        """{"userId":2,"actions":[2.5]}""",
        "operator",
        400,
        """{"error":400,"message":"Actions list should contain only Strings or Integers"}"""
    )]
    // POST /token/refresh
    [InlineData("/token/refresh", """{"refreshToken":"{refresh}"}""", null, 201, Access)]
    [InlineData("/token/refresh", """{"refreshToken":"{plugin refresh}"}""", null, 201, Access)]
    [InlineData("/token/refresh", """{"refreshToken":"{access}"}""", null, 401, """{"error":401,"message":"Invalid token type"}""")]
    [InlineData("/token/refresh", """{"refreshToken":"{refresh expired}"}""", null, 401, """{"error":401,"message":"Token has expired"}""")]
    [InlineData("/token/refresh", """{"refreshToken":"{refresh}x"}""", null, 401, "")]
    [InlineData("/token/refresh", "{}", null, 401, "")]
    [InlineData(
        "/token/refresh",
        """{"refreshToken":"{plugin refresh of nothing}"}""",
        null,
        401,
        """{"error":401,"message":"Plugin is not found"}"""
    )]
    [InlineData(
        "/token/refresh",
        """{"refreshToken":"{plugin refresh of another}"}""",
        null,
        401,
        """{"error":401,"message":"No permisions or invalid topic name"}"""
    )]
    // POST /token/plugin/create
    [InlineData("/token/plugin/create", """{"tpc":"plugin_topic_1"}""", "admin", 201, Pair)]
    [InlineData("/token/plugin/create", """{"tpc":"plugin_topic_1","e":"2030-01-01T00:00:00.000","a":[16],"t":0}""", "admin", 201, Pair)]
    [InlineData(
        "/token/plugin/create",
        """{"tpc":"nothing"}""",
        "admin",
        403,
        """{"error":403,"message":"No permisions or invalid topic name"}"""
    )]
    [InlineData("/token/plugin/create", "", "admin", 403, """{"error":403,"message":"No permisions or invalid topic name"}""")]
    [InlineData(
        "/token/plugin/create",
        """{"tpc":"*"}""",
        "admin",
        403,
        """{"error":403,"message":"No permisions or invalid topic name"}"""
    )]
    [InlineData(
        "/token/plugin/create",
        """{"tpc":"plugin_topic_1"}""",
        "maker",
        403,
        """{"error":403,"message":"User with id 9 is not a plugin creator"}"""
    )]
    [InlineData("/token/plugin/create", """{"tpc":"plugin_topic_1"}""", "operator", 403, Denied)]
    [InlineData("/token/plugin/create", """{"tpc":"plugin_topic_1"}""", "key:plugin-key", 409, """{"error":409,"message":"No user"}""")]
    [InlineData("/token/plugin/create", """{"tpc":"plugin_topic_1"}""", null, 401, Unauthorized)]
    public async Task A_request_is_answered_as_devicehive_answers_it(string path, string body, string? who, int status, string expected)
    {
        await using var bed = await TokenBed.Start(broker =>
        {
            broker["TokenService"]!["Messages"] = "DeviceHive";
            broker["Callers"]!["maker"] = TokenBed.User(9, "ManagePlugin", "1");
            broker["Callers"]!["tester"]!["Keys"]![0]!["Sha256"] = TestConfig.DigestOf("plugin-key");
        });

        foreach (var type in new[] { "application/json", null }) // the Python client sends none
        {
            var answer = await bed.Post(path, await Filled(bed, body), await Bearer(bed, who), type);

            (answer.Status, Masked(answer.Body)).ShouldBe((status, expected));
        }

        bed.Upstream.Requests.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("{plugin}", 200, """{"a":[16],"e":"2118-01-01T00:00:00.000","t":1,"tpc":"plugin_topic_1"}""")]
    [InlineData("", 401, """{"error":401,"message":"Token is empty"}""")]
    [InlineData("garbage", 401, """{"error":401,"message":"Token is not valid"}""")]
    [InlineData("{access}", 401, """{"error":401,"message":"Token is not valid"}""")]
    [InlineData("{plugin refresh}", 401, """{"error":401,"message":"Invalid token type"}""")]
    [InlineData("{plugin expired}", 401, """{"error":401,"message":"Token has expired"}""")]
    [InlineData("{plugin of nothing}", 401, """{"error":401,"message":"Plugin is not found"}""")]
    public async Task A_plugin_token_is_told_as_devicehive_tells_it(string token, int status, string expected)
    {
        await using var bed = await TokenBed.Start();

        (await bed.Get("/token/plugin/authenticate?token=" + await Filled(bed, token))).ShouldBe((status, expected));
    }

    [Fact]
    public async Task Another_method_or_media_type_is_devicehives_405_and_415_and_the_answer_is_never_a_problem_document()
    {
        await using var bed = await TokenBed.Start();

        (await bed.Get("/token")).ShouldBe((405, """{"error":405,"message":"HTTP 405 Method Not Allowed"}"""));
        (await bed.Post("/token", "login=operator", type: "application/x-www-form-urlencoded")).ShouldBe(
            (415, """{"error":415,"message":"HTTP 415 Unsupported Media Type"}""")
        );
        using var answer = await bed.Client.PostAsync("/token", new StringContent("{}", null, "application/json"));
        answer.Content.Headers.ContentType!.MediaType.ShouldBe("application/json");
        answer.Headers.CacheControl!.NoStore.ShouldBeTrue();
    }

    [Theory]
    [InlineData("\"2027-05-01T00:00:00\"", 1809129600000)]
    [InlineData("\"2027-05-01T00:00:00.000\"", 1809129600000)]
    [InlineData("\"2027-05-01T02:00:00.000+02:00\"", 1809129600000)]
    [InlineData("\"2027-05-01T00:00:00Z\"", 1809129600000)]
    [InlineData("1809129600000", 1809129600000)]
    public async Task A_date_is_iso_8601_or_milliseconds_and_stands_in_both_tokens(string written, long milliseconds)
    {
        await using var bed = await TokenBed.Start(broker =>
            (broker["TokenService"]!["SessionLifetime"], broker["TokenService"]!["MaxLifetime"]) = ("3000.00:00:00", "3000.00:00:00")
        );
        var (access, _) = await bed.LogIn("operator");

        var pair = await bed.Create(access, $$"""{"userId":2,"expiration":{{written}}}""");
        TokenBed.Payload(pair.Access, "e").ShouldBe($"{milliseconds}");
        TokenBed.Payload(pair.Refresh, "e").ShouldBe($"{milliseconds}");

        pair = await bed.Create(access, $$"""{"userId":2,"refreshExpiration":{{written}}}""");
        TokenBed.Payload(pair.Refresh, "e").ShouldBe($"{milliseconds}");
        TokenBed.Payload(pair.Access, "e").ShouldNotBe($"{milliseconds}");

        (await bed.Post("/token/create", """{"userId":2,"expiration":"tomorrow"}""", access)).ShouldBe(
            (400, """{"error":400,"message":"expiration is an ISO 8601 date or milliseconds since 1970"}""")
        );
    }

    [Fact]
    public async Task A_login_gives_what_the_user_may_do_in_the_form_that_devicehives_clients_read()
    {
        await using var bed = await TokenBed.Start();
        var now = DateTimeOffset.UtcNow;

        var (access, refresh) = await bed.LogIn("operator");

        var payload = TokenBed.Claims(access).GetProperty("payload");
        payload.GetProperty("u").GetInt64().ShouldBe(2);
        payload.GetProperty("a").GetRawText().ShouldBe("[2,3,7,10,15]");
        payload.GetProperty("n").GetRawText().ShouldBe("""["1","2"]""");
        payload.GetProperty("dt").GetRawText().ShouldBe("""["*"]""");
        payload.GetProperty("t").GetInt32().ShouldBe(1);
        DateTimeOffset.FromUnixTimeMilliseconds(payload.GetProperty("e").GetInt64()).ShouldBe(now.AddMinutes(30), TimeSpan.FromSeconds(30));
        TokenBed.Payload(refresh, "t").ShouldBe("0");
        DateTimeOffset
            .FromUnixTimeMilliseconds(long.Parse(TokenBed.Payload(refresh, "e"), System.Globalization.CultureInfo.InvariantCulture))
            .ShouldBe(now.AddDays(182), TimeSpan.FromSeconds(30));
        (await bed.Get("/net/1", access)).Status.ShouldBe(200);
        (await bed.Get("/net/3", access)).Status.ShouldBe(403);
        (await bed.Get("/net/1", refresh)).Status.ShouldBe(401);
        await bed.Broker.LogHolding("\"token-service\"");
        bed.Broker.Log.ShouldContain("logged-in");
        bed.Broker.Log.ShouldNotContain(access[..40]);
        bed.Broker.Log.ShouldNotContain(TokenBed.Password);
    }

    private static async Task<string?> Bearer(TokenBed bed, string? who)
    {
        if (who is null or "garbage" || who.StartsWith("key:", StringComparison.Ordinal))
        {
            return who;
        }

        var (access, refresh) = await bed.LogIn(who.Split(' ')[0]);
        return who.EndsWith(" refresh", StringComparison.Ordinal) ? refresh
            : who.EndsWith(" expired", StringComparison.Ordinal) ? bed.Changed(access, Over)
            : access;
    }

    private static async Task<string> Filled(TokenBed bed, string text)
    {
        if (!text.Contains('{', StringComparison.Ordinal))
        {
            return text;
        }

        var (access, refresh) = await bed.LogIn("operator");
        var plugin = TokenBed.Pair(
            await bed.Post(
                "/token/plugin/create",
                $$"""{"tpc":"{{TokenBed.Topic}}","e":4670438400000}""",
                (await bed.LogIn("admin")).Access
            )
        );
        TokenClaims Lasting(TokenClaims claims) =>
            claims with
            {
                End = new(2118, 1, 1, 0, 0, 0, TimeSpan.Zero),
                SessionEnd = new(2118, 1, 1, 0, 0, 0, TimeSpan.Zero),
            };
        return text.Replace("{access}", access)
            .Replace("{refresh}", refresh)
            .Replace("{refresh expired}", bed.Changed(refresh, Over))
            .Replace("{plugin}", bed.Changed(plugin.Access, Lasting))
            .Replace("{plugin refresh}", plugin.Refresh)
            .Replace("{plugin expired}", bed.Changed(plugin.Access, Over))
            .Replace("{plugin of nothing}", bed.Changed(plugin.Access, claims => claims with { Topic = "gone" }))
            .Replace("{plugin refresh of nothing}", bed.Changed(plugin.Refresh, claims => claims with { Topic = "gone" }))
            .Replace("{plugin refresh of another}", bed.Changed(plugin.Refresh, claims => claims with { Subject = "key:operator" }));
    }

    private static TokenClaims Over(TokenClaims claims) =>
        claims with
        {
            IssuedAt = claims.IssuedAt.AddHours(-2),
            End = claims.IssuedAt.AddHours(-1),
        };

    private static string Masked(string body)
    {
        if (!body.Contains("accessToken", StringComparison.Ordinal))
        {
            return body;
        }

        return System.Text.RegularExpressions.Regex.Replace(body, "\"ey[\\w.-]+\"", "\"*\"");
    }
}
