using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Broker.Tests.Redis;

namespace Broker.ReplicaTests;

/// <summary>Every command that a Redis is given, as <c>MONITOR</c> tells it.</summary>
internal sealed class Monitor : IAsyncDisposable
{
    private readonly TcpClient client = new();
    private Task reading = Task.CompletedTask;

    public ConcurrentQueue<string> Lines { get; } = new();

    public static async Task<Monitor> Of(RedisServer server)
    {
        var monitor = new Monitor();
        await monitor.client.ConnectAsync(IPAddress.Loopback, server.Port);
        var stream = monitor.client.GetStream();
        await stream.WriteAsync("MONITOR\r\n"u8.ToArray());
        var reader = new StreamReader(stream, Encoding.Latin1);
        await reader.ReadLineAsync();
        monitor.reading = monitor.Read(reader);
        return monitor;
    }

    /// <summary>Waits until it has told all that came before.</summary>
    public async Task CaughtUp(RedisServer server)
    {
        var mark = $"caught-up-{Guid.NewGuid():n}";
        await server.Ask("ECHO", mark);
        await Eventually.Holds(() => Lines.Any(line => line.Contains(mark, StringComparison.Ordinal)), "the monitor has caught up");
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await reading;
    }

    private async Task Read(StreamReader reader)
    {
        try
        {
            while (await reader.ReadLineAsync() is { } line)
            {
                Lines.Enqueue(line);
            }
        }
        catch (Exception fault) when (fault is IOException or ObjectDisposedException)
        {
            // The end.
        }
    }
}
