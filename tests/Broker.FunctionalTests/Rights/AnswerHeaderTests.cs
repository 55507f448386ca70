using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>Answers: what is for whoever stands before the broker does not come back, and no address inside does.</summary>
public sealed class AnswerHeaderTests(AnswerHeaderTests.Routing stage) : IClassFixture<AnswerHeaderTests.Routing>
{
    public sealed class Routing : Stage
    {
        protected override IEnumerable<(string Name, string Route)> Routes =>
            [
                (
                    "cached",
                    """{ "Match": { "Path": "/cached" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Cache": "Upstream" } }"""
                ),
                (
                    "cached-token",
                    """{ "Match": { "Path": "/cached-token" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Cache": "Upstream", "Credentials": "Basic,ApiKey" } }"""
                ),
                (
                    "cached-public",
                    """{ "Match": { "Path": "/cached-public" }, "AuthorizationPolicy": "Anonymous", "Metadata": { "Cache": "Upstream" } }"""
                ),
                (
                    "prefix",
                    """
                    { "Match": { "Path": "/vendor/{**rest}" }, "Transforms": [ { "PathRemovePrefix": "/vendor" }, { "PathPrefix": "/api/v2" } ],
                      "Metadata": { "Action": "ManageUser", "Reach": "none", "Query": "page" } }
                    """
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

    public static TheoryData<string> Dropped =>
        [
            "X-Accel-Redirect",
            "X-Accel-Buffering",
            "X-Accel-Expires",
            "X-Sendfile",
            "X-LIGHTTPD-send-file",
            "X-LiteSpeed-Location",
            "X-Reproxy-URL",
            "Set-Cookie",
            "Set-Cookie2",
            "Cookie",
            "Authorization",
            "WWW-Authenticate",
            "Proxy-Authenticate",
            "Proxy-Authorization",
            "Authentication-Info",
            "Optional-WWW-Authenticate",
            "Clear-Site-Data",
            "Strict-Transport-Security",
            "Public-Key-Pins",
            "Expect-CT",
            "Alt-Svc",
            "Service-Worker-Allowed",
            "NEL",
            "Report-To",
            "Surrogate-Control",
            "Surrogate-Key",
            "CDN-Cache-Control",
            "Cloudflare-CDN-Cache-Control",
            "Edge-Control",
            "X-Envoy-Immediate-Health-Check-Fail",
            "X-Envoy-Upstream-Service-Time",
            "X-Auth-Token",
            "X-Access-Token",
            "X-Refresh-Token",
            "X-Subject-Token",
            "X-Api-Key",
            "Api-Key",
            "Access-Control-Allow-Origin",
            "Access-Control-Foo",
            "Timing-Allow-Origin",
            "X-Original-URL",
            "X-Rewrite-URL",
            "X-Forwarded-Host",
        ];

    [Theory]
    [MemberData(nameof(Dropped))]
    public async Task What_is_for_others_does_not_come_back(string name)
    {
        foreach (var spelling in new[] { name, name.ToLowerInvariant(), name.ToUpperInvariant() })
        {
            Answers(response =>
            {
                response.Headers[spelling] = "x=1";
                response.Headers["X-Harmless"] = "1";
            });

            var answer = await stage.Get("/x");

            (answer.Status, answer[name], answer["X-Harmless"]).ShouldBe((200, null, "1"));
        }
    }

    [Theory]
    [InlineData("ETag")]
    [InlineData("Content-Disposition")]
    [InlineData("Content-Security-Policy")]
    [InlineData("X-Content-Type-Options")]
    [InlineData("X-RateLimit-Remaining")]
    [InlineData("X-Continuation-Token")]
    [InlineData("X-Total-Count")]
    [InlineData("Sunset")]
    [InlineData("Server-Timing")]
    public async Task What_is_for_the_caller_comes_back(string name)
    {
        Answers(response => response.Headers[name] = "\"1\"");

        (await stage.Get("/x"))[name].ShouldBe("\"1\"");
    }

    [Fact]
    public async Task What_Connection_names_ends_here()
    {
        await using var upstream = new RawUpstream
        {
            Answer = "HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nX-Other: 1\r\nContent-Length: 2\r\n\r\nok",
        };
        await using var broker = await BrokerUnderTest.Start(
            Stage.ConfigOf(upstream.Address, ("all", TestConfig.CatchAll)).ToJsonString(),
            TestConfig.Environment
        );

        var answer = await RawHttp.Ask(broker.Address, "GET /x HTTP/1.1", ["Host: b", $"X-Api-Key: {Stage.All}"]);

        (answer["X-Hop"], answer["X-Other"], answer.Body).ShouldBe((null, "1", "ok"));
    }

    /// <summary>Asked, the upstream's address ({upstream} is its own), and what the caller is to read; null where it is dropped.</summary>
    [Theory]
    [InlineData("/x", "{upstream}/evil.example/x", null)]
    [InlineData("/x", "http://{authority}//evil.example/x", null)]
    [InlineData("/x", "http://{authority}///evil.example", null)]
    [InlineData("/vendor/a", "/api/v2//evil.example", "/vendor//evil.example")]
    [InlineData("/x", "/\\evil.example", null)]
    [InlineData("/x", "\\\\evil.example", null)]
    [InlineData("/x", "http:\\\\{authority}\\y", null)]
    [InlineData("/x", "http://user@{authority}/y", null)]
    [InlineData("/x", "http://{host}:1/y", null)]
    [InlineData("/x", "https://{authority}/y", null)]
    [InlineData("/x", "http://second.upstream.example:8080/y", null)]
    [InlineData("/x", "http://second.upstream.example./y", null)]
    [InlineData("/x", "//second.upstream.example/y", null)]
    [InlineData("/x", "javascript:alert(1)", null)]
    [InlineData("/x", "data:text/html,x", null)]
    [InlineData("/x", "{upstream}y", "/y")]
    [InlineData("/", "/login", "/login")]
    [InlineData("/vendor/a", "{upstream}api/v2/b?c=%2F", "/vendor/b?c=%2F")]
    [InlineData("/vendor/a", "b", "/vendor/b")]
    [InlineData("/vendor/a", "{upstream}admin", null)]
    [InlineData("/vendor/a", "https://elsewhere.example/b", "https://elsewhere.example/b")]
    public async Task An_address_is_mapped_back_or_dropped_wherever_it_stands(string asked, string address, string? read)
    {
        var upstream = stage.Upstream.Address;
        address = address
            .Replace("{upstream}", upstream.ToString(), StringComparison.Ordinal)
            .Replace("{authority}", upstream.Authority, StringComparison.Ordinal)
            .Replace("{host}", upstream.Host, StringComparison.Ordinal);
        string[] single = ["Location", "Content-Location", "Operation-Location", "SourceMap"];
        Answers(response =>
        {
            foreach (var name in single)
            {
                response.Headers[name] = address;
            }

            response.Headers.Link = $"<{address}>; rel=\"next, or so\", <https://elsewhere.example/z>; rel=last";
            response.Headers["Refresh"] = $"5; url={address}";
        });

        var answer = await stage.Get(asked);

        foreach (var name in single)
        {
            answer[name].ShouldBe(read, name);
        }

        answer["Link"]
            .ShouldBe(
                read is null
                    ? "<https://elsewhere.example/z>; rel=last"
                    : $"<{read}>; rel=\"next, or so\", <https://elsewhere.example/z>; rel=last"
            );
        answer["Refresh"].ShouldBe(read is null ? null : $"5;url={read}");
        answer.Headers.ShouldAllBe(header => !header.Value.Contains(upstream.Authority) && !header.Value.Contains("second.upstream"));
    }

    [Theory]
    [InlineData("5", "5")]
    [InlineData("0;URL='{upstream}api/v2/b'", "0;url=/vendor/b")]
    [InlineData("0 ; url = \"/api/v2/b\"", "0;url=/vendor/b")]
    [InlineData("0, /api/v2/b", "0;url=/vendor/b")]
    [InlineData("0; {upstream}admin", null)]
    public async Task A_refresh_is_read_as_browsers_read_it(string value, string? read)
    {
        Answers(response =>
            response.Headers["Refresh"] = value.Replace("{upstream}", stage.Upstream.Address.ToString(), StringComparison.Ordinal)
        );

        (await stage.Get("/vendor/a"))["Refresh"].ShouldBe(read);
    }

    [Theory]
    [InlineData("</api/v2/a?page=2>; rel=next", "</vendor/a?page=2>; rel=next")]
    [InlineData(
        "<?page=2>;rel=\"next\";title=\"a,b\", </api/v2/a?page=9>;rel=last",
        "</vendor/a?page=2>;rel=\"next\";title=\"a,b\", </vendor/a?page=9>;rel=last"
    )]
    [InlineData("</admin>; rel=x", null)]
    [InlineData("</api/v2/a>; rel=next; anchor=\"{upstream}\"", null)]
    [InlineData("/api/v2/a", null)]
    [InlineData("<{upstream}api/v2/a", null)]
    public async Task Links_are_mapped_one_by_one(string value, string? read)
    {
        Answers(response =>
            response.Headers.Link = value.Replace("{upstream}", stage.Upstream.Address.ToString(), StringComparison.Ordinal)
        );

        (await stage.Get("/vendor/a"))["Link"].ShouldBe(read);
    }

    [Fact]
    public async Task A_location_that_is_dropped_is_logged_with_the_reason()
    {
        Answers(response => response.Headers.Location = "/admin?secret=s3cr3t");

        (await stage.Get("/vendor/a"))["Location"].ShouldBeNull();

        (await stage.Broker.LogHolding("maps no path")).ShouldNotContain("s3cr3t");
    }

    [Theory]
    [InlineData("/cached", null, "Authorization, X-Api-Key")]
    [InlineData("/cached", "Accept-Encoding", "Accept-Encoding, Authorization, X-Api-Key")]
    [InlineData("/cached", "authorization", "authorization, X-Api-Key")]
    [InlineData("/cached", "*", "*")]
    [InlineData("/cached-token", null, "Authorization, X-Api-Key")]
    [InlineData("/cached-public", "Accept", "Accept")]
    [InlineData("/x", "Accept", "Accept")]
    public async Task An_answer_that_may_be_cached_varies_by_the_credential(string target, string? vary, string read)
    {
        Answers(response =>
        {
            response.Headers.CacheControl = "public, max-age=60";
            response.Headers.Vary = vary;
        });

        var answer = await stage.Get(target, target == "/cached-public" ? null : Stage.All);

        (answer["Vary"], answer["Cache-Control"]).ShouldBe((read, target == "/x" ? "private, no-store" : "public, max-age=60"));
    }

    private void Answers(Action<HttpResponse> write) =>
        stage.Upstream.Answer = context =>
        {
            write(context.Response);
            return context.Response.WriteAsync("theirs");
        };
}
