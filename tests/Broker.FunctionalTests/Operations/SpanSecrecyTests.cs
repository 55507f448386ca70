using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Broker.FunctionalTests.Rights;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Operations;

/// <summary>A secret in every place that a caller writes. None of them reaches the collector.</summary>
/// <remarks>Requests go over a bare socket: a client of .NET would write spans of its own, in the same process.</remarks>
[Collection(nameof(TelemetryTests))]
public sealed partial class SpanSecrecyTests
{
    private const string Route = """
        { "Match": { "Path": "/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any", "Query": "*" } }
        """;

    private const string Trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    [Fact]
    public async Task Nothing_that_a_caller_or_an_upstream_writes_reaches_the_collector()
    {
        await using var collector = await EchoUpstream.Start();
        await using var upstream = await EchoUpstream.Start();
        upstream.Answer = context =>
        {
            context.Response.Headers["X-Answer"] = "secret-in-answer-header";
            context.Response.StatusCode = context.Request.Path.Value!.Contains("fails", StringComparison.Ordinal) ? 500 : 200;
            return context.Response.WriteAsync("secret-in-answer");
        };
        var config = TestConfig.With(upstream.Address, ("things", Route));
        config["Broker"]!["Telemetry"] = JsonNode.Parse($$"""{ "OtlpEndpoint": "{{collector.Address}}", "Protocol": "HttpProtobuf" }""");
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
        (string Line, string[] Headers)[] requests =
        [
            ("GET /secret-in-path/x", []),
            ("GET /things?a=secret-in-query", []),
            ("GET /things?secret-in-query-name=a", []),
            ("GET http://secret-in-target.example/secret-in-target-path?a=secret-in-target-query", []),
            ("GET /things/fails/secret-in-failed-path?a=secret-in-failed-query", []),
            ("GET /things/secret-in-upgraded-path", ["Connection: Upgrade", "Upgrade: secret-in-upgrade"]),
            ("secret-in-method /things", []),
            ("GET /things", ["Host: secret-in-host.example:4711"]),
            ("GET /things", ["User-Agent: secret-in-user-agent"]),
            ("GET /things", ["Referer: http://secret-in-referer.example/", "Cookie: session=secret-in-cookie"]),
            ("GET /things", ["X-Forwarded-For: secret-in-forwarded-for", "X-Forwarded-Host: secret-in-forwarded-host"]),
            ("GET /things", ["Forwarded: for=secret-in-forwarded"]),
            ("GET /things", ["Authorization: Bearer secret-in-authorization"]),
            ("GET /things", ["X-Other: secret-in-header"]),
            ("GET /things", [Trace, "tracestate: vendor=secret-in-trace-state"]),
            ("GET /things", [Trace, "baggage: user=secret-in-baggage"]),
            ("GET /things", ["Request-Id: |secret-in-request-id.1.", "Correlation-Context: user=secret-in-correlation"]),
            ("POST /things", ["Content-Type: text/secret-in-type"]),
        ];
        foreach (var (line, headers) in requests)
        {
            var body = line.StartsWith("POST", StringComparison.Ordinal) ? "secret-in-body" : "";
            var host = line.Contains("target", StringComparison.Ordinal) ? "secret-in-target.example" : broker.Address.Authority;
            string[] hosts = headers.Any(header => header.StartsWith("Host:", StringComparison.Ordinal)) ? [] : [$"Host: {host}"];
            string[] own = [$"X-Api-Key: {TestConfig.Key}", $"Content-Length: {body.Length}"];
            await RawHttp.Ask(broker.Address, $"{line} HTTP/1.1", [.. hosts, .. own, .. headers], body);
        }
        await broker.Stop();

        upstream.Requests.Count.ShouldBeGreaterThan(requests.Length / 2);
        upstream.Requests.ShouldContain(request => request.RawTarget.Contains("secret-in-query", StringComparison.Ordinal));
        upstream.Requests.ShouldContain(request => request.RawTarget.Contains("secret-in-path", StringComparison.Ordinal));
        upstream.Requests.ShouldContain(request => request.Headers.GetValueOrDefault("tracestate") == "vendor=secret-in-trace-state");
        var spans = Sent(collector, "/v1/traces");
        string[] kept = ["/{**rest}", "http.response.status_code", "http.request.method", "server.address", "proxy.forwarder"];
        kept.ShouldAllBe(word => spans.Contains(word)); // of both ways: what came in, and what went out
        Tags().Matches(spans).Select(match => match.Value).Distinct().ShouldBeEmpty();
        Secrets().Matches(spans + Sent(collector, "/v1/metrics")).Select(match => match.Value).Distinct().ShouldBeEmpty();
    }

    private static string Sent(EchoUpstream collector, string path) =>
        string.Concat(collector.Requests.Where(request => request.RawTarget == path).Select(request => request.Body));

    // What was written above, the caller's key, and the upstream's.
    [GeneratedRegex("(?i:secret-in[a-z-]+)|test-key|upstream-secret|4711")]
    private static partial Regex Secrets();

    // Names of tags that hold what a caller wrote, and the caller's address.
    [GeneratedRegex(@"url\.(path|query|full)|user_agent\.[a-z]+|client\.[a-z]+|[a-z_.]*method_original|network\.peer[a-z.]*")]
    private static partial Regex Tags();
}
