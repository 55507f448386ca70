using System.Net;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.Forwarding;
using Broker.FunctionalTests.UpstreamTokens;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>
/// Invariant 21: Host, SNI and certificate name of an upstream connection are the destination's, whatever the caller sent.
/// </summary>
public sealed class HostTests
{
    private const string Public =
        """{ "Match": { "Path": "/public" }, "AuthorizationPolicy": "Anonymous", "Metadata": { "Account": "default" } }""";

    // csharpier-ignore
    private static readonly string[] Hosts =
    [
        "attacker.example", "ATTACKER.example", "attacker.example.", "attacker.example:443", "attacker.example:65535",
        "attacker.example:0", "xn--80a.attacker.example", "XN--80A.attacker.example", "xn--80a.ATTACKER.example:8443", "a.xn--80a",
        "xn--bcher-kva.example", "xn--a.attacker.example:443", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8443", "[fe80::1]",
        "a_b.example", "localhost", "a", "1",
    ];

    // csharpier-ignore
    private static readonly string[] Unreadable =
    [
        "", " ", "xn--", "xn--:443", "a.xn--", "xn--.attacker.example", "xn--99999999999999999999.attacker.example",
        "xn---.example", "a:65536", "a:99999999999", "a:", ":", ":80", "a:b", "a:1:2", "[::1", "[::1]x", "[g]",
        "user@attacker.example", "user:password@attacker.example", "a b", "a/b", "a?b", "a#b", "a,b", "a%2eb",
        "b\u00fccher.example", "\u0430.example",
    ];

    // The destination's own Host is config: it stands, and SNI and the name in the certificate come from it.
    [Theory]
    [InlineData(null, null)]
    [InlineData("own.example", null)]
    [InlineData("own.example:8443", null)]
    [InlineData(null, """{ "RequestHeaderOriginalHost": "false" }""")]
    [InlineData("own.example", """{ "RequestHeaderOriginalHost": "false" }""")]
    [InlineData(null, """{ "RequestHeadersCopy": "false" }""")]
    [InlineData("own.example", """{ "RequestHeadersAllowed": "Host;Accept" }""")]
    [InlineData(null, """{ "RequestHeadersAllowed": "Host" }""")]
    public async Task The_upstream_hears_the_destinations_name_in_SNI_and_Host_whatever_the_caller_calls_it(
        string? ownHost,
        string? transform
    )
    {
        await using var bed = await Bed.Start(ownHost, transform);
        var served = Hosts.Length * 3;

        foreach (var host in Hosts)
        {
            (await bed.Http1("/x", host)).ShouldBe(200, host);
            (await bed.Http1("/public", host, key: null)).ShouldBe(200, host);
            (await bed.Http2("/x", host)).ShouldBe(200, host);

            // Kestrel wants the authority of the target as .NET spells it, else it is 400.
            var status = await bed.Http1($"http://{host}/x", host);
            status.ShouldBeOneOf(200, 400);
            served += status == 200 ? 1 : 0;
        }

        served.ShouldBeGreaterThan(Hosts.Length * 3);
        bed.ShouldHaveSeen(ownHost ?? $"localhost:{bed.Upstream.Port}", served);
    }

    [Theory]
    [InlineData("1.1", "RequestVersionExact", "HTTP/1.1")]
    [InlineData("2", "RequestVersionExact", "HTTP/2")]
    [InlineData("2", "RequestVersionOrLower", "HTTP/2")]
    public async Task It_does_so_over_each_protocol(string version, string policy, string protocol)
    {
        await using var bed = await Bed.Start(null, null, $$"""{ "Version": "{{version}}", "VersionPolicy": "{{policy}}" }""");

        foreach (var host in Hosts)
        {
            (await bed.Http1("/x", host)).ShouldBe(200, host);
        }

        bed.ShouldHaveSeen($"localhost:{bed.Upstream.Port}", Hosts.Length);
        bed.Upstream.Requests.ShouldAllBe(request => request.Protocol == protocol);
    }

    [Fact]
    public async Task Many_Hosts_open_one_connection()
    {
        await using var bed = await Bed.Start(null, null);

        for (var i = 0; i < 100; i++)
        {
            (await bed.Http1("/x", $"xn--80a.{i}.attacker.example")).ShouldBe(200);
        }

        bed.ShouldHaveSeen($"localhost:{bed.Upstream.Port}", 100);
        bed.Upstream.Names.Count.ShouldBe(1);
    }

    [Fact]
    public async Task A_Host_that_is_empty_or_cannot_be_read_is_400()
    {
        await using var bed = await Bed.Start(null, null);

        foreach (var host in Unreadable)
        {
            (await bed.Http1("/x", host)).ShouldBe(400, $"'{host}'");
            (await bed.Http1("/public", host, key: null)).ShouldBe(400, $"'{host}'");
            (await bed.Http1("/nowhere", host)).ShouldBe(400, $"'{host}'");
            (await bed.RawHttp2("/x", (":authority", host))).ShouldBeOneOf(400, 0); // 0: the stream is reset
            (await bed.RawHttp2("/x", ("host", host))).ShouldBeOneOf(400, 0);
        }

        (await bed.RawHttp2("/x")).ShouldBe(400);
        (await bed.RawHttp2("/x", (":authority", "a.example"))).ShouldBe(200, "the positive control");
        bed.ShouldHaveSeen($"localhost:{bed.Upstream.Port}", 1);
    }

