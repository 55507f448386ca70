using System.Text;
using Broker.Configuration;
using Broker.UpstreamTokens;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace Broker.Tests.UpstreamTokens;

/// <summary>Answers of token endpoints as they are in the world: read liberally, within bounds, and refused with a reason.</summary>
public sealed class TokenAnswerTests : IDisposable
{
    private const string Good = """{"access_token":"abc.def","token_type":"Bearer","expires_in":60}""";
    private const double Year = 365 * 86400;

    private readonly HttpMessageInvoker invoker = TokenHttp.NewInvoker();

    public void Dispose() => invoker.Dispose();

    [Fact]
    public async Task A_token_answer_is_read_in_every_content_encoding_and_with_a_byte_order_mark()
    {
        foreach (var (encoding, body) in Encoded.Ways(Good))
        {
            var answer = await Login(Response(body, encoding));
            answer.Kind.ShouldBe(TokenAnswerKind.Token, $"{encoding}: {answer.Reason}");
            answer.Pair!.Access.ShouldBe("abc.def", encoding);
        }

        var twoLines = Response(Encoded.Gzip(Encoded.Brotli(Encoding.UTF8.GetBytes(Good))), "br\r\nContent-Encoding: gzip");
        (await Login(twoLines)).Kind.ShouldBe(TokenAnswerKind.Token);
    }

    [Fact]
    public async Task A_token_answer_that_cannot_be_decoded_within_its_bounds_says_why()
    {
        foreach (var (encoding, body, reason) in Encoded.Broken(Good))
        {
            var answer = await Login(Response(body, encoding));
            answer.Kind.ShouldBe(TokenAnswerKind.Unknown, encoding);
            if (reason.Length > 0)
            {
                answer.Reason.ShouldBe(reason, encoding);
            }
        }
    }

    [Fact]
    public async Task A_refusal_in_a_content_encoding_is_understood()
    {
        var body = Encoding.UTF8.GetBytes("""{"error":"invalid_client","error_description":"ung\u00fcltig"}""");
        (await Login(Response(Encoded.Gzip(body), "gzip", 401))).Kind.ShouldBe(TokenAnswerKind.Refused);
    }

    [Fact]
    public async Task Bytes_that_are_no_UTF8_cost_only_the_member_that_they_stand_in()
    {
        var latin = Encoding.Latin1.GetBytes(Good.Replace("}", ",\"note\":\"\u00fc\"}", StringComparison.Ordinal));
        (await Login(Response(latin, ""))).Kind.ShouldBe(TokenAnswerKind.Token);
        var inToken = Encoding.Latin1.GetBytes(Good.Replace("abc", "\u00fcbc", StringComparison.Ordinal));
        (await Login(Response(inToken, ""))).Reason.ShouldBe("malformed-token");
        (await Login(RawEndpoint.Json("""{"access_token":"\ud800","expires_in":60}"""))).Reason.ShouldBe("not-json");
        (await Login(RawEndpoint.Json("""{"access_token":"abc","\ud800":1,"expires_in":60}"""))).Reason.ShouldBe("not-json");
    }

    [Theory]
    [InlineData("\"Bearer\"")]
    [InlineData("\"bearer\"")]
    [InlineData("\"BEARER\"")]
    [InlineData("\"Bearer \"")]
    [InlineData("\" bearer\\t\"")]
    [InlineData("\"BearerToken\"")]
    [InlineData("\"bearer_token\"")]
    [InlineData("\"Bearer Token\"")]
    [InlineData("\"\"")]
    [InlineData("null")]
    [InlineData(null)]
    public async Task A_bearer_token_is_one_in_any_spelling(string? type) =>
        (await Login(RawEndpoint.Json(Answer(type)))).Kind.ShouldBe(TokenAnswerKind.Token);

