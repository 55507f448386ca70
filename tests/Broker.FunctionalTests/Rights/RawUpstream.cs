using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Broker.FunctionalTests.Rights;

/// <summary>Reads the head of each request and writes these bytes; a byte is a character, both ways.</summary>
internal sealed class RawUpstream : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource over = new();
    private readonly Task serving;

    public RawUpstream()
    {
        listener.Start();
        serving = Accept();
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");

    public ConcurrentQueue<string> Heads { get; } = new();

    public string Answer { get; set; } = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        listener.Stop();
        await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        over.Dispose();
    }

    private async Task Accept()
    {
        List<Task> connections = [];
        while (!over.IsCancellationRequested)
        {
            connections.Add(Serve(await listener.AcceptTcpClientAsync(over.Token)));
        }
    }

    private async Task Serve(TcpClient client)
    {
        using (client)
        {
            var stream = client.GetStream();
            var head = new StringBuilder();
            var buffer = new byte[4096];
            while (await stream.ReadAsync(buffer, over.Token) is > 0 and var read)
            {
                head.Append(Encoding.Latin1.GetString(buffer, 0, read));
                if (head.ToString().Contains("\r\n\r\n", StringComparison.Ordinal))
                {
                    Heads.Enqueue(head.ToString());
                    head.Clear();
                    await stream.WriteAsync(Encoding.Latin1.GetBytes(Answer), over.Token);
                }
            }
        }
    }
}
