using System.Text.Json.Nodes;
using Broker.FunctionalTests.Rights;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>Bodies that are too large or no HTTP: under the broker's own paths the answer is one that their clients read.</summary>
public sealed class BrokenBodyTests
{
    private static readonly string Large = new('x', 70_000);

    [Theory]
    [InlineData("/token", "large", 413, """{"error":413,"message":"HTTP 413 Request Entity Too Large"}""")]
    [InlineData("/auth/rest/token/refresh", "large in chunks", 413, """{"error":413,"message":"HTTP 413 Request Entity Too Large"}""")]
    [InlineData(
        "/token/create",
        "a chunk without a length",
        400,
        """{"error":400,"message":"The request's body broke off, or is not HTTP."}"""
    )]
    [InlineData(
        "/token/plugin/create",
        "a chunk without a length",
        400,
        """{"error":400,"message":"The request's body broke off, or is not HTTP."}"""
    )]
    [InlineData(
        "/oauth/token",
        "large",
        400,
        """{"error":"invalid_request","error_description":"the body is too large, or holds a parameter twice"}"""
    )]
    [InlineData(
        "/oauth/revoke",
        "a chunk without a length",
        400,
        """{"error":"invalid_request","error_description":"The request's body broke off, or is not HTTP."}"""
    )]
    public async Task A_body_that_cannot_be_read_is_refused_in_the_words_of_the_endpoints_family(
        string path,
        string body,
        int status,
        string said
    )
    {
        await using var bed = await TokenBed.Start();
        var token = await bed.LogIn("admin");
        var (framing, text) = body switch
        {
            "a chunk without a length" => ("Transfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n"),
            "large in chunks" => ("Transfer-Encoding: chunked", $"{Large.Length:x}\r\n{Large}\r\n0\r\n\r\n"),
            _ => ($"Content-Length: {Large.Length}", Large),
        };
        string[] headers =
        [
            "Host: broker",
            framing,
            $"Content-Type: {(path.StartsWith("/oauth", StringComparison.Ordinal) ? "application/x-www-form-urlencoded" : "application/json")}",
            $"Authorization: Bearer {token.Access}",
        ];

        var answer = await RawHttp.Ask(bed.Broker.Address, $"POST {path} HTTP/1.1", headers, text);

        (answer.Status, answer.Body).ShouldBe((status, said));
        answer["Content-Type"].ShouldBe("application/json");
        JsonNode.Parse(answer.Body).ShouldNotBeNull();
    }
}
