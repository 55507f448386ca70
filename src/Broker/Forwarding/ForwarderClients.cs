using Yarp.ReverseProxy.Forwarder;

namespace Broker.Forwarding;

/// <summary>YARP's client of a cluster, with the token handler round it.</summary>
/// <remarks>YARP's own factory already follows no redirect, keeps no cookie and takes no proxy from the environment.</remarks>
internal sealed class ForwarderClients(TimeProvider time, ILogger<ForwarderHttpClientFactory> logger) : ForwarderHttpClientFactory(logger)
{
    protected override HttpMessageHandler WrapHandler(ForwarderHttpClientContext context, HttpMessageHandler handler) => new TokenHandler(handler, time);
}
