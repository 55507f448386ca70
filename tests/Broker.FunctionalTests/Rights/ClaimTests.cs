using System.Net;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>What a caller says about itself, its connection or its target does not cross, by category.</summary>
public sealed class ClaimTests(ClaimTests.Routing stage) : IClassFixture<ClaimTests.Routing>
{
    // csharpier-ignore
    private static readonly string[] Claims =
    [
        // who asks
        "Remote-User", "REMOTE-USER", "Remote-Groups", "X-Remote-User", "X-Remote-Group", "X-Auth-Request-User",
        "X-Auth-Request-Email", "X-Authenticated-User", "X-Authenticated-Userid", "X-WEBAUTH-USER", "X-Authentik-Username",
        "X-Consumer-ID", "X-Consumer-Username", "X-Credential-Identifier", "Impersonate-User", "Impersonate-Group", "X-User",
        "X-User-Id", "X-Username", "X-UserInfo", "X-Email", "X-Roles", "X-Groups", "X-Forwarded-User", "X-Forwarded-Email",
        "X-Forwarded-Groups", "X-Forwarded-Preferred-Username", "Tailscale-User-Login", "X-MS-CLIENT-PRINCIPAL",
        "X-MS-CLIENT-PRINCIPAL-NAME", "X-MS-TOKEN-AAD-ID-TOKEN", "X-Goog-Authenticated-User-Email", "X-Goog-IAP-JWT-Assertion",
        "X-Amzn-Oidc-Identity", "X-Amzn-Oidc-Data", "CF-Access-Jwt-Assertion", "CF-Access-Authenticated-User-Email",
        "X-Pomerium-Jwt-Assertion", "X-Hasura-Role", "X-Hasura-Admin-Secret", "iv-user", "SM-User", "X-Shib-User", "OIDC-Claim-Sub",
        "X-OIDC-Sub", "X-JWT-Payload", "X-Scope-OrgID", "From", "X-SSO-User",
        // as whom, and in which tenant or place
        "Sudo", "Api-Username", "X-Redmine-Switch-User", "X-Switch-User", "es-security-runas-user", "X-Trino-User", "X-Presto-User",
        "On-Behalf-Of", "X-On-Behalf-Of", "X-ClickHouse-User", "X-ClickHouse-Key", "X-Vault-Namespace", "X-Grafana-Org-Id",
        "X-Tenant", "X-Tenant-Id", "x-ms-copy-source", "x-ms-rename-source", "X-Copy-From", "X-Run-As", "X-Act-As",
        "X-Organization-Id", "X-Workspace-Id",
        // their certificate
        "X-SSL-Client-Cert", "X-SSL-Client-DN", "X-SSL-Client-Verify", "SSL-Client-Cert", "X-Client-Cert", "X-Client-Certificate",
        "X-Client-DN", "X-Client-Verify", "Client-Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert", "X-ARR-ClientCert",
        "X-Amzn-Mtls-Clientcert", "X-TLS-Client-Cert", "X-Forwarded-Tls-Client-Cert",
        // where they ask from
        "Forwarded", "Forwarded-For", "X-Forwarded", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Server",
        "X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Forwarded-By", "X-Forwarded-Prefix", "X-Forwarder-For", "Client-IP",
        "X-Client-IP", "True-Client-IP", "X-Real-IP", "X-Remote-IP", "X-Remote-Addr", "X-Cluster-Client-IP", "CF-Connecting-IP",
        "CF-Connecting-IPv6", "CF-IPCountry", "X-Azure-ClientIP", "X-Azure-SocketIP", "X-Azure-FDID", "X-Amzn-Trace-Id",
        "X-Goog-Foo", "X-Envoy-External-Address", "X-Envoy-Original-Path", "X-Envoy-Internal", "Fastly-Client-IP",
        "Akamai-Origin-Hop", "CloudFront-Viewer-Address", "X-Originating-IP", "X-Original-Forwarded-For", "WL-Proxy-Client-IP",
        "Proxy-Client-IP", "X-ProxyUser-Ip", "Ali-CDN-Real-IP", "Incap-Client-IP", "X-Appengine-User-IP", "X-Client-Foo",
        "Cdn-Src-Ip",
        // what they ask for
        "X-Original-URL", "X-Original-URI", "X-Original-Host", "X-Original-Method", "X-Rewrite-URL", "X-Rewrite-Foo",
        "X-Override-URL", "X-Forwarded-Uri", "X-Forwarded-Path", "X-Host", "X-HTTP-Host-Override", "X-HTTP-DestinationURL",
        "X-Request-URI", "X-Scheme", "X-Url-Scheme", "Front-End-Https", "X-Script-Name", "Base-Url", "X-Accel-Mapping",
        "X-Sendfile-Type", "Destination", "Proxy-Host", "Proxy", "Proxy-Connection",
        // credentials
        "Cookie2", "X-Auth-Token", "X-Access-Token", "X-Api-Token", "Private-Token", "X-Vault-Token", "X-Amz-Security-Token",
        "X-Refresh-Token", "X-Id-Token", "X-Session-Token", "Token", "X-Token", "Api-Key", "ApiKey", "X-ApiKey", "X-Goog-Api-Key",
        "Ocp-Apim-Subscription-Key", "X-Functions-Key-Secret", "X-Secret", "X-Authorization", "X-Foo-Authorization", "DPoP",
        "X-Gitlab-Token", "X-Cookie",
        // the connection
        "HTTP2-Settings", "Trailer", "Alt-Used", "X-Content-Length",
    ];

