using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>A connection is handed over for a WebSocket that was decided on as a GET, and for nothing else.</summary>
public sealed class UpgradeTests : Stage
{
    protected override IEnumerable<(string Name, string Route)> Routes =>
        [("all", """{ "Match": { "Path": "/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "none" } }""")];

    [Theory]
    [InlineData("POST", "SPDY/3.1")]
    [InlineData("GET", "SPDY/3.1")]
    [InlineData("POST", "websocket")]
    [InlineData("GET", "websocket, SPDY/3.1")]
    [InlineData("GET", "h2c")]
    public async Task Any_other_upgrade_is_an_ordinary_request(string method, string upgrade)
    {
        var answer = await Ask(
            method,
            "/x",
            headers:
            [
                "Connection: Upgrade",
                $"Upgrade: {upgrade}",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                "Sec-WebSocket-Version: 13",
            ]
        );

        answer.Status.ShouldBe(200);
        Upstream.Only.Method.ShouldBe(method);
        Upstream.Only.Headers.ContainsKey("Upgrade").ShouldBeFalse();
    }

    [Fact]
    public async Task The_header_Proxy_does_not_cross()
    {
        (await Ask("GET", "/x", headers: ["Proxy: http://evil.example"])).Status.ShouldBe(200);

        Upstream.Only.Headers.ContainsKey("Proxy").ShouldBeFalse();
    }
}