    [Theory]
    [InlineData("\"mac\"")]
    [InlineData("\"DPoP\"")]
    [InlineData("\"N_A\"")]
    [InlineData("\"Basic\"")]
    [InlineData("\"Bear\"")]
    [InlineData("\"Bearer mac\"")]
    [InlineData("\"B\\u0435arer\"")]
    [InlineData("5")]
    [InlineData("[\"Bearer\"]")]
    [InlineData("{}")]
    public async Task Another_type_of_token_is_refused_and_said(string type)
    {
        var answer = await Login(RawEndpoint.Json(Answer(type)));
        answer.Kind.ShouldBe(TokenAnswerKind.Unknown);
        answer.Reason!.ShouldStartWith("token_type-");
        answer.Reason.ShouldEndWith("-not-Bearer");
    }

    [Theory]
    [InlineData("JWT", "\"jwt\"", true)]
    [InlineData("JWT", null, true)]
    [InlineData("JWT", "\"Bearer\"", false)]
    [InlineData("Application Access Token", "\"application access token\"", true)]
    [InlineData("Application Access Token", "\"User Access Token\"", false)]
    public async Task An_upstream_says_the_type_of_its_tokens(string configured, string? said, bool isTaken) =>
        (await Login(RawEndpoint.Json(Answer(said)), tokenType: configured)).Kind.ShouldBe(
            isTaken ? TokenAnswerKind.Token : TokenAnswerKind.Unknown
        );

    [Theory]
    [InlineData("1e18", Year)]
    [InlineData("1e300", Year)]
    [InlineData("1e999", Year)]
    [InlineData("99999999999999999999", Year)]
    [InlineData("9223372036854775807", Year)]
    [InlineData("\"1e18\"", Year)]
    [InlineData("31536001", Year)]
    [InlineData("31536000", Year)]
    [InlineData("3600.75", 3600.75)]
    [InlineData("\"3600\"", 3600.0)]
    [InlineData("\" 3600 \"", 3600.0)]
    [InlineData("\"3.6e3\"", 3600.0)]
    [InlineData("\"+3600\"", 3600.0)]
    [InlineData("0", 300.0)]
    [InlineData("0.0", 300.0)]
    [InlineData("\"0\"", 300.0)]
    [InlineData("0.4", 300.0)]
    [InlineData("-1", 300.0)]
    [InlineData("-1e300", 300.0)]
    [InlineData("\"soon\"", 300.0)]
    [InlineData("\"\"", 300.0)]
    [InlineData("\"NaN\"", 300.0)]
    [InlineData("true", 300.0)]
    [InlineData("{}", 300.0)]
    [InlineData("[60]", 300.0)]
    [InlineData("null", 300.0)]
    public async Task An_absurd_life_is_capped_and_one_that_is_no_time_is_the_assumed_one(string expiresIn, double seconds)
    {
        var said = Good.Replace("60", expiresIn, StringComparison.Ordinal);
        var answer = await Login(RawEndpoint.Json(said), assumed: TimeSpan.FromMinutes(5));
        answer.Kind.ShouldBe(TokenAnswerKind.Token, answer.Reason);
        answer.Life.TotalSeconds.ShouldBe(seconds);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("0.4")]
    [InlineData("-1")]
    [InlineData("\"soon\"")]
    [InlineData("true")]
    [InlineData("{}")]
    public async Task Without_an_assumed_life_a_life_that_is_no_time_is_refused(string expiresIn)
    {
        var answer = await Login(RawEndpoint.Json(Good.Replace("60", expiresIn, StringComparison.Ordinal)));
        answer.Kind.ShouldBe(TokenAnswerKind.Unknown);
        answer.Reason.ShouldBe("bad-expiry");
        var jwt = Good.Replace("abc.def", $"e30.{Claims(TimeSpan.FromHours(1))}.x", StringComparison.Ordinal);
        jwt = jwt.Replace(":60", ":" + expiresIn, StringComparison.Ordinal);
        (await Login(RawEndpoint.Json(jwt))).Reason.ShouldBe("bad-expiry"); // also where the token itself says a later end
    }

