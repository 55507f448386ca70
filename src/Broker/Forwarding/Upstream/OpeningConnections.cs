using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Broker.Forwarding;

/// <summary>Opens the connections to an upstream, a few at a time to each address.</summary>
/// <remarks>
/// .NET's client begins a connection for each request that finds none free. A thousand requests at once are then a thousand TLS handshakes
/// at once, which share the processor, and none of them is over before nearly all are. With a few at a time, the first connections are
/// ready soon and serve the requests that wait.
/// </remarks>
internal sealed class OpeningConnections(TimeProvider time)
{
    /// <summary>How many connections to one address are opened at the same time.</summary>
    public const int AtOnce = 16;

    /// <summary>How long a connection counts as being opened. A distant or silent upstream takes longer, but no processor time.</summary>
    public static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentDictionary<(string Host, int Port), SemaphoreSlim> addresses = new();
    private readonly ConditionalWeakTable<HttpRequestMessage, Place> places = [];

    /// <summary>For <see cref="SocketsHttpHandler.ConnectCallback"/>: waits for a place, and connects.</summary>
    public async ValueTask<Stream> Connect(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var address = context.DnsEndPoint;
        var free = addresses.GetOrAdd((address.Host, address.Port), static _ => new(AtOnce));
        await free.WaitAsync(cancellation);
        var place = new Place(free, time);
        places.AddOrUpdate(context.InitialRequestMessage, place);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, cancellation);
            return new OpeningStream(socket, place);
        }
        catch
        {
            socket.Dispose();
            place.Leave();
            throw;
        }
    }

    /// <summary>For <see cref="SocketsHttpHandler.PlaintextStreamFilter"/>: the TLS handshake is over.</summary>
    /// <param name="first">The request that the connection was begun for.</param>
    public void Opened(HttpRequestMessage first)
    {
        if (places.TryGetValue(first, out var place))
        {
            place.Leave();
        }
    }

    /// <summary>One of the connections that are being opened.</summary>
    private sealed class Place
    {
        private readonly SemaphoreSlim free;
        private readonly ITimer turn;
        private int isLeft;

        public Place(SemaphoreSlim free, TimeProvider time)
        {
            this.free = free;
            turn = time.CreateTimer(static place => ((Place)place!).Leave(), this, Turn, Timeout.InfiniteTimeSpan);
        }

        public void Leave()
        {
            if (Interlocked.Exchange(ref isLeft, 1) == 0)
            {
                free.Release();
                turn?.Dispose();
            }
        }
    }

    /// <summary>Leaves its place also when the handshake fails: then nothing but the stream's disposal tells.</summary>
    private sealed class OpeningStream(Socket socket, Place place) : NetworkStream(socket, ownsSocket: true)
    {
        protected override void Dispose(bool disposing)
        {
            place.Leave();
            base.Dispose(disposing);
        }
    }
}
