using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Broker.ReplicaTests;

/// <summary>What goes wrong on a wire.</summary>
internal enum WireFault
{
    None,

    /// <summary>Connections are accepted and reset.</summary>
    Resets,

    /// <summary>Connections are accepted, and stand; what is sent waits until this is over.</summary>
    Stalls,

    /// <summary>Connections are accepted, and stand; what is sent vanishes, and they stay deaf and dumb when this is over.</summary>
    Drops,

    /// <summary>Of each answer the first half comes, then the connection ends.</summary>
    CutsAnswers,
}

/// <summary>Bytes on their way.</summary>
internal readonly record struct Passing(Wire Wire, ReadOnlyMemory<byte> Bytes, bool IsAnswer);

/// <summary>
/// A TCP proxy of the tests, to a port that may change: the wire between a broker and Redis, on which things go wrong on demand.
/// </summary>
internal sealed class Wire : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource closing = new();
    private readonly ConcurrentDictionary<Link, bool> links = new();
    private volatile TaskCompletionSource change = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile WireFault fault;

    /// <param name="target">The port on loopback that it leads to.</param>
    public Wire(int target)
    {
        Target = target;
        listener.Start();
        _ = Accept();
    }

    public string Endpoint => $"127.0.0.1:{Port}";

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>Where new connections lead.</summary>
    public int Target { get; set; }

    /// <summary>How long everything is on its way, there and back.</summary>
    public TimeSpan Latency { get; set; }

    /// <summary>Asked before anything goes on, and whether it does; it may take its time.</summary>
    public Func<Passing, Task<bool>>? Gate { get; set; }

    public WireFault Fault
    {
        get => fault;
        set
        {
            fault = value;
            if (value is WireFault.Resets)
            {
                Reset();
            }
            if (value is WireFault.Drops)
            {
                foreach (var link in links.Keys)
                {
                    link.IsDead = true;
                }
            }
            Interlocked.Exchange(ref change, new(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
        }
    }

    /// <summary>Ends every connection, as a peer that has crashed does.</summary>
    public void Reset()
    {
        foreach (var link in links.Keys)
        {
            link.Reset();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await closing.CancelAsync();
        listener.Stop();
        Reset();
    }

    private async Task Accept()
    {
        while (!closing.IsCancellationRequested)
        {
            try
            {
                var client = await listener.AcceptSocketAsync(closing.Token);
                _ = Serve(client);
            }
            catch (Exception) when (closing.IsCancellationRequested)
            {
                return;
            }
        }
    }

    private async Task Serve(Socket client)
    {
        var link = new Link(client, new Socket(SocketType.Stream, ProtocolType.Tcp)) { IsDead = fault == WireFault.Drops };
        links[link] = true;
        try
        {
            if (fault == WireFault.Resets)
            {
                return;
            }
            (link.Client.NoDelay, link.Server.NoDelay) = (true, true);
            await link.Server.ConnectAsync(IPAddress.Loopback, Target, closing.Token);
            await Task.WhenAny(Pump(link, link.Client, link.Server, isAnswer: false), Pump(link, link.Server, link.Client, isAnswer: true));
        }
        catch (Exception)
        {
            // The other side is not there: nor are we.
        }
        finally
        {
            links.TryRemove(link, out _);
            link.Reset();
        }
    }

    private async Task Pump(Link link, Socket from, Socket to, bool isAnswer)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (true)
            {
                var length = await from.ReceiveAsync(buffer, closing.Token);
                if (length == 0)
                {
                    return;
                }
                if (Latency > TimeSpan.Zero)
                {
                    await Task.Delay(Latency, closing.Token);
                }
                if (Gate is { } gate && !await gate(new(this, buffer.AsMemory(0, length), isAnswer)))
                {
                    continue;
                }
                while (fault == WireFault.Stalls && change is { } next && fault == WireFault.Stalls)
                {
                    await next.Task.WaitAsync(closing.Token);
                }
                if (link.IsDead)
                {
                    continue;
                }
                if (fault == WireFault.CutsAnswers && isAnswer)
                {
                    await to.SendAsync(buffer.AsMemory(0, length / 2), closing.Token);
                    return;
                }
                await to.SendAsync(buffer.AsMemory(0, length), closing.Token);
            }
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Ended by one of the two, or by a test.
        }
    }

    private sealed class Link(Socket client, Socket server)
    {
        public Socket Client => client;

        public Socket Server => server;

        public volatile bool IsDead;

        public void Reset()
        {
            foreach (var socket in new[] { client, server })
            {
                try
                {
                    socket.LingerState = new(true, 0);
                }
                catch (Exception fault) when (fault is SocketException or ObjectDisposedException)
                {
                    // closed already
                }
                socket.Dispose();
            }
        }
    }
}