    [Fact]
    public async Task The_end_of_a_JWT_goes_before_the_assumed_life_also_where_it_is_over()
    {
        var assumed = TimeSpan.FromMinutes(5);
        var (lives, over) = ($"e30.{Claims(TimeSpan.FromMinutes(20))}.x", $"e30.{Claims(-TimeSpan.FromMinutes(1))}.x");
        var good = await Login(RawEndpoint.Json($$"""{"access_token":"{{lives}}","expires_in":0}"""), assumed);
        good.Life.TotalMinutes.ShouldBeInRange(19.5, 20);
        (await Login(RawEndpoint.Json($$"""{"access_token":"{{over}}"}"""), assumed)).Reason.ShouldBe("bad-expiry");
        (await Login(RawEndpoint.Json("""{"access_token":"abc"}"""))).Life.ShouldBe(TimeSpan.FromMinutes(5));
    }

    [Fact]
    public async Task For_any_bytes_as_a_token_answer_reading_never_throws_and_finds_no_token_that_is_not_there()
    {
        var part = Gen.Elements(
            "{",
            "}",
            "[",
            "]",
            "\"",
            ":",
            ",",
            "\\",
            "\\ud83d",
            "\u00fc",
            "\u0000",
            "null",
            "1e999",
            "-0",
            "\"access_token\"",
            "\"abc\"",
            "\"a.eyJleHAiOiJcdWQ4MDAifQ.c\"",
            "\"token_type\"",
            "\"Bearer\"",
            "\"expires_in\"",
            "60",
            "\"refresh_token\"",
            "\ufeff",
            "{\"access_token\":\"abc\",\"expires_in\":60}"
        );
        var texts = Gen.Sample(Gen.ArrayOf(part), 30, 400).Select(parts => Encoding.UTF8.GetBytes(string.Concat(parts)));
        var bytes = Gen.Sample(ArbMap.Default.GeneratorFor<byte[]>(), 30, 400).Select(some => some ?? []);
        string[] encodings = ["", "gzip", "br", "deflate", "deflate, gzip", "\u00ff"];
        await using var endpoint = new RawEndpoint("");
        foreach (var (i, body) in texts.Concat(bytes).Index())
        {
            endpoint.Answer = Response(body, encodings[i % encodings.Length]);
            var answer = await Login(endpoint.Address);
            (answer.Reason ?? "").ShouldNotStartWith("fault");
            if (answer.Kind == TokenAnswerKind.Token)
            {
                Encoding.Latin1.GetString(body).ShouldContain(answer.Pair!.Access!);
            }
        }
    }

    private static string Claims(TimeSpan life) =>
        System.Buffers.Text.Base64Url.EncodeToString(
            Encoding.UTF8.GetBytes($$"""{"exp":{{(TimeProvider.System.GetUtcNow() + life).ToUnixTimeSeconds()}}}""")
        );

    private static string Answer(string? type) =>
        $$"""{"access_token":"abc.def","expires_in":60{{(type is null ? "" : $",\"token_type\":{type}")}}}""";

    private static string Response(byte[] body, string encoding, int status = 200) =>
        $"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{(encoding.Length == 0 ? "" : $"Content-Encoding: {encoding}\r\n")}"
        + $"Content-Length: {body.Length}\r\nConnection: close\r\n\r\n{Encoding.Latin1.GetString(body)}";

    private async Task<TokenAnswer> Login(string response, TimeSpan? assumed = null, string tokenType = "Bearer")
    {
        await using var endpoint = new RawEndpoint(response);
        return await Login(endpoint.Address, assumed, tokenType);
    }

    private Task<TokenAnswer> Login(Uri endpoint, TimeSpan? assumed = null, string tokenType = "Bearer") =>
        new OAuth2Source(
            new TokenHttp(invoker, TimeProvider.System),
            new OAuth2Request
            {
                Endpoint = endpoint,
                Account = new() { ClientId = "c", ClientSecret = new Secret("test", "s") },
                ClientId = "c",
                UserName = "",
                Parameters = [],
                Headers = [],
                AssumedLifetime = assumed,
                TokenType = tokenType,
            }
        ).Login(CancellationToken.None);
}
