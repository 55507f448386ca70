using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>A request as it stood on the wire, and its body with the framing taken off.</summary>
internal sealed record RawRequest(string Line, IReadOnlyList<string> Headers, string Body)
{
    public string? this[string name] =>
        Headers
            .Where(line => line.StartsWith($"{name}:", StringComparison.OrdinalIgnoreCase))
            .Select(line => line[(name.Length + 1)..].Trim())
            .SingleOrDefault();
}

/// <summary>An HTTP/1.1 upstream written by hand: it keeps each request as it stood on the wire, and answers with exact bytes.</summary>
internal sealed class ByteUpstream : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource over = new();
    private readonly X509Certificate2? certificate;
    private readonly Task serving;
    private int connections;

    public ByteUpstream(X509Certificate2? certificate = null)
    {
        this.certificate = certificate;
        listener.Start();
        serving = Serve();
    }

    public Uri Address => new($"{(certificate is null ? "http" : "https")}://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");

    public ConcurrentQueue<RawRequest> Requests { get; } = new();

    public int Connections => connections;

    /// <summary>What is answered; an answer that ends with <see cref="Close"/> closes the connection behind it.</summary>
    public Func<RawRequest, string> Answer { get; set; } = _ => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    /// <summary>Answers as soon as the head is read, and reads the body behind it only where this is false.</summary>
    public bool AnswersEarly { get; set; }

    /// <summary>What else happens on a connection after its answer.</summary>
    public Func<Stream, CancellationToken, Task> Afterwards { get; set; } = (_, _) => Task.CompletedTask;

    public const string Close = "\0close";

    public async ValueTask DisposeAsync()
    {
        await over.CancelAsync();
        listener.Stop();
        await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        over.Dispose();
    }

    private async Task Serve()
    {
        while (!over.IsCancellationRequested)
        {
            var next = await listener.AcceptTcpClientAsync(over.Token);
            Interlocked.Increment(ref connections);
            _ = Serve(next);
        }
    }

    private async Task Serve(TcpClient client)
    {
        using (client)
        {
            try
            {
                Stream stream = client.GetStream();
                if (certificate is not null)
                {
                    var secured = new SslStream(stream);
                    await secured.AuthenticateAsServerAsync(new() { ServerCertificate = certificate }, over.Token);
                    stream = secured;
                }

                while (await Serve(stream)) { }
            }
            catch (Exception fault) when (fault is IOException or OperationCanceledException or SocketException)
            {
                // The broker is gone, or the test is over.
            }
        }
    }

    /// <summary>Whether the connection stays.</summary>
    private async Task<bool> Serve(Stream stream)
    {
        if (await Until(stream, "\r\n\r\n") is not { } head)
        {
            return false;
        }

        var lines = head.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var request = new RawRequest(lines[0], lines[1..], "");
        if (!AnswersEarly)
        {
            request = request with { Body = await Whole(stream, request) };
        }

        Requests.Enqueue(request);
        var answer = Answer(request);
        var closes = answer.EndsWith(Close, StringComparison.Ordinal);
        await stream.WriteAsync(Encoding.Latin1.GetBytes(closes ? answer[..^Close.Length] : answer), over.Token);
        await Afterwards(stream, over.Token);
        return !closes;
    }

    private async Task<string> Whole(Stream stream, RawRequest request)
    {
        if (request["Transfer-Encoding"] is null)
        {
            return await Exactly(stream, int.Parse(request["Content-Length"] ?? "0", CultureInfo.InvariantCulture));
        }

        var body = "";
        while (
            int.Parse((await Until(stream, "\r\n"))!.Trim().Split(';')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
                is var size
                    and > 0
        )
        {
            body += await Exactly(stream, size);
            await Until(stream, "\r\n");
        }

        while (await Until(stream, "\r\n") is not ("\r\n" or null))
        {
            // a trailer
        }

        return body;
    }

    private async Task<string> Exactly(Stream stream, int length)
    {
        var body = new byte[length];
        await stream.ReadExactlyAsync(body, over.Token);
        return Encoding.Latin1.GetString(body);
    }

    /// <summary>Byte by byte, so that nothing behind it is taken.</summary>
    private async Task<string?> Until(Stream stream, string end)
    {
        var text = new StringBuilder();
        var next = new byte[1];
        do
        {
            if (await stream.ReadAsync(next, over.Token) == 0)
            {
                return null;
            }

            text.Append((char)next[0]);
        } while (!(text.Length >= end.Length && text.ToString(text.Length - end.Length, end.Length) == end));

        return text.ToString();
    }
}
