using System.Net;
using System.Net.WebSockets;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>The same rules for a caller who speaks HTTP/2.</summary>
public sealed class Http2Tests
{
    [Fact]
    public async Task Te_trailers_crosses_and_nothing_else_that_ends_here()
    {
        await using var upstream = await EchoUpstream.Start(HttpProtocols.Http2);
        await using var broker = await StartBroker(upstream);
        using var request = Request("/x");
        request.Headers.TryAddWithoutValidation("TE", "trailers");
        request.Headers.TryAddWithoutValidation("Cookie", "a=1");
        request.Headers.TryAddWithoutValidation("X_Forwarded_For", "10.0.0.1");
        request.Headers.TryAddWithoutValidation("Forwarded", "for=10.0.0.1");

        var answer = await broker.Client.SendAsync(request);

        ((int)answer.StatusCode).ShouldBe(200);
        upstream.Only.Headers["TE"].ShouldBe("trailers");
        upstream.Only.Headers["Authorization"].ShouldBe($"Bearer {TestConfig.UpstreamSecret}");
        foreach (var name in new[] { "X-Api-Key", "Cookie", "X_Forwarded_For", "Forwarded" })
        {
            upstream.Only.Headers.ShouldNotContainKey(name);
        }
    }

    [Fact]
    public async Task A_raw_number_sign_or_semicolon_in_the_query_is_refused()
    {
        await using var upstream = await EchoUpstream.Start(HttpProtocols.Http2);
        await using var broker = await StartBroker(upstream);

        foreach (var target in new[] { "/x?a;b", "/x?#a", "/x;y", "/x/%2e%2e/y" })
        {
            using var request = Request("/");
            request.RequestUri = new(
                $"{broker.Address.GetLeftPart(UriPartial.Authority)}{target}",
                new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }
            );
            ((int)(await broker.Client.SendAsync(request)).StatusCode).ShouldBe(400, target);
        }

        upstream.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Trailers_obey_the_rule_of_headers()
    {
        await using var upstream = await EchoUpstream.Start(HttpProtocols.Http2);
        upstream.Answer = async context =>
        {
            await context.Response.WriteAsync("x");
            context.Response.AppendTrailer("grpc-status", "0");
            context.Response.AppendTrailer("Set-Cookie", "s=1");
            context.Response.AppendTrailer("WWW-Authenticate", "Basic");
            context.Response.AppendTrailer("Access-Control-Allow-Origin", "*");
        };
        await using var broker = await StartBroker(upstream);
        using var request = Request("/x");

        using var answer = await broker.Client.SendAsync(request);

        (await answer.Content.ReadAsStringAsync()).ShouldBe("x");
        answer.TrailingHeaders.Select(header => header.Key).ShouldBe(["grpc-status"]);
    }

    [Theory]
    [InlineData("GET", Stage.All, 200)]
    [InlineData("GET", Stage.Reader, 403)]
    [InlineData("GET", "wrong", 401)]
    [InlineData("POST", Stage.All, 405)]
    public async Task A_WebSocket_is_a_GET_without_a_body_in_routing_and_rights(string method, string key, int status)
    {
        await using var upstream = await EchoUpstream.Start();
        upstream.ReadsBody = false;
        upstream.Answer = async context =>
        {
            using var accepted = await context.WebSockets.AcceptWebSocketAsync();
            await accepted.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "by upstream", context.RequestAborted);
        };
        var config = Stage.ConfigOf(
            upstream.Address,
            (
                "ws",
                $$"""{ "Match": { "Path": "/ws", "Methods": [ "{{method}}" ] }, "Metadata": { "Action": "ManageUser", "Reach": "none" } }"""
            )
        );
        await using var broker = await StartBroker(config);
        using var socket = new ClientWebSocket();
        socket.Options.HttpVersion = HttpVersion.Version20;
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        socket.Options.CollectHttpResponseDetails = true;
        socket.Options.SetRequestHeader("X-Api-Key", key);
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler());

        var connected = await Record.ExceptionAsync(() =>
            socket.ConnectAsync(new Uri($"ws://{broker.Address.Authority}/ws"), invoker, CancellationToken.None)
        );

        ((int)socket.HttpStatusCode).ShouldBe(status, connected?.ToString());
        if (status == 200)
        {
            (await socket.ReceiveAsync(new byte[16], CancellationToken.None)).CloseStatusDescription.ShouldBe("by upstream");
            upstream.Only.Headers["Authorization"].ShouldBe($"Bearer {TestConfig.UpstreamSecret}");
        }
        else
        {
            upstream.Requests.ShouldBeEmpty();
        }
    }

    private static Task<BrokerUnderTest> StartBroker(EchoUpstream upstream)
    {
        var config = Stage.ConfigOf(upstream.Address, ("all", TestConfig.CatchAll));
        config["ReverseProxy"]!["Clusters"]!["api"]!["HttpRequest"] = JsonNode.Parse(
            """{ "Version": "2", "VersionPolicy": "RequestVersionExact" }"""
        );
        return StartBroker(config);
    }

    private static async Task<BrokerUnderTest> StartBroker(JsonObject config)
    {
        config["Kestrel"] = JsonNode.Parse("""{ "Endpoints": { "public": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" } } }""");
        return await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
    }

    private static HttpRequestMessage Request(string path)
    {
        var request = TestConfig.Request(HttpMethod.Get, path);
        request.Version = HttpVersion.Version20;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        return request;
    }
}