    [Theory]
    [InlineData(400, "GET /x HTTP/1.1")]
    [InlineData(400, "GET /x HTTP/1.1", "Host: a.example", "Host: b.example")]
    [InlineData(400, "GET /x HTTP/1.1", "Host: a.example", "Host: a.example")]
    [InlineData(400, "GET http://xn--80a.attacker.example/x HTTP/1.1", "Host: a.example")]
    [InlineData(400, "GET http://a.example/x HTTP/1.1", "Host: xn--80a.attacker.example")]
    [InlineData(400, "GET http://user@a.example/x HTTP/1.1", "Host: user@a.example")]
    [InlineData(400, "GET /x HTTP/1.0", "Host:")]
    [InlineData(400, "GET /x HTTP/1.0", "Host: xn--")]
    [InlineData(200, "GET /x HTTP/1.0")] // HTTP/1.0 knows no Host
    [InlineData(200, "GET /x HTTP/1.0", "Host: xn--80a.attacker.example")]
    public async Task Of_a_target_and_a_Host_that_differ_neither_crosses(int status, string line, params string[] headers)
    {
        await using var bed = await Bed.Start(null, null);

        (await RawHttp.Ask(bed.Broker.Address, line, [.. headers, $"X-Api-Key: {TestConfig.Key}"])).Status.ShouldBe(status);

        bed.ShouldHaveSeen($"localhost:{bed.Upstream.Port}", status == 200 ? 1 : 0);
    }

    [Theory]
    [InlineData("own.example", true)]
    [InlineData("own.example:8443", true)]
    [InlineData("[::1]:8443", true)]
    [InlineData("user@own.example", false)]
    [InlineData("own.example/x", false)]
    [InlineData("own example", false)]
    [InlineData("https://own.example", false)]
    [InlineData("b\u00fccher.example", false)]
    [InlineData("own.example:", false)]
    [InlineData("own.example:65536", false)]
    [InlineData("a.example,b.example", false)]
    public void A_destinations_own_Host_is_a_name_or_does_not_load(string host, bool loads)
    {
        var config = Stage.ConfigOf(new("https://127.0.0.1:1/"), ("all", TestConfig.CatchAll));
        config["ReverseProxy"]!["Clusters"]!["api"]!["Destinations"]!["main"]!["Host"] = host;

        Judgement.Of(config).Errors().Any(line => line.Contains("Destinations:main:Host", StringComparison.Ordinal)).ShouldBe(!loads);
    }

    private sealed class Bed : IAsyncDisposable
    {
        private BrokerUnderTest http2 = null!;
        private HttpClient client = null!;

        public BrokerUnderTest Broker { get; private set; } = null!;

        public TlsUpstream Upstream { get; private set; } = null!;

        public string SniName { get; private set; } = "localhost";

        public static async Task<Bed> Start(string? ownHost, string? transform, string? request = null)
        {
            using var authority = new TestAuthority("an authority");
            var upstream = await TlsUpstream.Start(authority.Certify(isOver: false, "localhost"));
            var bed = new Bed { Upstream = upstream, SniName = ownHost?.Split(':')[0] ?? "localhost" };
            var route = JsonNode.Parse(TestConfig.CatchAll)!;
            route["Transforms"] = transform is null ? new JsonArray() : new JsonArray(JsonNode.Parse(transform));
            var config = Stage.ConfigOf(new($"https://localhost:{bed.Upstream.Port}/"), ("all", route.ToJsonString()), ("public", Public));
            var cluster = config["ReverseProxy"]!["Clusters"]!["api"]!;
            cluster["HttpClient"] = JsonNode.Parse("""{ "DangerousAcceptAnyServerCertificate": true }""");
            if (ownHost is not null)
            {
                cluster["Destinations"]!["main"]!["Host"] = ownHost;
            }

            if (request is not null)
            {
                cluster["HttpRequest"] = JsonNode.Parse(request);
            }

            bed.Broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
            config["Kestrel"] = JsonNode.Parse("""{ "Endpoints": { "public": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" } } }""");
            bed.http2 = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
            bed.client = new()
            {
                DefaultRequestVersion = HttpVersion.Version20,
                DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            return bed;
        }

        public async Task<int> Http1(string target, string host, string? key = TestConfig.Key)
        {
            // Kestrel reads header values as UTF-8.
            var wire = System.Text.Encoding.Latin1.GetString(System.Text.Encoding.UTF8.GetBytes(host));
            string[] credential = key is null ? [] : [$"X-Api-Key: {key}"];
            return (await RawHttp.Ask(Broker.Address, $"GET {target} HTTP/1.1", [$"Host: {wire}", .. credential])).Status;
        }

        public async Task<int> Http2(string path, string host)
        {
            using var request = TestConfig.Request(HttpMethod.Get, $"http://{http2.Address.Authority}{path}");
            (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
            request.Headers.Host = host;
            using var answer = await client.SendAsync(request);
            return (int)answer.StatusCode;
        }

        public Task<int> RawHttp2(string path, params (string, string)[] authority) =>
            Forwarding.RawHttp2.Ask(
                http2.Address,
                [(":method", "GET"), (":scheme", "http"), (":path", path), .. authority, ("x-api-key", TestConfig.Key)]
            );

        public void ShouldHaveSeen(string host, int requests)
        {
            Upstream.Requests.Count.ShouldBe(requests);
            Upstream.Requests.Select(request => request.Host).Distinct().ShouldBe(requests > 0 ? [host] : []);
            Upstream.Requests.ShouldAllBe(request => request.Token == $"Bearer {TestConfig.UpstreamSecret}");
            Upstream.Names.Distinct().ShouldBe(requests > 0 ? [SniName] : []);
        }

        public async ValueTask DisposeAsync()
        {
            client.Dispose();
            await http2.DisposeAsync();
            await Broker.DisposeAsync();
            await Upstream.DisposeAsync();
        }
    }
}
