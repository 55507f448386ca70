using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Broker.Tests.UpstreamTokens;

/// <summary>
/// A token endpoint that answers each connection with exactly these bytes, or with nothing at all; the bytes may be changed, and depend on
/// the request.
/// </summary>
internal sealed class RawEndpoint : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource closing = new();
    private readonly Task serving;

    private volatile Func<string, string?> answer;

    public RawEndpoint(string? answer)
    {
        this.answer = _ => answer;
        listener.Start();
        serving = Serve();
    }

    /// <summary>What it answers to each request from now on.</summary>
    public Func<string, string?> Answers
    {
        set => answer = value;
    }

    /// <summary>What it answers from now on.</summary>
    public string Answer
    {
        set => answer = _ => value;
    }

    public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/token");

    public List<string> Requests { get; } = [];

    public static string Json(string body, int status = 200, string headers = "") =>
        $"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{headers}Content-Length: "
        + $"{Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n\r\n{body}";

    public async ValueTask DisposeAsync()
    {
        await closing.CancelAsync();
        listener.Stop();
        await serving;
        listener.Dispose();
        closing.Dispose();
    }

    private async Task Serve()
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(closing.Token);
                var stream = client.GetStream();
                Requests.Add(await ReadRequest(stream));
                if (answer(Requests[^1]) is not { } text)
                {
                    await Task.Delay(Timeout.Infinite, closing.Token);
                    return;
                }
                try
                {
                    await stream.WriteAsync(Encoding.Latin1.GetBytes(text), closing.Token);
                }
                catch (IOException)
                {
                    // Who asked has left.
                }
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or SocketException or IOException or InvalidOperationException)
        {
            // Closed while it listened or spoke.
        }
    }

    private async Task<string> ReadRequest(NetworkStream stream)
    {
        var text = new StringBuilder();
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var read = await stream.ReadAsync(buffer, closing.Token);
            text.Append(Encoding.UTF8.GetString(buffer, 0, read));
            var all = text.ToString();
            var end = all.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            var length = all.Split("\r\n").FirstOrDefault(line => line.StartsWith("Content-Length: ", StringComparison.OrdinalIgnoreCase));
            if (read == 0 || (end >= 0 && all.Length - end - 4 >= int.Parse(length?["Content-Length: ".Length..] ?? "0")))
            {
                return all;
            }
        }
    }
}
