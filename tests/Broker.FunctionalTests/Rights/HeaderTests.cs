using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>
/// rights.md 11 to 13 and invariant 15: nothing that the caller says about itself, no credential, no id that was not looked at.
/// </summary>
public sealed class HeaderTests(HeaderTests.Routing stage) : IClassFixture<HeaderTests.Routing>
{
    public sealed class Routing : Stage
    {
        protected override IEnumerable<(string Name, string Route)> Routes =>
            [
                (
                    "selected",
                    """{ "Match": { "Path": "/selected" }, "Metadata": { "Action": "GetDevice", "Device": "header:DeviceToken" } }"""
                ),
                (
                    "optional",
                    """{ "Match": { "Path": "/optional" }, "Metadata": { "Action": "GetDevice", "Device": "header:DeviceToken?" } }"""
                ),
                ("public", """{ "Match": { "Path": "/public" }, "AuthorizationPolicy": "Anonymous" }"""),
                ("all", TestConfig.CatchAll),
            ];
    }

    [Theory]
    [InlineData("Cookie: session=1")]
    [InlineData("cookie: session=1")]
    [InlineData("Forwarded: for=10.0.0.1")]
    [InlineData("X-Forwarded-Uri: /admin")]
    [InlineData("x-forwarded-user: root")]
    [InlineData("X_Forwarded_For: 10.0.0.1")]
    [InlineData("X-Forwarded_For: 10.0.0.1")]
    [InlineData("X_Api_Key: other")]
    [InlineData("X-Original-URL: /admin")]
    [InlineData("X-Rewrite-URL: /admin")]
    [InlineData("X-Real-IP: 10.0.0.1")]
    [InlineData("Proxy-Authorization: Basic eDp5")]
    [InlineData("Proxy-Connection: keep-alive")]
    [InlineData("Keep-Alive: timeout=5")]
    [InlineData("DeviceToken: victim")]
    [InlineData("devicetoken: victim")]
    [InlineData("UserDeviceToken: victim")]
    [InlineData("Device_Token: victim")]
    [InlineData("_: 1")]
    [InlineData("X-Content-Length: 5")]
    [InlineData("TE: gzip")]
    public async Task A_header_that_may_not_cross_is_dropped(string header)
    {
        var received = stage.ShouldHaveCrossed(await stage.Get("/x", Stage.All, header, "X-Harmless: 1"));

        received.Headers.ShouldNotContainKey(header.Split(':')[0]);
        received.Headers["X-Harmless"].ShouldBe("1"); // the positive control
        received.Headers.ShouldNotContainKey("X-Api-Key");
        received.Headers["Authorization"].ShouldBe($"Bearer {TestConfig.UpstreamSecret}");
    }