    public sealed class Routing : Stage
    {
        protected override IEnumerable<(string Name, string Route)> Routes => [("all", TestConfig.CatchAll)];
    }

    public static TheoryData<string> Names => [.. Claims];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_claim_does_not_cross_in_any_spelling(string name)
    {
        foreach (var spelling in new[] { name, name.ToLowerInvariant(), name.ToUpperInvariant(), name.Replace('-', '_') })
        {
            var received = stage.ShouldHaveCrossed(await stage.Get("/x", Stage.All, $"{spelling}: evil-1", "X-Harmless: 1"));

            received.Headers.Where(header => header.Value.Contains("evil-1", StringComparison.Ordinal)).ShouldBeEmpty();
            received.Headers["X-Harmless"].ShouldBe("1"); // the positive control
        }
    }

    [Fact]
    public async Task No_claim_crosses_over_http2_either()
    {
        await using var upstream = await EchoUpstream.Start(HttpProtocols.Http2);
        var config = Stage.ConfigOf(upstream.Address, ("all", TestConfig.CatchAll));
        config["ReverseProxy"]!["Clusters"]!["api"]!["HttpRequest"] = JsonNode.Parse(
            """{ "Version": "2", "VersionPolicy": "RequestVersionExact" }"""
        );
        config["Kestrel"] = JsonNode.Parse("""{ "Endpoints": { "public": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" } } }""");
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
        // Kestrel takes a hundred headers
        foreach (var some in Claims.Where(name => name is not ("HTTP2-Settings" or "Proxy-Connection" or "Trailer")).Chunk(60))
        {
            upstream.Requests.Clear();
            var request = TestConfig.Request(HttpMethod.Get, "/x");
            (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
            foreach (var name in some.Append("X-Harmless"))
            {
                request.Headers.TryAddWithoutValidation(name, "evil-1");
            }

            ((int)(await broker.Client.SendAsync(request)).StatusCode).ShouldBe(200);

            upstream
                .Only.Headers.Where(header => header.Value.Contains("evil-1", StringComparison.Ordinal))
                .Select(header => header.Key.ToUpperInvariant())
                .ShouldBe(["X-HARMLESS"]);
        }
    }

    [Theory]
    [InlineData("Accept")]
    [InlineData("Accept-Language")]
    [InlineData("User-Agent")]
    [InlineData("Referer")]
    [InlineData("Origin")]
    [InlineData("Range")]
    [InlineData("If-None-Match")]
    [InlineData("Prefer")]
    [InlineData("Idempotency-Key")]
    [InlineData("X-Request-ID")]
    [InlineData("X-Correlation-ID")]
    [InlineData("X-Requested-With")]
    [InlineData("X-B3-TraceId")]
    [InlineData("X-User-Agent")]
    [InlineData("X-CSRF-Token")]
    [InlineData("X-Continuation-Token")]
    [InlineData("X-App-Version")]
    [InlineData("X-Api-Version")]
    [InlineData("grpc-timeout")]
    [InlineData("Signature")]
    public async Task What_is_no_claim_crosses(string name) =>
        stage.ShouldHaveCrossed(await stage.Get("/x", Stage.All, $"{name}: 1m")).Headers[name].ShouldBe("1m");

    [Theory]
    [InlineData("X-HTTP-Method-Override")]
    [InlineData("X-Method-Override")]
    [InlineData("X-HTTP-Method")]
    [InlineData("X-Method")]
    [InlineData("HTTP-Method-Override")]
    [InlineData("Method-Override")]
    [InlineData("X-MethodOverride")]
    [InlineData("X_HTTP_METHOD_OVERRIDE")]
    public async Task A_header_that_names_a_method_is_refused(string name) =>
        stage.ShouldBeRefused(await stage.Ask("POST", "/x", headers: [$"{name}: DELETE"]), 400, "not-allowed-here");

    [Fact]
    public async Task Expect_is_answered_here_and_does_not_cross()
    {
        var received = stage.ShouldHaveCrossed(await stage.Ask("POST", "/x", headers: ["Expect: 100-continue", "Content-Length: 0"]));

        received.Headers.ShouldNotContainKey("Expect");
    }

    /// <summary>What a proxy says that the config trusts, or does not, and what the upstream reads of it.</summary>
    [Theory]
    [InlineData(true, "203.0.113.7", "https", "api.example", "203.0.113.7, 127.0.0.1", "https")]
    [InlineData(true, "203.0.113.7, 198.51.100.2:4711", "http", "api.example:8443", "203.0.113.7, 198.51.100.2:4711, 127.0.0.1", "http")]
    [InlineData(true, "<evil>, 203.0.113.7", "https", null, "203.0.113.7, 127.0.0.1", "https")]
    [InlineData(true, "2001:db8::1", "ftp", "user@evil.example", "2001:db8::1, 127.0.0.1", "http")]
    [InlineData(true, "unknown", "https, http", "a.example/x", "127.0.0.1", "http")]
    [InlineData(true, null, null, null, "127.0.0.1", "http")]
    [InlineData(false, "203.0.113.7", "https", "api.example", "127.0.0.1", "http")]
    public async Task Only_a_trusted_proxys_word_goes_on(
        bool isTrusted,
        string? from,
        string? proto,
        string? host,
        string readFrom,
        string readProto
    )
    {
        var config = Stage.ConfigOf(stage.Upstream.Address, ("all", TestConfig.CatchAll));
        config["Broker"]!["TrustedProxies"] = new JsonArray(isTrusted ? "127.0.0.0/8" : "10.0.0.0/8");
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
        stage.Upstream.Requests.Clear();
        List<string> headers = ["Host: broker.example", $"X-Api-Key: {Stage.All}", "Forwarded: for=203.0.113.9", "X-Forwarded-User: root"];
        headers.AddRange(
            new[] { ("For", from), ("Proto", proto), ("Host", host) }
                .Where(pair => pair.Item2 is not null)
                .Select(pair => $"X-Forwarded-{pair.Item1}: {pair.Item2}")
        );

        (await RawHttp.Ask(broker.Address, "GET /x HTTP/1.1", headers)).Status.ShouldBe(200);

        var received = stage.Upstream.Only.Headers;
        (received["X-Forwarded-For"], received["X-Forwarded-Proto"]).ShouldBe((readFrom, readProto));
        received.ShouldNotContainKey("X-Forwarded-Host"); // a proxy that sets the other two lets the caller's own word through
        received.ShouldNotContainKey("Forwarded");
        received.ShouldNotContainKey("X-Forwarded-User");
    }
}
