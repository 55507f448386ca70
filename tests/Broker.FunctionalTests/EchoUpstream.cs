using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Broker.FunctionalTests;

/// <summary>What an upstream really received.</summary>
internal sealed record Received(string Method, string RawTarget, Dictionary<string, string> Headers, string Body, string Protocol);

/// <summary>A real server that does what a test tells it, and remembers each request (bodies too, unless told otherwise).</summary>
internal sealed class EchoUpstream : IAsyncDisposable
{
    private readonly WebApplication app;

    private EchoUpstream(WebApplication app) => this.app = app;

    public Uri Address => new(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First() + "/");

    public ConcurrentQueue<Received> Requests { get; } = new();

    /// <summary>The one request that was received.</summary>
    public Received Only => Requests.Single();

    /// <summary>
    /// Answers each request; the default is 200 with a small JSON body. Set <see cref="ReadsBody"/> to false when it reads the body itself.
    /// </summary>
    public RequestDelegate Answer { get; set; } = context => context.Response.WriteAsync("""{"ok":true}""");

    public bool ReadsBody { get; set; } = true;

    public static async Task<EchoUpstream> Start(
        HttpProtocols protocols = HttpProtocols.Http1,
        X509Certificate2? certificate = null,
        bool latin1 = false
    )
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrel(options =>
        {
            if (latin1)
            {
                options.RequestHeaderEncodingSelector = _ => System.Text.Encoding.Latin1;
                options.ResponseHeaderEncodingSelector = _ => System.Text.Encoding.Latin1;
            }

            options.Limits.MaxRequestBodySize = null;
            options.Limits.MinRequestBodyDataRate = null;
            options.Limits.MinResponseDataRate = null;
            options.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = protocols;
                if (certificate is not null)
                {
                    listen.UseHttps(certificate);
                }
            });
        });
        var upstream = new EchoUpstream(builder.Build());
        upstream.app.UseWebSockets();
        upstream.app.Run(upstream.Serve);
        await upstream.app.StartAsync();
        return upstream;
    }

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private async Task Serve(HttpContext context)
    {
        var body = "";
        if (ReadsBody)
        {
            using var reader = new StreamReader(context.Request.Body);
            body = await reader.ReadToEndAsync();
        }

        var headers = context.Request.Headers.ToDictionary(
            header => header.Key,
            header => header.Value.ToString(),
            StringComparer.OrdinalIgnoreCase
        );
        Requests.Enqueue(
            new(context.Request.Method, context.Features.Get<IHttpRequestFeature>()!.RawTarget, headers, body, context.Request.Protocol)
        );
        await Answer(context);
    }
}
