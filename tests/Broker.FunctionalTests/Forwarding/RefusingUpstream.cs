using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>
/// Speaks HTTP/1.1 by hand: refuses one request as soon as it has read its head, in these pieces, and then closes or not; serves the others
/// whole.
/// </summary>
internal sealed class RefusingUpstream : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource over = new();
    private readonly bool closes;
    private readonly string[] pieces;
    private readonly Task serving;
    private int requests;

    public RefusingUpstream(bool closes, params string[] pieces)
    {
        (this.closes, this.pieces) = (closes, pieces);
        listener.Start();
        serving = Serve();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");

    public TaskCompletionSource Refused { get; } = new();

    /// <summary>The last body that was read whole.</summary>
    public string Body { get; private set; } = "";

    public int Connections { get; private set; }

    /// <summary>Requests that are served before the one that is refused.</summary>
    public int FirstServed { get; init; }

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        listener.Stop();
        await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        over.Dispose();
    }

    private async Task Serve()
    {
        List<Task> connections = [];
        while (!over.IsCancellationRequested)
        {
            var next = await listener.AcceptTcpClientAsync(over.Token);
            Connections++;
            connections.Add(Serve(next));
        }
    }

    private async Task Serve(TcpClient client)
    {
        using (client)
        {
            var stream = client.GetStream();
            while (await Head(stream) is { } head)
            {
                if (requests++ == FirstServed)
                {
                    foreach (var piece in pieces)
                    {
                        await stream.WriteAsync(Encoding.ASCII.GetBytes(piece), over.Token);
                        await Task.Delay(20, over.Token); // a segment of its own
                    }

                    Refused.SetResult();
                    if (!closes)
                    {
                        await Task.Delay(Timeout.Infinite, over.Token); // reads nothing more, and stays
                    }

                    return;
                }

                Body = await Whole(stream, head);
                await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"u8.ToArray(), over.Token);
            }
        }
    }

    private async Task<string> Whole(NetworkStream stream, string head)
    {
        if (head.Contains("Content-Length: ", StringComparison.Ordinal))
        {
            return await Exactly(stream, int.Parse(head.Split("Content-Length: ")[1].Split('\r')[0], CultureInfo.InvariantCulture));
        }

        var body = "";
        while (
            head.Contains("chunked", StringComparison.Ordinal)
            && int.Parse((await Until(stream, "\r\n"))!.Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) is var size
        )
        {
            body += await Exactly(stream, size);
            await Until(stream, "\r\n");
            if (size == 0)
            {
                break;
            }
        }

        return body;
    }

    private Task<string?> Head(NetworkStream stream) => Until(stream, "\r\n\r\n");

    private async Task<string> Exactly(NetworkStream stream, int length)
    {
        var body = new byte[length];
        await stream.ReadExactlyAsync(body, over.Token);
        return Encoding.ASCII.GetString(body);
    }

    /// <summary>Byte by byte, so that nothing behind it is taken.</summary>
    private async Task<string?> Until(NetworkStream stream, string end)
    {
        var text = new StringBuilder();
        var next = new byte[1];
        while (!text.ToString().EndsWith(end, StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(next, over.Token) == 0)
            {
                return null;
            }

            text.Append((char)next[0]);
        }

        return text.ToString();
    }
}
