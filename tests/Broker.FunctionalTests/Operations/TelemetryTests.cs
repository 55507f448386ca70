using System.Text.Json.Nodes;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.Operations;

public sealed class TelemetryTests
{
    [Fact]
    public async Task Metrics_and_spans_reach_the_collector_and_hold_no_secret()
    {
        await using var collector = await EchoUpstream.Start();
        await using var simulator = await SimulatorKinds.StartAsync("oauth2", new());
        await using var keyed = await EchoUpstream.Start();
        var config = TestConfig.With(keyed.Address, ("keyed", """{ "Match": { "Path": "/keyed/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""),
            ("fetched", """{ "ClusterId": "fetched", "Match": { "Path": "/api/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""));
        config["Broker"]!["Upstreams"]!["api"] = JsonNode.Parse("""
            { "Kind": "Static", "AllowInsecure": true, "Accounts": { "default": { "Query": "api_key", "Value": { "Env": "UPSTREAM_SECRET" } } } }
            """);
        config["Broker"]!["Upstreams"]!["fetched"] = JsonNode.Parse($$"""
            { "Kind": "OAuth2", "AllowInsecure": true, "TokenEndpoint": "{{simulator.Address}}oauth/token",
              "Accounts": { "default": { "ClientId": "fleet-service", "ClientSecret": { "Env": "CLIENT_SECRET" }, "Scopes": [ "read" ], "Audience": "https://api.chargers.example" } } }
            """);
        config["ReverseProxy"]!["Clusters"]!["fetched"] = JsonNode.Parse($$"""{ "Destinations": { "main": { "Address": "{{simulator.Address}}" } } }""");
        config["Broker"]!["Telemetry"] = JsonNode.Parse($$"""{ "OtlpEndpoint": "{{collector.Address}}", "Protocol": "HttpProtobuf", "Headers": { "Env": "OTLP_HEADERS" } }""");
        await using var broker = await BrokerUnderTest.Start(
            config.ToJsonString(), ("UPSTREAM_SECRET", TestConfig.UpstreamSecret), ("CLIENT_SECRET", OAuth2Simulator.BasicClientSecret), ("OTLP_HEADERS", "x-collector-key=collector-secret"));

        (await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/keyed/x"))).IsSuccessStatusCode.ShouldBeTrue();
        (await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/api/x"))).IsSuccessStatusCode.ShouldBeTrue();
        await broker.Stop();

        keyed.Only.RawTarget.ShouldContain(TestConfig.UpstreamSecret);
        collector.Requests.ShouldAllBe(request => request.Headers["x-collector-key"] == "collector-secret");
        var metrics = string.Concat(collector.Requests.Where(request => request.RawTarget == "/v1/metrics").Select(request => request.Body));
        var spans = string.Concat(collector.Requests.Where(request => request.RawTarget == "/v1/traces").Select(request => request.Body));
        foreach (var instrument in (string[])["broker.requests", "broker.request.duration", "broker.renewals", "broker.renewal.duration", "broker.token.age", "broker.token.seconds_left"])
        {
            metrics.ShouldContain(instrument);
        }

        spans.ShouldContain("renew");
        spans.ShouldContain("keyed");
        var token = simulator.Received.Data.Single().Headers["Authorization"].Single()["Bearer ".Length..];
        foreach (var secret in (string[])[TestConfig.UpstreamSecret, TestConfig.Key, OAuth2Simulator.BasicClientSecret, token, "collector-secret"])
        {
            (metrics + spans).ShouldNotContain(secret);
        }
    }
}
