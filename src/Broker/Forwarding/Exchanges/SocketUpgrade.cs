using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Broker.Forwarding;

/// <summary>Hands YARP the caller's side of a WebSocket as one that the broker can close.</summary>
internal static class SocketUpgrade
{
    /// <summary>Stands before the server's own two ways to a WebSocket, for a handshake that was admitted.</summary>
    public static void Wrap(HttpContext context, BrokeredRequest passage)
    {
        if (passage.IsExtendedConnect)
        {
            var server = context.Features.GetRequiredFeature<IHttpExtendedConnectFeature>();
            context.Features.Set<IHttpExtendedConnectFeature>(new Connect(context, passage, server));
        }
        else
        {
            var server = context.Features.GetRequiredFeature<IHttpUpgradeFeature>();
            context.Features.Set<IHttpUpgradeFeature>(new Upgrade(context, passage, server));
        }
    }

    private static EndableSocket Opened(BrokeredRequest passage, Stream stream)
    {
        var socket = new EndableSocket(stream);
        passage.Socket = socket;
        return passage.EndedAt == 0 ? socket : throw new OperationCanceledException("The exchange was ended before it was open.");
    }

    private sealed class Upgrade(HttpContext context, BrokeredRequest passage, IHttpUpgradeFeature server) : IHttpUpgradeFeature
    {
        public bool IsUpgradableRequest => server.IsUpgradableRequest;

        public async Task<Stream> UpgradeAsync()
        {
            BrowserCredential.Answer(context, passage);
            return Opened(passage, await server.UpgradeAsync());
        }
    }

    private sealed class Connect(HttpContext context, BrokeredRequest passage, IHttpExtendedConnectFeature server)
        : IHttpExtendedConnectFeature
    {
        public bool IsExtendedConnect => server.IsExtendedConnect;

        public string? Protocol => server.Protocol;

        public async ValueTask<Stream> AcceptAsync()
        {
            BrowserCredential.Answer(context, passage);
            return Opened(passage, await server.AcceptAsync());
        }
    }
}
