using System.Diagnostics;
using System.Net;
using Benchmarks.Load;

namespace Benchmarks.Cold;

/// <summary>A caller who asks for one thing after the other, over HTTP/1.1 and TLS, and waits for each answer.</summary>
internal static class NormalCaller
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    /// <exception cref="InvalidOperationException">An answer was not the server's.</exception>
    public static async Task Ask(Uri broker, string bearer, bool keeps, Latencies waits, CancellationToken over)
    {
        var client = Client();
        while (!over.IsCancellationRequested)
        {
            var start = Stopwatch.GetTimestamp();
            using (var answer = await client.SendAsync(Request(broker, bearer), CancellationToken.None))
            {
                if (!(await answer.Content.ReadAsByteArrayAsync(CancellationToken.None)).AsSpan().SequenceEqual(AnswerServer.Body))
                {
                    throw new InvalidOperationException($"An answer was not the server's: {answer}");
                }
            }

            lock (waits)
            {
                waits.Add(Stopwatch.GetTimestamp() - start);
            }

            if (!keeps)
            {
                client.Dispose();
                client = Client();
            }

            await Task.Delay(Pause, CancellationToken.None);
        }

        client.Dispose();
    }

    /// <summary>One request on a connection of its own, whatever the answer.</summary>
    public static async Task Once(Uri broker, string bearer)
    {
        using var client = Client();
        using var answer = await client.SendAsync(Request(broker, bearer));
    }

    /// <summary>
    /// So many requests at once over a few connections of HTTP/2; to the upstream each of them needs a connection of its own.
    /// </summary>
    public static async Task Burst(Uri broker, string bearer, int count)
    {
        using var client = Client();
        await Task.WhenAll(
            Enumerable
                .Range(0, count)
                .Select(async _ =>
                {
                    var request = Request(broker, bearer);
                    (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
                    using var answer = await client.SendAsync(request);
                })
        );
    }

    private static HttpRequestMessage Request(Uri broker, string bearer) =>
        new(HttpMethod.Get, new Uri(broker, BrokerConfig.Target)) { Headers = { { "Authorization", $"Bearer {bearer}" } } };

    private static HttpClient Client() =>
        new(
            new SocketsHttpHandler
            {
                UseProxy = false,
                EnableMultipleHttp2Connections = true,
                SslOptions = { RemoteCertificateValidationCallback = static (_, _, _, _) => true },
            }
        );
}
