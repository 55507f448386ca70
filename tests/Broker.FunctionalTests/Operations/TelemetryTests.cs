using System.Text.Json.Nodes;
using Broker.FunctionalTests.Forwarding;
using Broker.FunctionalTests.UpstreamTokens;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.Operations;

/// <summary>By itself: the meters are the process's, and other tests have brokers and Redises in it.</summary>
[CollectionDefinition(nameof(TelemetryTests), DisableParallelization = true)]
[Collection(nameof(TelemetryTests))]
public sealed class TelemetryTests
{
    [Fact]
    public async Task Metrics_and_spans_reach_the_collector_and_hold_no_secret()
    {
        await using var collector = await EchoUpstream.Start();
        await using var simulator = await SimulatorKinds.StartAsync("oauth2", new());
        await using var keyed = await EchoUpstream.Start();
        var config = TestConfig.With(
            keyed.Address,
            ("keyed", """{ "Match": { "Path": "/keyed/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""),
            (
                "fetched",
                """{ "ClusterId": "fetched", "Match": { "Path": "/api/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""
            )
        );
        config["Broker"]!["Upstreams"]!["api"] = JsonNode.Parse(
            """
            { "Kind": "Static", "AllowInsecure": true, "Accounts": { "default": { "Query": "api_key", "Value": { "Env": "UPSTREAM_SECRET" } } } }
            """
        );
        config["Broker"]!["Upstreams"]!["fetched"] = JsonNode.Parse(
            $$"""
            { "Kind": "OAuth2", "AllowInsecure": true, "TokenEndpoint": "{{simulator.Address}}oauth/token",
              "Accounts": { "default": { "ClientId": "fleet-service", "ClientSecret": { "Env": "CLIENT_SECRET" }, "Scopes": [ "read" ], "Audience": "https://api.chargers.example" } } }
            """
        );
        config["ReverseProxy"]!["Clusters"]!["fetched"] = JsonNode.Parse(
            $$"""{ "Destinations": { "main": { "Address": "{{simulator.Address}}" } } }"""
        );
        config["Broker"]!["Telemetry"] = JsonNode.Parse(
            $$"""{ "OtlpEndpoint": "{{collector.Address}}", "Protocol": "HttpProtobuf", "Headers": { "Env": "OTLP_HEADERS" } }"""
        );
        await using var broker = await BrokerUnderTest.Start(
            config.ToJsonString(),
            ("UPSTREAM_SECRET", TestConfig.UpstreamSecret),
            ("CLIENT_SECRET", OAuth2Simulator.BasicClientSecret),
            ("OTLP_HEADERS", "x-collector-key=collector-secret")
        );

        (await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/keyed/x"))).IsSuccessStatusCode.ShouldBeTrue();
        (await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/api/x"))).IsSuccessStatusCode.ShouldBeTrue();
        await broker.Stop();

        keyed.Only.RawTarget.ShouldContain(TestConfig.UpstreamSecret);
        collector.Requests.ShouldAllBe(request => request.Headers["x-collector-key"] == "collector-secret");
        var metrics = string.Concat(
            collector.Requests.Where(request => request.RawTarget == "/v1/metrics").Select(request => request.Body)
        );
        var spans = string.Concat(collector.Requests.Where(request => request.RawTarget == "/v1/traces").Select(request => request.Body));
        foreach (
            var instrument in (string[])
                [
                    "broker.requests",
                    "broker.request.duration",
                    "broker.renewals",
                    "broker.renewal.duration",
                    "broker.token.age",
                    "broker.token.seconds_left",
                ]
        )
        {
            metrics.ShouldContain(instrument);
        }

        spans.ShouldContain("renew");
        spans.ShouldContain("keyed");
        var token = simulator.Received.Data.Single().Headers["Authorization"].Single()["Bearer ".Length..];
        foreach (
            var secret in (string[])
                [TestConfig.UpstreamSecret, TestConfig.Key, OAuth2Simulator.BasicClientSecret, token, "collector-secret"]
        )
        {
            (metrics + spans).ShouldNotContain(secret);
        }
    }

    [Fact]
    public async Task Calls_that_redis_answers_and_calls_that_it_does_not_are_counted_and_timed()
    {
        await using var collector = await EchoUpstream.Start();
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        await using var redis = await RedisServer.Start();
        var config = TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address));
        config["Broker"]!["Redis"] = JsonNode.Parse(
            $$"""
            { "Endpoints": [ "{{redis.Endpoint}}" ], "CallTimeout": "00:00:00.500", "NamingKey": { "Env": "REDIS_NAMES" }, "Encryption": { "first": { "Env": "REDIS_KEY" } } }
            """
        );
        config["Broker"]!["Telemetry"] = JsonNode.Parse($$"""{ "OtlpEndpoint": "{{collector.Address}}", "Protocol": "HttpProtobuf" }""");

        await using var broker = await TokenConfig.Start(config);
        (await broker.Ask("/api/things")).IsSuccessStatusCode.ShouldBeTrue();
        redis.Freeze();
        simulator.RevokeAccessTokens();
        foreach (var answer in await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => broker.Ask("/api/things"))))
        {
            await answer.ShouldRefuse(503, "login-budget-spent");
        }

        await broker.LogHolding("\"Id\":700"); // log lines come a moment after the answer
        redis.Thaw();
        await broker.Stop();
        broker
            .Log.Split('\n')
            .Count(line => line.Contains("\"Id\":700", StringComparison.Ordinal))
            .ShouldBe(1, "one warning, not one a request");
        var metrics = string.Concat(
            collector.Requests.Where(request => request.RawTarget == "/v1/metrics").Select(request => request.Body)
        );
        metrics.ShouldContain("broker.redis.calls");
        metrics.ShouldContain("broker.redis.duration");
        // As a collector reads it: each text has its length before it, and each value the length of that.
        metrics.ShouldContain("outcome\u0012\u000a\u000a\u0008answered");
        metrics.ShouldContain("outcome\u0012\u000c\u000a\u000aunanswered");
    }
}
