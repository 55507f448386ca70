using System.Text.Json.Nodes;
using Broker.Forwarding;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>rights.md 16: the token goes only where a decision went.</summary>
public sealed class TokenReachTests
{
    [Fact]
    public async Task Health_probes_go_bare()
    {
        await using var upstream = await EchoUpstream.Start();
        var config = Stage.ConfigOf(upstream.Address, ("all", TestConfig.CatchAll));
        config["ReverseProxy"]!["Clusters"]!["api"]!["HealthCheck"] = JsonNode.Parse(
            """{ "Active": { "Enabled": true, "Interval": "00:00:00.2", "Timeout": "00:00:05", "Policy": "ConsecutiveFailures", "Path": "/probe" } }"""
        );
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);

        (await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x"))).IsSuccessStatusCode.ShouldBeTrue();
        await Eventually.Holds(() => upstream.Requests.Count(request => request.RawTarget == "/probe") > 1, "probes arrive");

        upstream
            .Requests.Where(request => request.RawTarget == "/probe")
            .ShouldAllBe(request => !request.Headers.ContainsKey("Authorization"));
        upstream
            .Requests.Single(request => request.RawTarget == "/x")
            .Headers["Authorization"]
            .ShouldBe($"Bearer {TestConfig.UpstreamSecret}"); // the positive control
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_not_followed(int status)
    {
        await using var elsewhere = await EchoUpstream.Start();
        await using var upstream = await EchoUpstream.Start();
        var location = $"http://localhost:{elsewhere.Address.Port}/stolen"; // another host than the upstream's
        upstream.Answer = context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = location;
            return Task.CompletedTask;
        };
        await using var broker = await BrokerUnderTest.Start(
            Stage.ConfigOf(upstream.Address, ("all", TestConfig.CatchAll)).ToJsonString(),
            TestConfig.Environment
        );

        var answer = await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x"));

        ((int)answer.StatusCode).ShouldBe(status);
        answer.Headers.Location!.ToString().ShouldBe(location);
        upstream.Requests.Count.ShouldBe(1);
        elsewhere.Requests.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("http://api.example:8080/", "http://api.example:8080/x", true)]
    [InlineData("http://api.example:8080/base/", "http://api.example:8080/x", true)]
    [InlineData("http://api.example:8080/", "HTTP://API.example:8080/x", true)]
    [InlineData("http://api.example:8080/", "http://api.example:8080", true)]
    [InlineData("http://api.example:8080/", "http://api.example:8080?x=/", true)]
    [InlineData("http://api.example/", "http://api.example:80/x", true)]
    [InlineData("http://b\u00fccher.example/", "http://xn--bcher-kva.example/x", true)]
    [InlineData("http://api.example/", "http://api.example:443/x", false)]
    [InlineData("http://api.example/", "http://api.example.:80/x", false)]
    [InlineData("http://api.example:8080/", "https://api.example:8080/x", false)]
    [InlineData("http://api.example:8080/", "http://api.example:80801/x", false)]
    [InlineData("http://api.example:8080/", "http://api.example:808/x", false)]
    [InlineData("http://api.example:8080/", "http://api.example/x", false)]
    [InlineData("http://api.example:8080/", "http://api.example:8080@evil.example/x", false)]
    [InlineData("http://api.example:8080", "http://api.example:8080.evil.example/x", false)]
    [InlineData("http://api.example:8080/", "http://evil.example/http://api.example:8080/", false)]
    [InlineData("http://api.example:8080/", "http://other.example/x", false)]
    public async Task A_token_goes_to_the_upstreams_own_addresses_alone(string destination, string address, bool may)
    {
        var config = Stage.ConfigOf(new(destination), ("all", TestConfig.CatchAll));
        config["Broker"]!["Upstreams"]!["other"] = config["Broker"]!["Upstreams"]!["api"]!.DeepClone();
        config["ReverseProxy"]!["Clusters"]!["other"] = JsonNode.Parse(
            """{ "Destinations": { "main": { "Address": "http://other.example/" } } }"""
        );
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);

        Uri.TryCreate(address, UriKind.Absolute, out var uri)
            .ShouldBe(!address.Contains(":80801", StringComparison.Ordinal) && !address.Contains(".evil.", StringComparison.Ordinal));
        broker.Snapshots.Current.Part<RouteTable>().Compiled["all"].MaySend(new(HttpMethod.Get, uri)).ShouldBe(may);
    }

    [Fact]
    public async Task A_key_in_the_query_goes_before_the_callers_in_whatever_spelling()
    {
        await using var upstream = await EchoUpstream.Start();
        var config = Stage.ConfigOf(
            upstream.Address,
            ("all", """{ "Match": { "Path": "/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Query": "*" } }""")
        );
        config["Broker"]!["Upstreams"]!["api"]!["Accounts"]!["default"] = JsonNode.Parse(
            """{ "Query": "apikey", "Value": { "Env": "UPSTREAM_SECRET" } }"""
        );
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);

        var answer = await RawHttp.Ask(
            broker.Address,
            "GET /x?apikey=1&a=1&ApiKey=2&%61pikey=3&b=%26+2 HTTP/1.1",
            ["Host: x", $"X-Api-Key: {Stage.All}"]
        );

        answer.Status.ShouldBe(200);
        upstream.Only.RawTarget.ShouldBe($"/x?a=1&b=%26+2&apikey={TestConfig.UpstreamSecret}");
        (await broker.LogHolding("key:tester")).ShouldNotContain(TestConfig.UpstreamSecret);
    }

    [Fact]
    public async Task A_listed_query_name_never_hides_the_key()
    {
        var config = Stage.ConfigOf(
            new("http://127.0.0.1:9/"),
            ("all", """{ "Match": { "Path": "/x" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Query": "ApiKey" } }""")
        );
        config["Broker"]!["Upstreams"]!["api"]!["Accounts"]!["default"] = JsonNode.Parse(
            """{ "Query": "apikey", "Value": { "Env": "UPSTREAM_SECRET" } }"""
        );

        var failure = await Should.ThrowAsync<InvalidOperationException>(() =>
            BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment)
        );

        failure.Message.ShouldContain("where the upstream's token stands");
    }
}
