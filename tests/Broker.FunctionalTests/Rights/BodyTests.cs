using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>rights.md 11: which bodies cross.</summary>
public sealed class BodyTests(BodyTests.Routing stage) : IClassFixture<BodyTests.Routing>
{
    private const string Json = """{"a":1}""";

    public sealed class Routing : Stage
    {
        private static readonly string[] Bodies = ["json", "form", "any", "none"];

        protected override IEnumerable<(string Name, string Route)> Routes =>
            [
                .. Bodies.Select(body =>
                    (
                        body,
                        $$"""{ "Match": { "Path": "/{{body}}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "{{body}}" } }"""
                    )
                ),
                ("unsaid", """{ "Match": { "Path": "/unsaid" }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""),
                ("public", """{ "Match": { "Path": "/public" }, "AuthorizationPolicy": "Anonymous" }"""),
            ];
    }

    [Theory]
    [InlineData("POST", "/unsaid", "application/json")]
    [InlineData("PUT", "/unsaid", "application/json; charset=utf-8")]
    [InlineData("PATCH", "/unsaid", "application/merge-patch+json")]
    [InlineData("POST", "/unsaid", "Application/JSON")]
    [InlineData("POST", "/unsaid", null)]
    [InlineData("POST", "/json", "application/vnd.api+json;v=1")]
    [InlineData("GET", "/json", "application/json")]
    [InlineData("POST", "/form", "application/x-www-form-urlencoded")]
    [InlineData("POST", "/form", "application/x-www-form-urlencoded; charset=utf-8")]
    [InlineData("POST", "/any", "text/plain")]
    [InlineData("DELETE", "/any", "application/xml")]
    [InlineData("POST", "/public", "application/json")]
    public async Task A_body_of_the_routes_type_crosses_unchanged(string method, string path, string? type)
    {
        var received = stage.ShouldHaveCrossed(
            await stage.Ask(method, path, headers: type is null ? [] : [$"Content-Type: {type}"], body: Json)
        );

        received.Body.ShouldBe(Json);
        received.Headers.GetValueOrDefault("Content-Type").ShouldBe(type);
        received.Headers["Content-Length"].ShouldBe($"{Json.Length}");
    }

    [Theory]
    [InlineData("GET", "/unsaid", "application/json")]
    [InlineData("HEAD", "/unsaid", "application/json")]
    [InlineData("DELETE", "/unsaid", "application/json")]
    [InlineData("DELETE", "/unsaid", null)]
    [InlineData("GET", "/public", "application/json")]
    [InlineData("POST", "/none", "application/json")]
    [InlineData("POST", "/unsaid", "application/x-www-form-urlencoded")]
    [InlineData("POST", "/unsaid", "text/json")]
    [InlineData("POST", "/unsaid", "text/plain")]
    [InlineData("POST", "/unsaid", "multipart/form-data; boundary=x")]
    [InlineData("POST", "/unsaid", "application/x-www-form-urlencoded; x=application/json")]
    [InlineData("POST", "/unsaid", "application/json, application/x-www-form-urlencoded")]
    [InlineData("POST", "/unsaid", "application/json;x=1, application/x-www-form-urlencoded")]
    [InlineData("POST", "/unsaid", "application/x-www-form-urlencoded x+json")]
    [InlineData("POST", "/unsaid", ";application/x-www-form-urlencoded")]
    [InlineData("POST", "/form", "application/x-www-form-urlencoded, application/json")]
    [InlineData("POST", "/form", "application/x-www-form-urlencoded; x=1, application/json")]
    [InlineData("POST", "/unsaid", "+json")]
    [InlineData("POST", "/unsaid", "x+json")]
    [InlineData("POST", "/json", "application/x-www-form-urlencoded")]
    [InlineData("POST", "/form", "application/json")]
    [InlineData("POST", "/form", null)]
    [InlineData("POST", "/form", "multipart/form-data; boundary=x")]
    [InlineData("POST", "/public", "application/x-www-form-urlencoded")]
    public async Task Another_body_is_refused(string method, string path, string? type)
    {
        var answer = await stage.Ask(method, path, headers: type is null ? [] : [$"Content-Type: {type}"], body: Json);
        if (method == "HEAD")
        {
            answer.Status.ShouldBe(400);
            stage.Upstream.Requests.ShouldBeEmpty();
        }
        else
        {
            stage.ShouldBeRefused(answer, 400, "not-allowed-here");
        }
    }

    [Theory]
    [InlineData("Content-Type: application/json", "Content-Type: application/x-www-form-urlencoded")]
    [InlineData("Content-Type: application/json", "content-type: application/json")]
    public async Task Two_types_are_refused(params string[] headers) =>
        stage.ShouldBeRefused(await stage.Ask("POST", "/unsaid", headers: headers, body: Json), 400, "not-allowed-here");

    [Fact]
    public async Task A_type_in_another_spelling_is_no_type_and_does_not_cross()
    {
        stage
            .ShouldHaveCrossed(await stage.Ask("POST", "/json", headers: ["Content_Type: application/x-www-form-urlencoded"], body: Json))
            .Headers.Keys.ShouldNotContain("Content_Type");
        stage
            .ShouldHaveCrossed(
                await stage.Ask(
                    "POST",
                    "/json",
                    headers: ["Content-Type: application/x-www-form-urlencoded", "Connection: Content-Type"],
                    body: Json
                )
            )
            .Headers.Keys.ShouldNotContain("Content-Type");
    }

    [Theory]
    [InlineData("GET", "/unsaid", "application/json")]
    [InlineData("DELETE", "/unsaid", "application/x-www-form-urlencoded")]
    [InlineData("POST", "/unsaid", "text/plain")]
    [InlineData("POST", "/none", "text/plain")]
    public async Task A_type_without_a_body_is_not_judged(string method, string path, string type) =>
        stage
            .ShouldHaveCrossed(await stage.Ask(method, path, headers: [$"Content-Type: {type}", "Content-Length: 0"]))
            .Body.ShouldBeEmpty();

    [Fact]
    public async Task A_chunked_body_is_a_body()
    {
        string[] chunked = ["Transfer-Encoding: chunked", "Content-Type: application/json"];
        stage
            .ShouldHaveCrossed(await stage.Ask("POST", "/unsaid", headers: chunked, body: "3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n"))
            .Body.ShouldBe(Json);
        stage.ShouldBeRefused(
            await stage.Ask("GET", "/unsaid", headers: chunked, body: "7\r\n{\"a\":1}\r\n0\r\n\r\n"),
            400,
            "not-allowed-here"
        );
        stage.ShouldBeRefused(
            await stage.Ask("POST", "/none", headers: chunked, body: "7\r\n{\"a\":1}\r\n0\r\n\r\n"),
            400,
            "not-allowed-here"
        );
    }

    [Theory]
    [InlineData("Content-Length: 5", "Content-Length: 6")]
    [InlineData("Content-Length: 5, 6")]
    [InlineData("Content-Length: -1")]
    [InlineData("Transfer-Encoding: gzip")]
    [InlineData("Transfer-Encoding: chunked, identity")]
    [InlineData("Transfer-Encoding: xchunked")]
    public async Task A_length_in_doubt_stays_Kestrels(params string[] headers)
    {
        stage.Upstream.Requests.Clear();
        var answer = await RawHttp.Ask(
            stage.Broker.Address,
            "POST /any HTTP/1.1",
            ["Host: broker.example", $"X-Api-Key: {Stage.All}", .. headers],
            "0\r\n\r\n"
        );
        answer.Status.ShouldBe(400);
        stage.Upstream.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_request_hidden_between_two_lengths_is_no_request()
    {
        stage.Upstream.Requests.Clear();
        var answer = await RawHttp.Ask(
            stage.Broker.Address,
            "POST /any HTTP/1.1",
            ["Host: broker.example", $"X-Api-Key: {Stage.All}", "Content-Length: 6", "Transfer-Encoding: chunked"],
            "0\r\n\r\nGET /any HTTP/1.1\r\nHost: smuggled.example\r\n\r\n"
        );

        if (answer.Status != 400)
        {
            var received = stage.ShouldHaveCrossed(answer); // the chunks count; the length is gone
            received.Body.ShouldBeEmpty();
            received.Headers.GetValueOrDefault("Content-Length", "0").ShouldBe("0");
            received.Headers.Keys.ShouldNotContain("X-Content-Length");
        }
    }
}
