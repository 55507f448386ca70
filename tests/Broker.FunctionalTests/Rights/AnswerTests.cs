using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>rights.md 14: what may come back.</summary>
public sealed class AnswerTests(AnswerTests.Routing stage) : IClassFixture<AnswerTests.Routing>
{
    public sealed class Routing : Stage
    {
        protected override IEnumerable<(string Name, string Route)> Routes =>
            [
                (
                    "allows",
                    """{ "Match": { "Path": "/allows/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Cache": "Upstream", "SetCookie": "Allow" } }"""
                ),
                (
                    "prefix",
                    """{ "Match": { "Path": "/vendor/{**rest}" }, "Transforms": [ { "PathRemovePrefix": "/vendor" }, { "PathPrefix": "/api/v2" } ], "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""
                ),
                (
                    "pattern",
                    """{ "Match": { "Path": "/vehicle/{id}" }, "Transforms": [ { "PathPattern": "/v2/vehicles/{id}/last" } ], "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""
                ),
                ("all", TestConfig.CatchAll),
            ];

        protected override System.Text.Json.Nodes.JsonObject Config()
        {
            var config = base.Config();
            config["ReverseProxy"]!["Clusters"]!["second"] = System.Text.Json.Nodes.JsonNode.Parse(
                """{ "Metadata": { "Upstream": "api" }, "Destinations": { "main": { "Address": "http://second.upstream.example/" } } }"""
            );
            return config;
        }
    }

    [Theory]
    [InlineData("Set-Cookie", "s=1")]
    [InlineData("WWW-Authenticate", "Basic realm=upstream")]
    [InlineData("Proxy-Authenticate", "Basic")]
    [InlineData("Proxy-Status", "x")]
    [InlineData("Access-Control-Allow-Origin", "*")]
    [InlineData("access-control-allow-credentials", "true")]
    [InlineData("Alt-Svc", "h3=\":443\"")]
    public async Task A_header_that_is_between_the_upstream_and_us_is_dropped(string name, string value)
    {
        Answers(response =>
        {
            response.Headers[name] = value;
            response.Headers["X-Harmless"] = "1";
        });

        var answer = await stage.Get("/x");

        answer.Status.ShouldBe(200);
        answer[name].ShouldBeNull();
        answer["X-Harmless"].ShouldBe("1");
        answer["Cache-Control"].ShouldBe("private, no-store");
    }

    [Fact]
    public async Task What_the_upstream_says_of_caching_does_not_count()
    {
        Answers(response => response.Headers.CacheControl = "public, max-age=3600");

        (await stage.Get("/x"))["Cache-Control"].ShouldBe("private, no-store");
        (await stage.Get("/allows/x"))["Cache-Control"].ShouldBe("public, max-age=3600");
    }

    [Fact]
    public async Task A_route_that_allows_it_lets_cookies_back_and_nothing_else()
    {
        Answers(response =>
        {
            response.Headers.SetCookie = "s=1; Path=/";
            response.Headers["Access-Control-Allow-Origin"] = "*";
            response.Headers.WWWAuthenticate = "Basic";
        });

        var answer = await stage.Get("/allows/x");

        answer["Set-Cookie"].ShouldBe("s=1; Path=/");
        answer["Cache-Control"].ShouldBeNull();
        answer["Access-Control-Allow-Origin"].ShouldBeNull();
        answer["WWW-Authenticate"].ShouldBeNull();
    }

    /// <summary>
    /// Asked, the upstream's Location ({upstream} is its address), and what the caller is to read; null where it is dropped.
    /// </summary>
    [Theory]
    [InlineData("/x", "/y?a=1#f", "/y?a=1#f")]
    [InlineData("/x", "{upstream}y", "/y")]
    [InlineData("/x/", "y", "/x/y")]
    [InlineData("/vendor/", "y", null)] // nothing in common but the end
    [InlineData("/vendor/vehicles/1", "/api/v2/vehicles/2?x=%2F", "/vendor/vehicles/2?x=%2F")]
    [InlineData("/vendor/vehicles/1", "{upstream}api/v2/vehicles/2", "/vendor/vehicles/2")]
    [InlineData("/vendor/vehicles/1", "2", "/vendor/vehicles/2")]
    [InlineData("/vendor/vehicles/1", "../trips/9", "/vendor/trips/9")]
    [InlineData("/vendor/vehicles/1", "?page=2", "/vendor/vehicles/1?page=2")]
    [InlineData("/vendor/vehicles/1", "/login", null)]
    [InlineData("/vendor/vehicles/1", "/api/v2x/vehicles/2", null)]
    [InlineData("/vendor/vehicles/1", "/api/v2/../../admin", null)]
    [InlineData("/vendor/vehicles/1", "../../../admin", null)]
    [InlineData("/vendor/vehicles/1", "https://elsewhere.example/a?b=c", "https://elsewhere.example/a?b=c")]
    [InlineData("/vendor/vehicles/1", "//elsewhere.example/a", "//elsewhere.example/a")]
    [InlineData("/vendor/vehicles/1", "http://second.upstream.example/a", null)]
    [InlineData("/vendor/vehicles/1", "http://second.upstream.example", null)]
    [InlineData("/vendor/vehicles/1", "HTTP://SECOND.upstream.example:80/a", null)]
    [InlineData("/vendor/vehicles/1", "https://second.upstream.example/a", null)]
    [InlineData("/vendor/vehicles/1", "javascript:alert(1)", null)]
    [InlineData("/vendor/vehicles/1", "file:///etc/passwd", null)]
    [InlineData("/vendor/vehicles/1", "http://[", null)]
    [InlineData("/vehicle/1", "/v2/vehicles/2/last", null)] // a pattern that cannot be read backwards
    [InlineData("/vehicle/1", "/v2/jobs/7", null)]
    public async Task A_location_at_the_upstream_is_mapped_back_or_dropped(string asked, string location, string? read)
    {
        Answers(response =>
        {
            response.StatusCode = 302;
            response.Headers.Location = location.Replace("{upstream}", stage.Upstream.Address.ToString(), StringComparison.Ordinal);
        });

        var answer = await stage.Get(asked);

        answer.Status.ShouldBe(302);
        answer["Location"].ShouldBe(read);
        stage.Upstream.Requests.Count.ShouldBe(1); // not followed
    }

    [Theory]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(409)]
    [InlineData(422)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task The_upstreams_own_no_passes_unchanged(int status)
    {
        Answers(response =>
        {
            response.StatusCode = status;
            response.Headers.RetryAfter = "17";
            response.ContentType = "application/x-theirs";
        });

        var answer = await stage.Get("/x");

        (answer.Status, answer.Body, answer["Content-Type"], answer["Retry-After"]).ShouldBe(
            (status, "theirs", "application/x-theirs", "17")
        );
        stage.Upstream.Requests.Count.ShouldBe(1);
    }

    [Fact]
    public async Task The_upstreams_own_401_never_comes_back()
    {
        Answers(response =>
        {
            response.StatusCode = 401;
            response.Headers.WWWAuthenticate = "Bearer realm=upstream";
        });

        var answer = await stage.Get("/x");

        (answer.Status, answer.Code, answer["WWW-Authenticate"]).ShouldBe((502, "upstream-refused-token", null));
        answer.Body.ShouldNotContain("theirs");
    }

    private void Answers(Action<HttpResponse> write) =>
        stage.Upstream.Answer = context =>
        {
            write(context.Response);
            return context.Response.WriteAsync("theirs");
        };
}
