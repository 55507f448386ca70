using System.Net.Security;
using System.Security.Authentication;
using Broker.Configuration;
using Microsoft.AspNetCore.Server.Kestrel;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Broker.Operations;

/// <summary>Where the broker listens, and what Kestrel bounds: the section <c>Kestrel</c> and <c>Broker:Limits</c>.</summary>
internal static class Listeners
{
    public static void Apply(KestrelServerOptions options, Snapshot snapshot, TimeProvider time, ILoggerFactory loggers)
    {
        var limits = snapshot.Broker.Limits;
        options.AddServerHeader = false;
        // a line ends with CR LF, as everybody behind here reads it
        AppContext.SetSwitch("Microsoft.AspNetCore.Server.Kestrel.DisableHttp1LineFeedTerminators", true);
        options.Limits.MaxRequestHeadersTotalSize = limits.RequestHeaderBytes;
        options.Limits.Http2.MaxRequestHeaderFieldSize = limits.RequestHeaderBytes; // else one field has a limit of its own, of 32 KB
        options.Limits.Http3.MaxRequestHeaderFieldSize = limits.RequestHeaderBytes;
        options.Limits.MaxRequestLineSize = limits.RequestLineBytes;
        options.Limits.MaxRequestBodySize = limits.RequestBodyBytes;
        options.Limits.MinResponseDataRate = null;
        options.Limits.RequestHeadersTimeout = limits.AnonymousTimeout;
        options.Limits.MinRequestBodyDataRate = limits.MinRequestBodyBytesPerSecond is { } rate ? new(rate, TimeSpan.FromSeconds(5)) : null;
        if (!snapshot.Kestrel.ContainsKey("Endpoints"))
        {
            options.ListenLocalhost(8080);
            return;
        }

        options.ConfigureHttpsDefaults(https => https.HandshakeTimeout = limits.AnonymousTimeout);
        var section = snapshot.Kestrel.ToConfiguration();
        var loader = options.Configure(section, reloadOnChange: false);
        foreach (var endpoint in section.GetSection("Endpoints").GetChildren())
        {
            loader.Endpoint(endpoint.Key, configured => UseCertificateFile(configured, snapshot, time, loggers));
        }
    }

    private static void UseCertificateFile(EndpointConfiguration endpoint, Snapshot snapshot, TimeProvider time, ILoggerFactory loggers)
    {
        var certificate = endpoint.ConfigSection.GetSection("Certificate");

        // Several names on one port, or callers with certificates: Kestrel's own way, which reads the files at start.
        var isPlain =
            !endpoint.ConfigSection.GetSection("Sni").Exists()
            && endpoint.HttpsOptions.ClientCertificateMode == ClientCertificateMode.NoCertificate;
        if (!endpoint.IsHttps || !isPlain || certificate["Path"] is not { } path)
        {
            return;
        }

        var log = loggers.CreateLogger<CertificateFile>();
        var file = new CertificateFile(path, certificate["KeyPath"], certificate["Password"], snapshot.Broker.PollInterval, time, log);
        var protocols = endpoint.HttpsOptions.SslProtocols;
        endpoint.ListenOptions.UseHttps(
            new TlsHandshakeCallbackOptions
            {
                HandshakeTimeout = snapshot.Broker.Limits.AnonymousTimeout,
                OnConnection = _ =>
                    new(
                        new SslServerAuthenticationOptions
                        {
                            ServerCertificateContext = file.Current,
                            EnabledSslProtocols = protocols == SslProtocols.None ? SslProtocols.Tls12 | SslProtocols.Tls13 : protocols,
                        }
                    ),
            }
        );
    }
}