    [Fact]
    public async Task What_is_said_of_the_client_is_our_own_word()
    {
        var received = stage.ShouldHaveCrossed(
            await stage.Get("/x", Stage.All, "X-Forwarded-For: 10.6.6.6", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: https")
        );

        received.Headers["X-Forwarded-For"].ShouldBe("127.0.0.1");
        received.Headers.ShouldNotContainKey("X-Forwarded-Host"); // the caller's Host is its own word
        received.Headers["X-Forwarded-Proto"].ShouldBe("http");
        received.Headers["Host"].ShouldBe(stage.Upstream.Address.Authority);
    }

    [Theory]
    [InlineData("Authorization: ApiKey test-key")]
    [InlineData("authorization: apikey test-key")]
    [InlineData("x-api-key: test-key")]
    public async Task The_callers_credential_never_crosses(string header)
    {
        var received = stage.ShouldHaveCrossed(await stage.Get("/x", null, header));

        received.Headers["Authorization"].ShouldBe($"Bearer {TestConfig.UpstreamSecret}");
        received.Headers.Values.ShouldAllBe(value => !value.Contains(Stage.All));
    }

    [Theory]
    [InlineData("Authorization: Bearer caller")]
    [InlineData("X-Api-Key: caller")]
    [InlineData("Authorization: Bearer caller", "Authorization: Bearer caller")]
    [InlineData("Authorization: Bearer caller", "Connection: Authorization")]
    [InlineData("Cookie: caller")]
    [InlineData("Proxy-Authorization: caller")]
    public async Task A_public_route_strips_credentials_and_puts_none_on(params string[] headers)
    {
        var received = stage.ShouldHaveCrossed(await stage.Get("/public", null, headers));

        received.Headers.ShouldNotContainKey("Authorization");
        received.Headers.Values.ShouldAllBe(value => !value.Contains("caller") && !value.Contains(TestConfig.UpstreamSecret));
    }

    [Theory]
    [InlineData("Connection: Authorization")]
    [InlineData("Connection: close, X-Api-Key, Authorization")]
    [InlineData("Connection: X-Other", "X-Other: 1")]
    [InlineData("Connection: x-OTHER", "X-Other: 1")]
    [InlineData("Connection: close, X-Other", "X-Other: 1")]
    [InlineData("Connection: X-Other, close", "X-Other: 1")]
    [InlineData("Connection: keep-alive,X-Other", "X-Other: 1")]
    [InlineData("Connection: X-Other,Keep-Alive", "X-Other: 1")]
    [InlineData("Connection: Upgrade, X-Other", "X-Other: 1")]
    [InlineData("Connection: X-Other ,upgrade, ,", "X-Other: 1", "Upgrade: websocket")]
    [InlineData("Connection: keep-alive", "Connection: X-Other", "X-Other: 1")]
    [InlineData("Connection: X-Other", "Connection: close", "X-Other: 1")]
    [InlineData("connection: X-A", "CONNECTION: close", "Connection: X-Other", "X-Other: 1", "X-A: 1")]
    [InlineData("Connection: close, \tX-Other\t", "X-Other: 1")]
    public async Task Headers_that_Connection_names_end_here_and_our_token_does_not(params string[] headers)
    {
        var received = stage.ShouldHaveCrossed(await stage.Get("/x", Stage.All, headers));

        received.Headers["Authorization"].ShouldBe($"Bearer {TestConfig.UpstreamSecret}");
        received.Headers.ShouldNotContainKey("X-Other");
        received.Headers.ShouldNotContainKey("X-A");
    }

    [Fact]
    public async Task A_connection_that_names_a_crowd_is_refused() =>
        stage.ShouldBeRefused(
            await stage.Get("/x", Stage.All, "Connection: " + string.Join(',', Enumerable.Range(0, 33).Select(i => $"x{i}"))),
            400,
            "not-allowed-here"
        );

    [Fact]
    public async Task An_offer_of_http2_and_te_end_here_too()
    {
        var headers = stage
            .ShouldHaveCrossed(
                await stage.Get(
                    "/x",
                    Stage.All,
                    "Connection: Upgrade, HTTP2-Settings, TE",
                    "Upgrade: h2c",
                    "HTTP2-Settings: AAMAAABk",
                    "TE: gzip"
                )
            )
            .Headers;
        (headers.ContainsKey("HTTP2-Settings"), headers.ContainsKey("TE"), headers.ContainsKey("Upgrade")).ShouldBe((false, false, false));
    }

    [Theory]
    [InlineData("Connection: keep-alive")]
    [InlineData("Connection: close")]
    [InlineData("Connection: Keep-Alive, close")]
    [InlineData("Connection:")]
    public async Task A_connection_that_names_no_header_takes_none_away(string header) =>
        stage.ShouldHaveCrossed(await stage.Get("/x", Stage.All, header, "X-Other: 1")).Headers["X-Other"].ShouldBe("1");

    [Theory]
    [InlineData("/selected")]
    [InlineData("/optional")]
    public async Task A_selected_header_crosses_when_its_id_is_permitted(string path)
    {
        stage.ShouldHaveCrossed(await stage.Get(path, Stage.MineAnywhere, "deviceTOKEN: mine")).Headers["DeviceToken"].ShouldBe("mine");
        stage.ShouldBeRefused(await stage.Get(path, Stage.MineAnywhere, "DeviceToken: victim"), 403, "device-not-granted");
    }

    [Theory]
    [InlineData(400, "ambiguous-id", "DeviceToken: mine", "DeviceToken: victim")]
    [InlineData(400, "ambiguous-id", "DeviceToken: mine", "devicetoken: mine")]
    [InlineData(400, "ambiguous-id", "DeviceToken: mine,victim")]
    [InlineData(400, "ambiguous-id", "DeviceToken: mine,")]
    [InlineData(400, "bad-request", "DeviceToken:")]
    [InlineData(400, "bad-request", "DeviceToken:   ")]
    [InlineData(400, "not-allowed-here", "DeviceToken: mine", "Connection: DeviceToken")]
    [InlineData(400, "not-allowed-here", "DeviceToken: mine", "Connection: x-other, devicetoken")]
    [InlineData(400, "not-allowed-here", "Connection: DeviceToken")]
    [InlineData(400, "not-allowed-here", "DeviceToken: mine", "Connection: close, DeviceToken")]
    [InlineData(400, "not-allowed-here", "DeviceToken: mine", "Connection: DeviceToken, keep-alive")]
    [InlineData(400, "not-allowed-here", "DeviceToken: mine", "Connection: keep-alive", "Connection: DeviceToken")]
    public async Task An_id_in_a_header_that_is_not_exactly_one_is_refused_optional_or_not(int status, string code, params string[] headers)
    {
        stage.ShouldBeRefused(await stage.Get("/selected", Stage.All, headers), status, code);
        stage.ShouldBeRefused(await stage.Get("/optional", Stage.All, headers), status, code);
    }

    [Fact]
    public async Task A_selected_header_that_is_missing_is_refused_and_another_spelling_is_no_id()
    {
        stage.ShouldBeRefused(await stage.Get("/selected"), 400, "bad-request");
        stage.ShouldBeRefused(await stage.Get("/selected", Stage.All, "Device_Token: mine"), 400, "bad-request");
        stage.ShouldBeRefused(await stage.Get("/optional", Stage.MineAnywhere), 403, "device-not-granted");
        stage
            .ShouldHaveCrossed(await stage.Get("/selected", Stage.MineAnywhere, "DeviceToken: mine", "Device_Token: victim"))
            .Headers.ShouldNotContainKey("Device_Token");
    }

    [Theory]
    [InlineData("X-HTTP-Method-Override: DELETE")]
    [InlineData("x-http-method-override: DELETE")]
    [InlineData("X-Method-Override: DELETE")]
    [InlineData("X-HTTP-Method: DELETE")]
    [InlineData("X_HTTP_Method_Override: DELETE")]
    [InlineData("X-HTTP_Method-Override: DELETE")]
    [InlineData("X_Method_Override: DELETE")]
    [InlineData("X-HTTP-Method-Override: DELETE", "Connection: X-HTTP-Method-Override")]
    public async Task A_header_that_changes_the_method_is_refused(params string[] headers)
    {
        stage.ShouldBeRefused(await stage.Ask("POST", "/x", headers: headers), 400, "not-allowed-here");
        stage.ShouldBeRefused(await stage.Ask("POST", "/public", null, headers), 400, "not-allowed-here");
    }

    [Theory]
    [InlineData("TRACE", "/x")]
    [InlineData("TRACE", "/public")]
    public async Task Trace_is_refused(string method, string target) =>
        stage.ShouldBeRefused(await stage.Ask(method, target), 405, "method-not-allowed");

    [Theory]
    [InlineData("CONNECT upstream.example:443 HTTP/1.1", "Host: upstream.example:443")]
    [InlineData("CONNECT /x HTTP/1.1", "Host: broker.example")]
    public async Task Connect_opens_no_tunnel(string line, string host)
    {
        stage.Upstream.Requests.Clear();
        var answer = await RawHttp.Ask(stage.Broker.Address, line, [host, $"X-Api-Key: {Stage.All}"]);
        answer.Status.ShouldBeOneOf(400, 405); // Kestrel's, or ours
        stage.Upstream.Requests.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("Authorization: Bearer a", "Authorization: Bearer b")]
    [InlineData("X-Api-Key: test-key", "X-Api-Key: test-key")]
    [InlineData("X-Api-Key: test-key", "Authorization: ApiKey test-key")]
    public async Task Two_credentials_are_refused(params string[] headers) =>
        stage.ShouldBeRefused(await stage.Get("/x", null, headers), 400, "ambiguous-credential");

    [Theory]
    [InlineData("X-Folded: a\r\n b")]
    [InlineData("Authorization : Bearer a")]
    [InlineData("Host: second.example")]
    [InlineData("No-Colon")]
    [InlineData("X-Null: a\0b")]
    public async Task A_broken_header_stays_Kestrels(string header)
    {
        var answer = await stage.Get("/x", Stage.All, header);
        answer.Status.ShouldBe(400);
        answer.Body.ShouldBeEmpty();
        stage.Upstream.Requests.ShouldBeEmpty();
    }
}
