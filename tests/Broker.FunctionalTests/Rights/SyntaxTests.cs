using System.Net;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>What the server lets in and others read in another way is refused: methods, control characters, framing.</summary>
public sealed class SyntaxTests(SyntaxTests.Routing stage) : IClassFixture<SyntaxTests.Routing>
{
    public sealed class Routing : Stage
    {
        protected override IEnumerable<(string Name, string Route)> Routes =>
            [
                (
                    "get",
                    """{ "Match": { "Path": "/get", "Methods": [ "GET" ] }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""
                ),
                ("public", """{ "Match": { "Path": "/public" }, "AuthorizationPolicy": "Anonymous" }"""),
                (
                    "any",
                    """{ "Match": { "Path": "/any/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any" } }"""
                ),
            ];
    }

    [Theory]
    [InlineData("head")]
    [InlineData("Head")]
    [InlineData("heaD")]
    [InlineData("get")]
    [InlineData("Get")]
    [InlineData("pOsT")]
    [InlineData("put")]
    [InlineData("delete")]
    [InlineData("Patch")]
    [InlineData("options")]
    [InlineData("trace")]
    [InlineData("connect")]
    public async Task A_method_in_the_wrong_case_is_no_method_on_any_path(string method)
    {
        foreach (var target in new[] { "/get", "/public", "/any/x", "/nowhere", "/", "/a;b" })
        {
            stage.ShouldBeRefused(await stage.Ask(method, target), 405, "method-not-allowed");
            stage.ShouldBeRefused(await stage.Ask(method, target, key: null), 405, "method-not-allowed");
        }

        stage.Broker.Log.ShouldNotContain("broker-failed");
    }

    [Theory]
    [InlineData("FOO")]
    [InlineData("foo")]
    [InlineData("PROPFIND")]
    [InlineData("propfind")]
    [InlineData("M-SEARCH")]
    [InlineData("QUERY")]
    [InlineData("GETS")]
    [InlineData("G")]
    [InlineData("!#$%&'*+-.^_`|~")]
    public async Task An_unknown_method_crosses_as_it_is_where_a_route_serves_every_method(string method)
    {
        stage.ShouldHaveCrossed(await stage.Ask(method, "/any/x")).Method.ShouldBe(method);
        stage.ShouldBeRefused(await stage.Ask(method, "/get"), 405, "method-not-allowed");
    }

    [Fact]
    public void A_route_for_a_method_in_the_wrong_case_does_not_load() =>
        Judgement
            .Of(
                Stage.ConfigOf(
                    stage.Upstream.Address,
                    (
                        "x",
                        """{ "Match": { "Path": "/x", "Methods": [ "GET", "post" ] }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""
                    )
                )
            )
            .Errors()
            .ShouldHaveSingleItem()
            .ShouldContain("Match:Methods:1: 'post' is no method: methods are case-sensitive, write \"POST\".");

    public static TheoryData<string, int> Controls =>
        new([
            .. Enumerable.Range(1, 31).Append(127).Where(code => code is not ('\t' or '\n' or '\r')).Select(code => ("X-Other", code)),
            ("User-Agent", 1),
            ("Accept", 127),
            ("X-Forwarded-For", 2),
        ]);

