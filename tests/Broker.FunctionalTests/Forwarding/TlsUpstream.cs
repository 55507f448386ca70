using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>An upstream behind TLS that remembers each connection's SNI, and each request's Host and token.</summary>
internal sealed class TlsUpstream : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly X509Certificate2 certificate;

    private TlsUpstream(WebApplication app, X509Certificate2 certificate) => (this.app, this.certificate) = (app, certificate);

    public int Port => new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;

    /// <summary>The name that each connection asked for; one entry a connection.</summary>
    public ConcurrentQueue<string> Names { get; private init; } = [];

    public ConcurrentQueue<(string Host, string Token, string Protocol)> Requests { get; private init; } = [];

    public static async Task<TlsUpstream> Start(X509Certificate2 certificate, HttpProtocols protocols = HttpProtocols.Http1AndHttp2)
    {
        var (names, requests) = (new ConcurrentQueue<string>(), new ConcurrentQueue<(string, string, string)>());
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrel(options => options.Listen(IPAddress.Loopback, 0, listen =>
            {
                listen.Protocols = protocols;
                listen.UseHttps(
                    new TlsHandshakeCallbackOptions
                    {
                        OnConnection = connection =>
                        {
                            names.Enqueue(connection.ClientHelloInfo.ServerName);
                            return new(new System.Net.Security.SslServerAuthenticationOptions { ServerCertificate = certificate });
                        },
                    }
                );
            }));
        var app = builder.Build();
        app.Run(context =>
        {
            requests.Enqueue((context.Request.Host.Value!, context.Request.Headers.Authorization.ToString(), context.Request.Protocol));
            return context.Response.WriteAsync("ok");
        });
        await app.StartAsync();
        return new(app, certificate) { Names = names, Requests = requests };
    }

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        certificate.Dispose();
    }
}
