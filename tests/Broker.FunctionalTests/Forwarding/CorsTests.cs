using System.Text.Json.Nodes;
using Broker.FunctionalTests.UpstreamTokens;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>CORS is the broker's: from its config, on granted and refused answers alike, whatever the upstream says.</summary>
public sealed class CorsTests
{
    private const string Page = "https://app.example";

    private static async Task<(EchoUpstream Upstream, BrokerUnderTest Broker)> Start()
    {
        var upstream = await EchoUpstream.Start();
        upstream.Answer = context =>
        {
            context.Response.Headers.AccessControlAllowOrigin = "*";
            context.Response.Headers["Access-Control-Allow-Credentials"] = "true";
            context.Response.Headers["Access-Control-Expose-Headers"] = "X-Theirs";
            return context.Response.WriteAsync("answer");
        };
        var config = TestConfig.With(
            upstream.Address,
            (
                "all",
                """{ "Match": { "Path": "/{**rest}" }, "CorsPolicy": "pages", "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""
            ),
            ("plain", """{ "Match": { "Path": "/plain" }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }""")
        );
        config["Broker"]!["Cors"] = JsonNode.Parse(
            $$"""{ "pages": { "Origins": [ "{{Page}}" ], "Methods": [ "GET", "PUT" ], "Headers": [ "X-Api-Key" ], "ExposedHeaders": [ "X-Ours" ] } }"""
        );
        return (upstream, await TokenConfig.Start(config));
    }

    [Theory]
    [InlineData(Page, true)]
    [InlineData("https://evil.example", false)]
    public async Task A_preflight_needs_no_credential_and_never_reaches_the_upstream(string origin, bool isAllowed)
    {
        var (upstream, broker) = await Start();
        await using var a = upstream;
        await using var b = broker;
        var request = TestConfig.Request(HttpMethod.Options, "/things", key: null);
        request.Headers.Add("Origin", origin);
        request.Headers.Add("Access-Control-Request-Method", "PUT");
        request.Headers.Add("Access-Control-Request-Headers", "X-Api-Key");

        var answer = await broker.Client.SendAsync(request);

        ((int)answer.StatusCode).ShouldBe(204);
        Header(answer, "Access-Control-Allow-Origin").ShouldBe(isAllowed ? Page : null);
        Header(answer, "Access-Control-Allow-Methods").ShouldBe(isAllowed ? "GET,PUT" : null);
        Header(answer, "Access-Control-Allow-Headers").ShouldBe(isAllowed ? "X-Api-Key" : null);
        Header(answer, "Access-Control-Allow-Credentials").ShouldBeNull();
        upstream.Requests.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(TestConfig.Key, 200)]
    [InlineData("wrong", 401)]
    [InlineData(null, 401)]
    public async Task Granted_and_refused_answers_carry_the_brokers_cors_and_not_the_upstreams(string? key, int status)
    {
        var (upstream, broker) = await Start();
        await using var a = upstream;
        await using var b = broker;
        foreach (var (path, origin) in new[] { ("/things", Page), ("/things", "https://evil.example"), ("/plain", Page) })
        {
            var request = TestConfig.Request(HttpMethod.Get, path, key);
            request.Headers.Add("Origin", origin);
            var answer = await broker.Client.SendAsync(request);
            ((int)answer.StatusCode).ShouldBe(status);
            var isOurs = path == "/things" && origin == Page;
            Header(answer, "Access-Control-Allow-Origin").ShouldBe(isOurs ? Page : null);
            Header(answer, "Access-Control-Expose-Headers").ShouldBe(isOurs ? "X-Ours" : null);
            Header(answer, "Access-Control-Allow-Credentials").ShouldBeNull();
        }
    }

    [Fact]
    public async Task A_preflight_of_a_route_without_a_policy_gets_no_permission_and_a_bare_options_needs_a_credential()
    {
        var (upstream, broker) = await Start();
        await using var a = upstream;
        await using var b = broker;
        var preflight = TestConfig.Request(HttpMethod.Options, "/plain", key: null);
        preflight.Headers.Add("Origin", Page);
        preflight.Headers.Add("Access-Control-Request-Method", "GET");

        var answer = await broker.Client.SendAsync(preflight);
        Header(answer, "Access-Control-Allow-Origin").ShouldBeNull();
        await (await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Options, "/things", key: null))).ShouldRefuse(
            401,
            "credential-missing"
        );

        upstream.Requests.ShouldBeEmpty();
    }

    private static string? Header(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out var values) ? string.Join(',', values) : null;
}
