using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.UpstreamTokens;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Simulators;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>A token endpoint, an upstream that refuses tokens when it likes, and a broker between it and its callers.</summary>
internal sealed class ReplayBench : IAsyncDisposable
{
    private readonly bool isCallerHttp2;
    private int tries;

    private ReplayBench(OAuth2Simulator tokens, EchoUpstream upstream, BrokerUnderTest broker, bool isCallerHttp2)
    {
        (Tokens, Upstream, Broker, this.isCallerHttp2) = (tokens, upstream, broker, isCallerHttp2);
        upstream.ReadsBody = false;
        upstream.Answer = async context =>
        {
            if (Interlocked.Increment(ref tries) <= Refusals)
            {
                await Refuse(context);
                return;
            }

            Bodies.Enqueue(await Body(context));
            await context.Response.WriteAsync("accepted");
        };
    }

    public OAuth2Simulator Tokens { get; }

    public EchoUpstream Upstream { get; }

    public BrokerUnderTest Broker { get; }

    /// <summary>How many of the first tries are refused.</summary>
    public int Refusals { get; set; } = 1;

    /// <summary>How the upstream refuses; it reads the whole body first unless it is told otherwise.</summary>
    public RequestDelegate Refuse { get; set; } =
        async context =>
        {
            await Body(context);
            await Say401(context);
        };

    /// <summary>The bodies of the requests that were accepted.</summary>
    public ConcurrentQueue<string> Bodies { get; } = new();

    public static async Task<ReplayBench> Start(
        string forwarding = "{}",
        bool isUpstreamHttp2 = false,
        bool isCallerHttp2 = false,
        string route = TokenConfig.AnyRoute,
        Action<JsonObject>? change = null
    )
    {
        var tokens = await OAuth2Simulator.StartAsync(new());
        var upstream = await EchoUpstream.Start(isUpstreamHttp2 ? HttpProtocols.Http2 : HttpProtocols.Http1);
        var config = TokenConfig.For(upstream.Address, TokenConfig.OAuth2(tokens.Address), ("all", route));
        config["Broker"]!["Forwarding"] = JsonNode.Parse(forwarding);
        if (isUpstreamHttp2)
        {
            config["ReverseProxy"]!["Clusters"]!["api"]!["HttpRequest"] = JsonNode.Parse(
                """{ "Version": "2", "VersionPolicy": "RequestVersionExact" }"""
            );
        }

        if (isCallerHttp2)
        {
            config["Kestrel"] = JsonNode.Parse("""{ "Endpoints": { "public": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" } } }""");
        }

        change?.Invoke(config);
        return new(tokens, upstream, await TokenConfig.Start(config), isCallerHttp2);
    }

    public static async Task<string> Body(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        return await reader.ReadToEndAsync();
    }

    public static Task Say401(HttpContext context)
    {
        context.Response.StatusCode = 401;
        context.Response.Headers.WWWAuthenticate = "Bearer realm=\"theirs\"";
        return context.Response.WriteAsync("their secret words");
    }

    /// <summary>Sends, and comes back with the answer's head.</summary>
    public Task<HttpResponseMessage> Send(HttpContent? content, HttpMethod? method = null, Action<HttpRequestMessage>? change = null)
    {
        var request = TestConfig.Request(method ?? (content is null ? HttpMethod.Get : HttpMethod.Post), "/things");
        request.Content = content;
        (request.Version, request.VersionPolicy) = (
            isCallerHttp2 ? HttpVersion.Version20 : HttpVersion.Version11,
            HttpVersionPolicy.RequestVersionExact
        );
        change?.Invoke(request);
        return Broker.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    public async ValueTask DisposeAsync()
    {
        await Broker.DisposeAsync();
        await Upstream.DisposeAsync();
        await Tokens.DisposeAsync();
    }
}
