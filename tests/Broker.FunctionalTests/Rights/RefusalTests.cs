using System.Text.Json;
using System.Text.Json.Nodes;
using Broker.TokenService;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>How each refusal reads on the wire: status, code, headers and the members that clients read.</summary>
public sealed class RefusalTests(RefusalTests.Routing stage) : IClassFixture<RefusalTests.Routing>
{
    public sealed class Routing : Stage
    {
        protected override IEnumerable<(string Name, string Route)> Routes =>
            [
                (
                    "device",
                    """{ "Match": { "Path": "/device/{id}", "Methods": [ "GET", "PUT" ] }, "Metadata": { "Action": "GetDevice", "Device": "route:id", "Query": "page" } }"""
                ),
                ("none", """{ "Match": { "Path": "/none" }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""),
                (
                    "dead",
                    """{ "ClusterId": "dead", "Match": { "Path": "/dead" }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""
                ),
            ];

        protected override (string, string)[] Environment =>
            [.. base.Environment, ("SIGNING_KEY", "c2lnbmluZy1rZXktb2YtYXQtbGVhc3QtMzItYnl0ZXM=")];

        protected override JsonObject Config()
        {
            var config = base.Config();
            config["Broker"]!["Issuing"] = JsonNode.Parse(
                """{ "SigningKeys": { "k1": { "Algorithm": "HS256", "Key": { "Env": "SIGNING_KEY" } } } }"""
            );
            config["ReverseProxy"]!["Clusters"]!["dead"] = JsonNode.Parse(
                """{ "Metadata": { "Upstream": "api" }, "Destinations": { "main": { "Address": "http://127.0.0.1:1/" } } }"""
            );
            return config;
        }
    }

    [Theory]
    [InlineData("GET", "/device/mine", null, 401, "credential-missing", "Unauthorized", "Bearer")]
    [InlineData("GET", "/device/mine", "wrong", 401, "credential-invalid", "Unauthorized", "Bearer error=\"invalid_token\"")]
    [InlineData(
        "GET",
        "/device/victim",
        Stage.MineAnywhere,
        403,
        "device-not-granted",
        "Access is denied",
        "Bearer error=\"insufficient_scope\""
    )]
    [InlineData("GET", "/device/mine", Stage.Narrow, 403, "network-not-granted", "Access is denied", "Bearer error=\"insufficient_scope\"")]
    [InlineData("GET", "/none", Stage.Reader, 403, "action-not-granted", "Access is denied", "Bearer error=\"insufficient_scope\"")]
    [InlineData("GET", "/device/mine;x", Stage.All, 400, "bad-path", "The path holds ';', raw or encoded, inside a segment.", null)]
    [InlineData("GET", "/device/mine?x=1", Stage.All, 400, "not-allowed-here", "The query name 'x' is not allowed on this route.", null)]
    [InlineData("GET", "/nowhere", Stage.All, 404, "not-found", "No route serves this path.", null)]
    [InlineData("GET", "/nowhere", null, 404, "not-found", "No route serves this path.", null)]
    [InlineData("DELETE", "/device/mine", Stage.All, 405, "method-not-allowed", "No route serves this method here.", null)]
    [InlineData("GET", "/dead", Stage.All, 502, "upstream-unreachable", "The upstream cannot be reached.", null)]
    public async Task A_refusal_is_a_problem_that_DeviceHives_clients_read_too(
        string method,
        string target,
        string? key,
        int status,
        string code,
        string message,
        string? challenge
    )
    {
        var answer = await stage.Ask(method, target, key);

        stage.ShouldBeRefused(answer, status, code);
        var body = JsonDocument.Parse(answer.Body).RootElement;
        body.EnumerateObject().Select(member => member.Name).ShouldBe(["type", "title", "status", "code", "error", "message"]);
        body.GetProperty("type").GetString().ShouldBe("about:blank");
        body.GetProperty("title").GetString().ShouldNotBeNullOrEmpty();
        (body.GetProperty("status").GetInt32(), body.GetProperty("error").GetInt32()).ShouldBe((status, status));
        body.GetProperty("message").GetString().ShouldBe(message);
        answer["Content-Type"].ShouldBe("application/problem+json");
        answer["Cache-Control"].ShouldBe("no-store");
        answer["WWW-Authenticate"].ShouldBe(challenge);
        answer["Server"].ShouldBeNull();
        answer.Body.ShouldNotContain("Exception");
        answer.Body.ShouldNotContain(TestConfig.UpstreamSecret);
    }

    [Fact]
    public async Task An_expired_token_reads_as_DeviceHives_clients_expect_it()
    {
        var token = new TokenIssuer(new Yesterday()).Issue(stage.Broker.Snapshots.Current, "tester", null, TimeSpan.FromMinutes(5));
        var fresh = new TokenIssuer(TimeProvider.System).Issue(stage.Broker.Snapshots.Current, "tester", null, TimeSpan.FromMinutes(5));

        var answer = await stage.Get("/none", key: null, $"Authorization: Bearer {token}");

        stage.ShouldBeRefused(answer, 401, "token-expired");
        answer.Message.ShouldBe("Token expired");
        answer["WWW-Authenticate"].ShouldBe("Bearer error=\"invalid_token\", error_description=\"Token expired\"");
        stage
            .ShouldHaveCrossed(await stage.Get("/none", key: null, $"Authorization: Bearer {fresh}"))
            .Headers.Values.ShouldAllBe(value => !value.Contains(fresh));
    }

    [Fact]
    public async Task A_method_that_no_route_serves_is_told_which_ones_are()
    {
        var answer = await stage.Ask("DELETE", "/device/mine");

        answer["Allow"]!.Split(',', StringSplitOptions.TrimEntries).Order().ShouldBe(["GET", "PUT"]);
    }

    [Theory]
    [InlineData("/none", 401)]
    [InlineData("/nowhere", 404)]
    [InlineData("/device/a", 405)]
    [InlineData("/none;x", 404)]
    public async Task A_refused_HEAD_has_no_body(string target, int status)
    {
        var answer = await stage.Ask("HEAD", target, key: null);

        (answer.Status, answer.Body).ShouldBe((status, ""));
        int.Parse(answer["Content-Length"]!, System.Globalization.CultureInfo.InvariantCulture).ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task The_callers_own_text_goes_back_as_text()
    {
        var answer = await stage.Get("/device/mine?<script>alert(1)</script>");

        stage.ShouldBeRefused(answer, 400, "not-allowed-here");
        answer.Body.ShouldNotContain("<script>");
        answer["Content-Type"].ShouldBe("application/problem+json");
    }

    [Fact]
    public async Task Nothing_about_the_route_shows_before_the_caller_is_known()
    {
        stage.ShouldBeRefused(await stage.Get("/device/mine?x=1", key: null), 401, "credential-missing");
        stage.ShouldBeRefused(await stage.Get("/device/mine?x=1", "wrong"), 401, "credential-invalid");
    }

    private sealed class Yesterday : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow().AddDays(-1);
    }
}