    [Theory]
    [MemberData(nameof(Controls))]
    public async Task A_control_character_in_a_header_is_refused(string name, int code)
    {
        foreach (var target in new[] { "/any/x", "/public" })
        {
            stage.ShouldBeRefused(
                await stage.Get(target, target == "/public" ? null : Stage.All, $"{name}: a{(char)code}b"),
                400,
                "bad-request"
            );
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(11)]
    [InlineData(31)]
    [InlineData(127)]
    public async Task It_is_refused_over_http2_too(int code)
    {
        var config = Stage.ConfigOf(stage.Upstream.Address, ("all", TestConfig.CatchAll));
        config["Kestrel"] = JsonNode.Parse("""{ "Endpoints": { "public": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" } } }""");
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
        stage.Upstream.Requests.Clear();
        var request = TestConfig.Request(HttpMethod.Get, "/x");
        (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
        request.Headers.TryAddWithoutValidation("X-Other", $"a{(char)code}b").ShouldBeTrue();

        ((int)(await broker.Client.SendAsync(request)).StatusCode).ShouldBe(400);

        stage.Upstream.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_tab_in_a_header_is_none() =>
        stage.ShouldHaveCrossed(await stage.Get("/any/x", Stage.All, "X-Other: a\tb")).Headers["X-Other"].ShouldBe("a\tb");

    /// <summary>Everything behind the key's header; a body may stand behind.</summary>
    [Theory]
    [InlineData("Content-Length: +5\r\n\r\nabcde")]
    [InlineData("Content-Length: -1\r\n\r\n")]
    [InlineData("Content-Length: -0\r\n\r\n")]
    [InlineData("Content-Length: 5 5\r\n\r\nabcde")]
    [InlineData("Content-Length: 5,5\r\n\r\nabcde")]
    [InlineData("Content-Length: 0x5\r\n\r\nabcde")]
    [InlineData("Content-Length: 5.0\r\n\r\nabcde")]
    [InlineData("Content-Length: \u00b2\r\n\r\nabcde")]
    [InlineData("Content-Length: 1_0\r\n\r\nabcde")]
    [InlineData("Content-Length:\r\n\r\n")]
    [InlineData("Content-Length: 99999999999999999999\r\n\r\n")]
    [InlineData("Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde")]
    [InlineData("Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcde")]
    [InlineData("Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n")]
    [InlineData("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n")]
    [InlineData("X-Other: a\r\n b\r\n\r\n")]
    [InlineData("X-Other: a\r\n\tb\r\n\r\n")]
    [InlineData("X-Other: a\nX-Next: b\r\n\r\n")]
    [InlineData("X-Other: a\rX-Next: b\r\n\r\n")]
    [InlineData("X-Other: a\r\n\n")]
    [InlineData("X-Other: a\n\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n1\nA\r\n0\r\n\r\n")]
    public async Task Framing_that_can_be_read_in_two_ways_is_refused(string rest)
    {
        foreach (var (target, key) in new[] { ("/any/x", $"X-Api-Key: {Stage.All}\r\n"), ("/public", "") })
        {
            stage.Upstream.Requests.Clear();
            var answer = await RawHttp.Send(stage.Broker.Address, $"POST {target} HTTP/1.1\r\nHost: broker.example\r\n{key}{rest}");

            answer.Status.ShouldBe(400, answer.ToString());
            stage.Upstream.Requests.ShouldBeEmpty();
        }
    }

    [Theory]
    [InlineData("GET /any/x HTTP/1.1\nHost: b\r\nX-Api-Key: test-key\r\n\r\n")]
    [InlineData("GET /any/x HTTP/1.1\r\nHost: b\nX-Api-Key: test-key\r\n\r\n")]
    [InlineData("POST /any/x HTTP/1.0\r\nHost: b\r\nX-Api-Key: test-key\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    public async Task A_request_whose_lines_or_version_are_unclear_is_refused(string request)
    {
        stage.Upstream.Requests.Clear();

        (await RawHttp.Send(stage.Broker.Address, request)).Status.ShouldBe(400);

        stage.Upstream.Requests.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("Content-Length: 5\r\n\r\nabcde", "abcde")]
    [InlineData("Content-Length: 005\r\n\r\nabcde", "abcde")]
    [InlineData("Content-Length:   5  \r\n\r\nabcde", "abcde")]
    [InlineData("Content-Length: 0\r\n\r\n", "")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", "abcde")]
    [InlineData("Transfer-Encoding: Chunked \r\n\r\n5\r\nabcde\r\n0\r\n\r\n", "abcde")]
    public async Task Clear_framing_crosses(string rest, string body)
    {
        stage.Upstream.Requests.Clear();

        stage
            .ShouldHaveCrossed(
                await RawHttp.Send(stage.Broker.Address, $"POST /any/x HTTP/1.1\r\nHost: b\r\nX-Api-Key: {Stage.All}\r\n{rest}")
            )
            .Body.ShouldBe(body);
    }

    [Fact]
    public async Task A_connection_whose_framing_was_unclear_is_closed()
    {
        var answer = await RawHttp.Send(
            stage.Broker.Address,
            $"POST /any/x HTTP/1.1\r\nHost: b\r\nX-Api-Key: {Stage.All}\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
        );

        (answer.Status, answer.Code, answer["Connection"]).ShouldBe((400, "bad-request", "close"));
    }
}
