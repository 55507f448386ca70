using System.Text.Json.Nodes;
using Broker.Credentials;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>Values of another JSON kind in DeviceHive's bodies, read as the vendor's reader (Gson) reads them into its fields.</summary>
public sealed class JsonKindTests
{
    private const string Refused = """{"error":401,"message":"Invalid credentials"}""";
    private const string Empty = """{"error":400,"message":"Invalid or empty authorization request parameters"}""";
    private const string WrongKind = """{"error":400,"message":"Invalid request parameters"}""";

    [Theory]
    [InlineData("\"operator\"", "1111", 401, Refused)]
    [InlineData("\"operator\"", "0", 401, Refused)]
    [InlineData("\"operator\"", "-1", 401, Refused)]
    [InlineData("\"operator\"", "1.50", 401, Refused)]
    [InlineData("\"operator\"", "1e400", 401, Refused)]
    [InlineData("\"operator\"", "123456789012345678901234567890", 401, Refused)]
    [InlineData("\"operator\"", "true", 401, Refused)]
    [InlineData("\"operator\"", "false", 401, Refused)]
    [InlineData("17", "\"x\"", 401, Refused)]
    [InlineData("true", "true", 401, Refused)]
    [InlineData("\"operator\"", "null", 400, Empty)]
    [InlineData("null", "1111", 400, Empty)]
    [InlineData("\"operator\"", "\"\"", 400, Empty)]
    [InlineData("\"operator\"", "{}", 400, WrongKind)]
    [InlineData("\"operator\"", "[]", 400, WrongKind)]
    [InlineData("\"operator\"", "[\"correct horse\"]", 400, WrongKind)]
    [InlineData("{\"a\":1}", "\"x\"", 400, WrongKind)]
    public async Task A_login_or_password_of_another_kind_is_answered_as_the_vendor_does(
        string login,
        string password,
        int status,
        string body
    )
    {
        await using var bed = await TokenBed.Start();

        foreach (var prefix in new[] { "/token", "/auth/rest/token", "/api/rest/token" })
        {
            (await bed.Post(prefix, $$"""{"login":{{login}},"password":{{password}}}""")).ShouldBe((status, body));
        }
    }

    [Theory]
    [InlineData("1111", "1111", "1111")]
    [InlineData("1.50", "1.50", "17")]
    [InlineData("true", "true", "true")]
    [InlineData("\"1111\"", "1111", "\"17\"")]
    public async Task A_user_whose_password_is_written_as_a_number_gets_in_with_that_number_and_with_no_other_spelling(
        string written,
        string password,
        string login
    )
    {
        await using var bed = await TokenBed.Start(
            broker =>
            {
                broker["Callers"]![login.Trim('"')] = TokenBed.User(17, "GetDevice", "1");
                broker["Callers"]![login.Trim('"')]!["Basic"] = JsonNode.Parse("""{ "Hash": { "Env": "OTHER_HASH" } }""");
            },
            ("OTHER_HASH", TokenBed.HashOf(password))
        );

        (await bed.Post("/token", $$"""{"login":{{login}},"password":{{written}}}""")).Status.ShouldBe(201);
        (await bed.Post("/token", $$"""{"login":{{login}},"password":{{written.Trim('"')}}0}""")).Status.ShouldBe(
            written == "true" ? 400 : 401
        );
    }

    [Fact]
    public async Task Guesses_that_are_numbers_count_like_others()
    {
        await using var bed = await TokenBed.Start();
        for (var i = 0; i < LocalLoginThrottle.Free; i++)
        {
            (await bed.Post("/token", $$"""{"login":"operator","password":{{i}}}""")).Status.ShouldBe(401);
        }

        (await bed.Post("/token", """{"login":"operator","password":1111}""")).Status.ShouldBe(429);
    }

    [Theory]
    [InlineData("""{"refreshToken":1111}""", 401, "")]
    [InlineData("""{"refreshToken":true}""", 401, "")]
    [InlineData("""{"refreshToken":null}""", 401, "")]
    [InlineData("""{"refreshToken":{}}""", 400, WrongKind)]
    [InlineData("""{"refreshToken":["x"]}""", 400, WrongKind)]
    public async Task A_refresh_token_of_another_kind_is_none(string body, int status, string answer)
    {
        await using var bed = await TokenBed.Start();

        (await bed.Post("/token/refresh", body)).ShouldBe((status, answer));
    }

    [Theory]
    [InlineData("2", 201)]
    [InlineData("\"2\"", 201)]
    [InlineData("2.0", 201)]
    [InlineData("2e0", 201)]
    [InlineData("\"2.0\"", 201)]
    [InlineData("null", 404)]
    [InlineData("77", 404)]
    [InlineData("\"77\"", 404)]
    [InlineData("2.5", 400)]
    [InlineData("1e300", 400)]
    [InlineData("true", 400)]
    [InlineData("\"operator\"", 400)]
    [InlineData("\"\"", 400)]
    [InlineData("{}", 400)]
    [InlineData("[2]", 400)]
    public async Task A_user_id_is_a_whole_number_however_it_is_written(string id, int status)
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("operator");

        (await bed.Post("/token/create", $$"""{"userId":{{id}}}""", access)).Status.ShouldBe(status);
    }

    [Theory]
    [InlineData("1111", 403)]
    [InlineData("null", 403)]
    [InlineData("{}", 400)]
    [InlineData("[\"plugin_topic_1\"]", 400)]
    public async Task A_topic_of_another_kind_is_none(string topic, int status)
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("admin");

        (await bed.Post("/token/plugin/create", $$"""{"tpc":{{topic}}}""", access)).Status.ShouldBe(status);
    }
}
