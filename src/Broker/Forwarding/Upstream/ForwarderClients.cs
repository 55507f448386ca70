using System.Text;
using Broker.Operations;
using Yarp.ReverseProxy.Forwarder;

namespace Broker.Forwarding;

/// <summary>YARP's client of a cluster, with the token handler round it, and a watch on its HTTP/1.1 connections.</summary>
/// <remarks>YARP's own factory already follows no redirect, keeps no cookie and takes no proxy from the environment.</remarks>
internal sealed class ForwarderClients(TimeProvider time, ILogger<ForwarderHttpClientFactory> logger) : ForwarderHttpClientFactory(logger)
{
    protected override void ConfigureHandler(ForwarderHttpClientContext context, SocketsHttpHandler handler)
    {
        base.ConfigureHandler(context, handler);
        handler.SslOptions.RemoteCertificateValidationCallback ??= CertificateJudge.Judge;
        handler.RequestHeaderEncodingSelector = static (_, _) => Encoding.Latin1;
        handler.ResponseHeaderEncodingSelector = static (name, _) => HeaderBytes.ReadAnswer(name);
        var opening = new OpeningConnections(time);
        handler.ConnectCallback = opening.Connect;
        handler.PlaintextStreamFilter = (connection, _) =>
        {
            opening.Opened(connection.InitialRequestMessage);
            // to a proxy: what runs in it has a watch of its own
            var isTunnel = connection.InitialRequestMessage.Method == HttpMethod.Connect;
            return new(
                connection.NegotiatedHttpVersion.Major == 1 && !isTunnel
                    ? new EarlyResponseStream(connection.PlaintextStream)
                    : connection.PlaintextStream
            );
        };
    }

    protected override HttpMessageHandler WrapHandler(ForwarderHttpClientContext context, HttpMessageHandler handler) =>
        new TokenHandler(handler, time);
}
