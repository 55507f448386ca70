using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Broker.ReplicaTests;

/// <summary>A TCP proxy that takes another connection to its target on demand, while the client's own stands.</summary>
internal sealed class Relay : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<Line> lines = [];
    private readonly int target;

    /// <param name="target">The port on loopback that it leads to.</param>
    public Relay(int target)
    {
        this.target = target;
        listener.Start();
        _ = Accept();
    }

    public string Endpoint => $"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}";

    /// <summary>Behind every client there is a new connection to the target from now on.</summary>
    public async Task Renew()
    {
        foreach (var line in lines)
        {
            var former = line.Server;
            await Connect(line);
            former.Dispose();
        }
    }

    public ValueTask DisposeAsync()
    {
        listener.Stop();
        foreach (var line in lines)
        {
            line.Client.Dispose();
            line.Server.Dispose();
        }
        return ValueTask.CompletedTask;
    }

    private static async Task Pump(Socket from, Func<Socket> to)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var length)
            {
                await to().SendAsync(buffer.AsMemory(0, length));
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // The connection has ended, or has been replaced.
        }
    }

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                var line = new Line(await listener.AcceptSocketAsync());
                await Connect(line);
                lines.Add(line);
                _ = Pump(line.Client, () => line.Server);
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task Connect(Line line)
    {
        var server = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await server.ConnectAsync(IPAddress.Loopback, target);
        line.Server = server;
        _ = Pump(server, () => line.Client);
    }

    private sealed class Line(Socket client)
    {
        private volatile Socket? server;

        public Socket Client => client;

        public Socket Server
        {
            get => server!;
            set => server = value;
        }
    }
}
