using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>Speaks HTTP by hand: a test says, byte for byte, what each connection or request gets.</summary>
internal sealed class HandUpstream : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource over = new();
    private readonly Func<Socket, HandUpstream, Task> serve;
    private readonly Task accepting;

    private HandUpstream(Func<Socket, HandUpstream, Task> serve)
    {
        this.serve = serve;
        listener.Start();
        accepting = Accept();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");

    /// <summary>The heads of the requests that came, on whatever connection.</summary>
    public ConcurrentQueue<string> Heads { get; } = [];

    public CancellationToken Over => over.Token;

    /// <summary>Connections as they come.</summary>
    public static HandUpstream OfConnections(Func<Socket, HandUpstream, Task> serve) => new(serve);

    /// <summary>Requests of HTTP/1.1, each read whole; a connection goes on while the answer says so.</summary>
    public static HandUpstream OfRequests(Func<string, Socket, Task<bool>> answer) =>
        new(
            async (socket, upstream) =>
            {
                var stream = new NetworkStream(socket);
                while (await Until(stream, "\r\n\r\n", upstream.Over) is { } head)
                {
                    upstream.Heads.Enqueue(head);
                    await ReadBody(stream, head, upstream.Over);
                    if (!await answer(head, socket))
                    {
                        return;
                    }
                }
            }
        );

    public static Task Say(Socket socket, string text) => socket.SendAsync(Encoding.Latin1.GetBytes(text));

    /// <summary>Closes with a reset rather than an end.</summary>
    public static void Reset(Socket socket)
    {
        socket.LingerState = new(true, 0);
        socket.Close();
    }

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        listener.Stop();
        await accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        over.Dispose();
    }

    private async Task Accept()
    {
        while (!over.IsCancellationRequested)
        {
            _ = Serve(await listener.AcceptSocketAsync(over.Token));
        }
    }

    private async Task Serve(Socket socket)
    {
        using (socket)
        {
            await serve(socket, this).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task ReadBody(NetworkStream stream, string head, CancellationToken over)
    {
        if (head.Contains("Transfer-Encoding: chunked", StringComparison.Ordinal))
        {
            await Until(stream, "0\r\n\r\n", over);
        }
        else if (head.Contains("Content-Length: ", StringComparison.Ordinal))
        {
            var length = int.Parse(head.Split("Content-Length: ")[1].Split('\r')[0], CultureInfo.InvariantCulture);
            await stream.ReadExactlyAsync(new byte[length], over);
        }
    }

    private static async Task<string?> Until(NetworkStream stream, string end, CancellationToken over)
    {
        var text = new StringBuilder();
        var next = new byte[1];
        while (!text.ToString().EndsWith(end, StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(next, over) == 0)
            {
                return null;
            }

            text.Append((char)next[0]);
        }

        return text.ToString();
    }
}
