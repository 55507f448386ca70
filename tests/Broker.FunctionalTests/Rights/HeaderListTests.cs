using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>Headers: where a route or an upstream lists them, none but these cross.</summary>
public sealed class HeaderListTests(HeaderListTests.Routing stage) : IClassFixture<HeaderListTests.Routing>
{
    public sealed class Routing : Stage
    {
        protected override IEnumerable<(string Name, string Route)> Routes =>
            [
                (
                    "list",
                    """{ "Match": { "Path": "/list/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any", "Headers": [ "Accept", "X-Client-Version" ] } }"""
                ),
                (
                    "text",
                    """{ "Match": { "Path": "/text" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Headers": "accept, X-Client-Version" } }"""
                ),
                (
                    "nothing",
                    """{ "Match": { "Path": "/nothing" }, "Metadata": { "Action": "GetDevice", "Device": "header:X-Vehicle", "Headers": [] } }"""
                ),
                (
                    "matched",
                    """
                    { "Match": { "Path": "/matched", "Headers": [ { "Name": "X-Version", "Values": [ "2" ] } ] },
                      "Metadata": { "Action": "ManageUser", "Reach": "none", "Headers": "Accept" } }
                    """
                ),
            ];
    }

    [Theory]
    [InlineData("/list/x")]
    [InlineData("/text")]
    public async Task Where_headers_are_listed_none_but_these_cross(string target)
    {
        var received = stage.ShouldHaveCrossed(
            await stage.Get(
                target,
                Stage.All,
                "Accept: text/plain",
                "x-client-version: 7",
                "X-Other: 1",
                "User-Agent: u",
                "Cookie: a=b",
                "Remote-User: root"
            )
        );

        (received.Headers["Accept"], received.Headers["X-Client-Version"]).ShouldBe(("text/plain", "7"));
        string[] ours = ["Authorization", "Host", "X-Forwarded-For", "X-Forwarded-Proto", "traceparent"];
        received
            .Headers.Keys.Except(ours, StringComparer.OrdinalIgnoreCase)
            .Select(name => name.ToUpperInvariant())
            .Order()
            .ShouldBe(["ACCEPT", "X-CLIENT-VERSION"]);
    }

    [Fact]
    public async Task What_the_body_needs_crosses_all_the_same()
    {
        var received = stage.ShouldHaveCrossed(
            await stage.Ask(
                "POST",
                "/list/x",
                headers: ["Content-Type: text/plain", "Content-Encoding: br", "Content-Language: de"],
                body: "abc"
            )
        );

        (received.Body, received.Headers["Content-Type"], received.Headers["Content-Encoding"]).ShouldBe(("abc", "text/plain", "br"));
        received.Headers.ShouldNotContainKey("Content-Language");
    }

    [Fact]
    public async Task What_the_route_decides_on_crosses_all_the_same()
    {
        stage
            .ShouldHaveCrossed(await stage.Get("/nothing", Stage.MineAnywhere, "X-Vehicle: mine", "Accept: a/b"))
            .Headers["X-Vehicle"]
            .ShouldBe("mine");
        stage.Upstream.Only.Headers.ShouldNotContainKey("Accept");
        stage.ShouldHaveCrossed(await stage.Get("/matched", Stage.All, "X-Version: 2")).Headers["X-Version"].ShouldBe("2");
        stage.ShouldBeRefused(await stage.Get("/matched", Stage.All, "X-Version: 2", "X-Version: 3"), 400, "ambiguous-id");
    }

    [Fact]
    public async Task An_upstream_lists_headers_for_all_its_routes_and_a_route_for_itself()
    {
        var config = Stage.ConfigOf(
            stage.Upstream.Address,
            ("own", """{ "Match": { "Path": "/own" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Headers": "X-Own" } }"""),
            ("all", TestConfig.CatchAll)
        );
        config["Broker"]!["Upstreams"]!["api"]!["Headers"] = new JsonArray("X-Shared");
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);

        foreach (var (target, crosses, stays) in new[] { ("/x", "X-Shared", "X-Own"), ("/own", "X-Own", "X-Shared") })
        {
            stage.Upstream.Requests.Clear();
            (
                await RawHttp.Ask(
                    broker.Address,
                    $"GET {target} HTTP/1.1",
                    ["Host: b", $"X-Api-Key: {Stage.All}", "X-Shared: 1", "X-Own: 1", "X-Other: 1"]
                )
            ).Status.ShouldBe(200);
            stage.Upstream.Only.Headers.ShouldContainKey(crosses);
            stage.Upstream.Only.Headers.ShouldNotContainKey(stays);
            stage.Upstream.Only.Headers.ShouldNotContainKey("X-Other");
        }
    }

    [Theory]
    [InlineData("Cookie")]
    [InlineData("Authorization")]
    [InlineData("Host")]
    [InlineData("X-Forwarded-For")]
    [InlineData("Remote-User")]
    [InlineData("X-HTTP-Method-Override")]
    public void A_list_with_a_header_that_never_crosses_does_not_load(string name)
    {
        Judgement
            .Of(
                Stage.ConfigOf(
                    stage.Upstream.Address,
                    (
                        "x",
                        $$"""{ "Match": { "Path": "/x" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Headers": "Accept,{{name}}" } }"""
                    )
                )
            )
            .Errors()
            .ShouldContain(line =>
                line.Contains("Metadata:Headers", StringComparison.Ordinal) && line.Contains("never crosses", StringComparison.Ordinal)
            );
        var config = Stage.ConfigOf(stage.Upstream.Address, ("all", TestConfig.CatchAll));
        config["Broker"]!["Upstreams"]!["api"]!["Headers"] = new JsonArray(name);
        Judgement.Of(config).Errors().ShouldContain(line => line.Contains("never crosses", StringComparison.Ordinal));
    }
}
