using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>Two routes that fit one request do not load; what loads is never ambiguous when it is asked.</summary>
public sealed class AmbiguousRouteTests
{
    private const string Metadata = """, "Metadata": { "Action": "ManageUser", "Reach": "none" } }""";

    [Theory]
    [InlineData("""{ "Path": "/a" }""", """{ "Path": "/a" }""")]
    [InlineData("""{ "Path": "/a" }""", """{ "Path": "/A/" }""")]
    [InlineData("""{ "Path": "/d/{id}" }""", """{ "Path": "/d/{name}" }""")]
    [InlineData("""{ "Path": "/d/{id}" }""", """{ "Path": "/d/{name?}" }""")]
    [InlineData("""{ "Path": "/d/{id:int}" }""", """{ "Path": "/d/{name:long}" }""")]
    [InlineData("""{ "Path": "/d/{a}.json" }""", """{ "Path": "/d/x{b}" }""")]
    [InlineData("""{ "Path": "/d/{**rest}" }""", """{ "Path": "/d/{**all}" }""")]
    [InlineData("""{ "Hosts": [ "a.example" ] }""", """{ "Path": "/{**all}", "Hosts": [ "A.example:*" ] }""")]
    [InlineData("""{ "Path": "/a", "Methods": [ "GET", "PUT" ] }""", """{ "Path": "/a", "Methods": [ "PUT" ] }""")]
    [InlineData(
        """{ "Path": "/a", "Headers": [ { "Name": "X-A", "Mode": "Exists" } ] }""",
        """{ "Path": "/a", "Headers": [ { "Name": "X-B", "Mode": "Exists" } ] }"""
    )]
    public void Two_routes_that_fit_one_request_do_not_load(string first, string second)
    {
        var config = TestConfig.With(
            new("http://127.0.0.1:9/"),
            ("one", $$"""{ "Match": {{first}} {{Metadata}}"""),
            ("two", $$"""{ "Match": {{second}} {{Metadata}}""")
        );
        Judgement
            .Of(config)
            .Errors()
            .ShouldHaveSingleItem()
            .ShouldStartWith("error: ReverseProxy:Routes:two:Match: fits the same requests as the route 'one'");
        config["ReverseProxy"]!["Routes"]!["one"]!["Order"] = 1;
        Judgement.Of(config).Errors().ShouldBeEmpty();
    }

    /// <summary>A request that the first route serves, then one that the second serves.</summary>
    [Theory]
    [InlineData("""{ "Path": "/a" }""", """{ "Path": "/{x}" }""", "GET /a", "GET /b")]
    [InlineData("""{ "Path": "/a/{x}" }""", """{ "Path": "/{x}/b" }""", "GET /a/b", "GET /c/b")]
    [InlineData("""{ "Path": "/a/{x}" }""", """{ "Path": "/b/{x}" }""", "GET /a/1", "GET /b/1")]
    [InlineData("""{ "Path": "/d/{id:int}" }""", """{ "Path": "/d/{id}" }""", "GET /d/1", "GET /d/x")]
    [InlineData("""{ "Path": "/d/{a}.json" }""", """{ "Path": "/d/{b}.xml" }""", "GET /d/x.json", "GET /d/x.xml")]
    [InlineData("""{ "Path": "/a", "Methods": [ "GET" ] }""", """{ "Path": "/a", "Methods": [ "POST" ] }""", "GET /a", "POST /a")]
    [InlineData("""{ "Path": "/a", "Methods": [ "GET" ] }""", """{ "Path": "/a" }""", "GET /a", "POST /a")]
    [InlineData(
        """{ "Path": "/a", "Hosts": [ "a.example" ] }""",
        """{ "Path": "/a", "Hosts": [ "*.example" ] }""",
        "GET /a a.example",
        "GET /a b.example"
    )]
    [InlineData("""{ "Path": "/a", "Hosts": [ "a.example" ] }""", """{ "Path": "/a" }""", "GET /a a.example", "GET /a b.example")]
    [InlineData(
        """{ "Path": "/a", "Headers": [ { "Name": "X-V", "Values": [ "1" ] } ] }""",
        """{ "Path": "/a", "Headers": [ { "Name": "x-v", "Values": [ "2" ] } ] }""",
        "GET /a a 1",
        "GET /a a 2"
    )]
    [InlineData(
        """{ "Path": "/a", "Headers": [ { "Name": "X-V", "Mode": "Exists" } ] }""",
        """{ "Path": "/a", "Headers": [ { "Name": "X-V", "Mode": "NotExists" } ] }""",
        "GET /a a 1",
        "GET /a"
    )]
    public async Task What_routing_can_tell_apart_loads_and_is_told_apart(string first, string second, string toFirst, string toSecond)
    {
        await using var upstream = await EchoUpstream.Start();
        var config = TestConfig.With(
            upstream.Address,
            ("one", $$"""{ "Match": {{first}}, "Transforms": [ { "PathSet": "/first" } ] {{Metadata}}"""),
            ("two", $$"""{ "Match": {{second}}, "Transforms": [ { "PathSet": "/second" } ] {{Metadata}}""")
        );
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);

        (await Ask(broker, upstream, toFirst)).ShouldBe("/first");
        (await Ask(broker, upstream, toSecond)).ShouldBe("/second");
    }

    [Fact]
    public async Task A_request_that_is_ambiguous_all_the_same_is_refused_and_the_caller_reads_no_exception()
    {
        await using var upstream = await EchoUpstream.Start();
        const string Match = """{ "Match": { "Path": "/a", "Headers": [ { "Name": "X-V", "Values": [ "VALUE" ] } ] } """;
        var config = TestConfig.With(
            upstream.Address,
            ("one", Match.Replace("VALUE", "1") + Metadata),
            ("two", Match.Replace("VALUE", "2") + Metadata)
        );
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);

        var answer = await RawHttp.Ask(
            broker.Address,
            "GET /a HTTP/1.1",
            ["Host: x", $"X-Api-Key: {TestConfig.Key}", "X-V: 1", "X-V: 2"],
            ""
        );

        $"{answer.Status} {answer.Code}".ShouldBe("500 broker-failed", answer.ToString());
        answer.ToString().ShouldNotContain("Ambiguous");
        answer.ToString().ShouldNotContain("   at ");
        upstream.Requests.ShouldBeEmpty();
    }

    private static async Task<string> Ask(BrokerUnderTest broker, EchoUpstream upstream, string said)
    {
        var words = said.Split(' ');
        upstream.Requests.Clear();
        var answer = await RawHttp.Ask(
            broker.Address,
            $"{words[0]} {words[1]} HTTP/1.1",
            [
                $"Host: {words.ElementAtOrDefault(2) ?? "x"}",
                $"X-Api-Key: {TestConfig.Key}",
                "Content-Length: 0",
                .. words.Length > 3 ? [$"X-V: {words[3]}"] : Array.Empty<string>(),
            ],
            ""
        );
        answer.Status.ShouldBe(200, answer.ToString());
        return upstream.Only.RawTarget;
    }
}
