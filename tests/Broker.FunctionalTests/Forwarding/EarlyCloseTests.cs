using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.Tokens;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>An HTTP/1.1 upstream that answers 401 as soon as it has read the head, and closes; and one whose cluster has its own idle limit.</summary>
public sealed class EarlyCloseTests
{
    [Fact]
    public async Task The_401_is_not_lost_and_the_body_goes_again()
    {
        await using var tokens = await OAuth2Simulator.StartAsync(new());
        await using var upstream = new RawUpstream();
        await using var broker = await TokenConfig.Start(TokenConfig.For(upstream.Address, TokenConfig.OAuth2(tokens.Address), ("all", TokenConfig.AnyRoute)));
        var content = new HandContent(60);
        var request = TestConfig.Request(HttpMethod.Post, "/x");
        request.Content = content;
        var sent = broker.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

        await content.Send("0123456789");
        await upstream.Refused.Task.WaitAsync(TimeSpan.FromSeconds(60));
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(50)); // each piece is a write of its own: the later ones meet a closed door
        for (var i = 0; i < 5; i++)
        {
            await content.Send("0123456789");
            await pace.WaitForNextTickAsync();
        }

        content.End();
        var answer = await sent;

        ((int)answer.StatusCode).ShouldBe(200);
        upstream.Body.ShouldBe(string.Concat(Enumerable.Repeat("0123456789", 6)));
        tokens.Logins.ShouldBe(2);
    }

    [Fact]
    public async Task A_slow_body_that_moves_outlives_the_clusters_own_idle_limit()
    {
        await using var bench = await ReplayBench.Start(change: config =>
            config["ReverseProxy"]!["Clusters"]!["api"]!["HttpRequest"] = JsonNode.Parse("""{ "ActivityTimeout": "00:00:01" }"""));
        bench.Refusals = 0;
        var content = new HandContent(12);
        var sent = bench.Send(content);

        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(200)); // the pace is what is tested
        for (var i = 0; i < 12; i++)
        {
            await content.Send("x");
            await pace.WaitForNextTickAsync();
        }

        content.End();
        (await (await sent).Content.ReadAsStringAsync()).ShouldBe("accepted");
    }

    /// <summary>Answers the first connection with 401 after the head and closes its side; serves the second one whole.</summary>
    private sealed class RawUpstream : IAsyncDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);
        private readonly Task serving;

        public RawUpstream()
        {
            listener.Start();
            serving = Serve();
        }

        public Uri Address => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");

        public TaskCompletionSource Refused { get; } = new();

        public string Body { get; private set; } = "";

        public async ValueTask DisposeAsync()
        {
            listener.Stop();
            await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        private async Task Serve()
        {
            using (var first = await listener.AcceptTcpClientAsync())
            {
                await Head(first.GetStream());
                await first.GetStream().WriteAsync("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"u8.ToArray());
            }

            Refused.SetResult();
            using var second = await listener.AcceptTcpClientAsync();
            var stream = second.GetStream();
            var rest = await Head(stream);
            var buffer = new byte[1000];
            while (rest.Length < 60)
            {
                rest += Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer));
            }

            Body = rest;
            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"u8.ToArray());
        }

        /// <summary>Reads the head, and returns what came of the body with it.</summary>
        private static async Task<string> Head(NetworkStream stream)
        {
            var text = "";
            var buffer = new byte[10_000];
            while (!text.Contains("\r\n\r\n", StringComparison.Ordinal))
            {
                text += Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer));
            }

            return text[(text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..];
        }
    }
}
