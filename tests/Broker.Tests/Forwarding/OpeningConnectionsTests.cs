using System.Net;
using System.Net.Sockets;
using Broker.Forwarding;
using Shouldly;
using Xunit;

namespace Broker.Tests.Forwarding;

public sealed class OpeningConnectionsTests : IDisposable
{
    private const int Requests = (2 * OpeningConnections.AtOnce) + 8;

    private readonly CountedClock clock = new();
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly HttpMessageInvoker client;
    private readonly CancellationTokenSource over = new();
    private readonly List<Socket> sockets = []; // a socket that nobody holds is closed
    private int accepted;

    public OpeningConnectionsTests()
    {
        listener.Start();
        var opening = new OpeningConnections(clock);
        client = new(
            new SocketsHttpHandler
            {
                UseProxy = false,
                ConnectCallback = opening.Connect,
                PlaintextStreamFilter = (connection, _) =>
                {
                    opening.Opened(connection.InitialRequestMessage);
                    return new(connection.PlaintextStream);
                },
            }
        );
    }

    [Fact]
    public async Task A_silent_upstream_is_tried_by_a_few_connections_at_a_time()
    {
        var serving = Accept(static _ => Task.Delay(Timeout.Infinite));
        var requests = Send("https");

        await Accepted(OpeningConnections.AtOnce);
        clock.Advance(OpeningConnections.Turn);
        await Accepted(2 * OpeningConnections.AtOnce);
        clock.Advance(OpeningConnections.Turn);
        await Accepted(Requests);

        await over.CancelAsync();
        (await Outcomes(requests)).ShouldAllBe(outcome => outcome == "canceled");
        listener.Stop();
        await serving;
    }

    [Theory]
    [InlineData("http")]
    [InlineData("https")]
    public async Task A_connection_that_fails_gives_its_place_back(string scheme)
    {
        var serving = Accept(static socket =>
        {
            socket.Close();
            return Task.CompletedTask;
        });

        (await Outcomes(Send(scheme))).ShouldAllBe(outcome => outcome.StartsWith("failed", StringComparison.Ordinal));

        listener.Stop();
        await serving;
        clock.Timers.ShouldBeEmpty();
    }

    [Fact]
    public async Task So_does_one_that_cannot_be_opened()
    {
        var scheme = "http";
        listener.Stop();

        (await Outcomes(Send(scheme))).ShouldAllBe(outcome => outcome == $"failed {HttpRequestError.ConnectionError}");

        clock.Timers.ShouldBeEmpty();
    }

    [Fact]
    public async Task One_that_is_open_gives_its_place_back_and_serves_on()
    {
        var serving = Accept(static async socket =>
        {
            var buffer = new byte[4096];
            while (await socket.ReceiveAsync(buffer) > 0)
            {
                await socket.SendAsync("HTTP/1.1 204 No Content\r\n\r\n"u8.ToArray());
            }
        });

        (await Outcomes(Send("http"))).ShouldAllBe(outcome => outcome == "204");

        clock.Timers.ShouldBeEmpty();
        client.Dispose();
        listener.Stop();
        await serving;
    }

    public void Dispose()
    {
        client.Dispose();
        listener.Dispose();
        over.Dispose();
    }

    private Task<HttpResponseMessage>[] Send(string scheme)
    {
        var address = new Uri($"{scheme}://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/");
        return [.. Enumerable.Range(0, Requests).Select(_ => client.SendAsync(new(HttpMethod.Get, address), over.Token))];
    }

    private static async Task<string[]> Outcomes(Task<HttpResponseMessage>[] requests) =>
        await Task.WhenAll(
            requests.Select(async request =>
            {
                try
                {
                    return $"{(int)(await request).StatusCode}";
                }
                catch (OperationCanceledException)
                {
                    return "canceled";
                }
                catch (HttpRequestException failure)
                {
                    return $"failed {failure.HttpRequestError}";
                }
            })
        );

    private async Task Accept(Func<Socket, Task> serve)
    {
        try
        {
            while (true)
            {
                var socket = await listener.AcceptSocketAsync();
                sockets.Add(socket);
                Interlocked.Increment(ref accepted);
                _ = serve(socket);
            }
        }
        catch (Exception stopped) when (stopped is SocketException or ObjectDisposedException) { }
    }

    private async Task Accepted(int count)
    {
        SpinWait.SpinUntil(
            () => Volatile.Read(ref accepted) >= count && clock.Timers.Count <= OpeningConnections.AtOnce,
            TimeSpan.FromSeconds(30)
        );
        await Task.Yield();
        accepted.ShouldBe(count);
    }
}
