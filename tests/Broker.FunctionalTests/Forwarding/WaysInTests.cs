using System.Net;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>The protocols in and out, plain and over TLS; WebSockets, with the upstream's token on their handshake.</summary>
public sealed class WaysInTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("broker-tls-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("h1", false)]
    [InlineData("h1", true)]
    [InlineData("h2c", false)]
    [InlineData("h2c", true)]
    [InlineData("h2", false)]
    [InlineData("h2", true)]
    [InlineData("h1-tls", false)]
    public async Task Every_protocol_comes_in_and_goes_out(string way, bool isUpstreamHttp2)
    {
        await using var bench = await ReplayBench.Start(isUpstreamHttp2: isUpstreamHttp2, change: config => Listen(config, way));
        using var client = Client(bench);

        foreach (var refusals in new[] { 0, 2 }) // the second request meets one 401
        {
            bench.Refusals = refusals;
            var request = TestConfig.Request(HttpMethod.Post, "/things?x=1");
            request.Content = new StringContent("""{"a":1}""", Encoding.UTF8, "application/json");
            (request.Version, request.VersionPolicy) = (VersionOf(way), HttpVersionPolicy.RequestVersionExact);
            var answer = await client.SendAsync(request);
            (answer.Version, await answer.Content.ReadAsStringAsync()).ShouldBe((VersionOf(way), "accepted"));
        }

        bench.Bodies.ShouldBe(["""{"a":1}""", """{"a":1}"""]);
        bench.Upstream.Requests.Count.ShouldBe(3);
        bench.Upstream.Requests.ShouldAllBe(request =>
            request.Protocol == (isUpstreamHttp2 ? "HTTP/2" : "HTTP/1.1")
            && request.RawTarget == "/things?x=1"
            && request.Headers["Authorization"].StartsWith("Bearer ")
            && !request.Headers.ContainsKey("X-Api-Key")
        );
    }

    [Theory]
    [InlineData("h1", 0)]
    [InlineData("h2c", 0)]
    [InlineData("h2", 0)]
    [InlineData("h1-tls", 0)]
    [InlineData("h1", 1)]
    [InlineData("h2c", 1)]
    [InlineData("h2", 1)]
    public async Task A_web_socket_echoes_both_ways_with_our_token_on_its_handshake(string way, int refusals)
    {
        // A route that takes no body: a handshake has none.
        const string route =
            """{ "Match": { "Path": "/{**rest}", "Methods": [ "GET" ] }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }""";
        await using var bench = await ReplayBench.Start(route: route, change: config => Listen(config, way));
        var left = refusals;
        bench.Upstream.Answer = async context =>
        {
            if (left-- > 0)
            {
                await ReplayBench.Say401(context);
                return;
            }

            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            await Echo(socket);
        };
        using var client = Client(bench);
        using var caller = new ClientWebSocket();
        caller.Options.SetRequestHeader("X-Api-Key", TestConfig.Key);
        (caller.Options.HttpVersion, caller.Options.HttpVersionPolicy) = (VersionOf(way), HttpVersionPolicy.RequestVersionExact);
        var address = new UriBuilder(bench.Broker.Address)
        {
            Scheme = bench.Broker.Address.Scheme == "https" ? "wss" : "ws",
            Path = "/socket",
        }.Uri;

        await caller.ConnectAsync(address, client, TestContext.Current.CancellationToken);
        foreach (var text in new[] { "one", "two" })
        {
            await caller.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, true, default);
            var buffer = new byte[100];
            var read = await caller.ReceiveAsync(buffer, default);
            Encoding.UTF8.GetString(buffer, 0, read.Count).ShouldBe("echo " + text);
        }

        await caller.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", default);
        bench.Upstream.Requests.Count.ShouldBe(1 + refusals);
        bench.Upstream.Requests.ShouldAllBe(request =>
            request.Headers["Authorization"].StartsWith("Bearer ") && !request.Headers.ContainsKey("X-Api-Key")
        );
        bench.Upstream.Requests.Select(request => request.Headers["Authorization"]).Distinct().Count().ShouldBe(1 + refusals);
    }

    [Theory]
    [InlineData("h1")]
    [InlineData("h2c")]
    public async Task A_web_socket_without_a_credential_or_whose_token_is_refused_twice_is_refused_as_any_request(string way)
    {
        await using var bench = await ReplayBench.Start(change: config => Listen(config, way));
        bench.Upstream.Answer = ReplayBench.Say401;
        using var client = Client(bench);
        foreach (var (key, status) in new[] { ("wrong", HttpStatusCode.Unauthorized), (TestConfig.Key, HttpStatusCode.BadGateway) })
        {
            using var caller = new ClientWebSocket();
            caller.Options.CollectHttpResponseDetails = true;
            caller.Options.SetRequestHeader("X-Api-Key", key);
            (caller.Options.HttpVersion, caller.Options.HttpVersionPolicy) = (VersionOf(way), HttpVersionPolicy.RequestVersionExact);
            await Should.ThrowAsync<WebSocketException>(() =>
                caller.ConnectAsync(new UriBuilder(bench.Broker.Address) { Scheme = "ws", Path = "/socket" }.Uri, client, default)
            );
            caller.HttpStatusCode.ShouldBe(status);
        }

        bench.Upstream.Requests.Count.ShouldBe(2);
    }

    private static async Task Echo(WebSocket socket)
    {
        var buffer = new byte[100];
        while (await socket.ReceiveAsync(buffer, default) is { MessageType: not WebSocketMessageType.Close } read)
        {
            await socket.SendAsync(
                Encoding.UTF8.GetBytes("echo " + Encoding.UTF8.GetString(buffer, 0, read.Count)),
                read.MessageType,
                true,
                default
            );
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, default);
    }

    private static Version VersionOf(string way) =>
        way.StartsWith("h2", StringComparison.Ordinal) ? HttpVersion.Version20 : HttpVersion.Version11;

    private static HttpClient Client(ReplayBench bench) =>
        new(
            new SocketsHttpHandler
            {
                UseProxy = false,
                SslOptions = new() { RemoteCertificateValidationCallback = (_, _, _, _) => true },
            }
        )
        {
            BaseAddress = bench.Broker.Address,
        };

    private void Listen(JsonObject config, string way)
    {
        if (way is "h2" or "h1-tls")
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256).CreateSelfSigned(
                DateTimeOffset.UtcNow.AddDays(-1),
                DateTimeOffset.UtcNow.AddDays(1)
            );
            File.WriteAllText(Path.Combine(folder, "tls.pem"), certificate.ExportCertificatePem());
            File.WriteAllText(Path.Combine(folder, "tls.key"), key.ExportPkcs8PrivateKeyPem());
            config["Kestrel"] = JsonNode.Parse(
                $$"""{ "Endpoints": { "public": { "Url": "https://127.0.0.1:0", "Certificate": { "Path": "{{folder}}/tls.pem", "KeyPath": "{{folder}}/tls.key" } } } }"""
            );
        }
        else if (way == "h2c")
        {
            config["Kestrel"] = JsonNode.Parse("""{ "Endpoints": { "public": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" } } }""");
        }
    }
}
