using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Benchmarks.Shared;

/// <summary>A <c>redis-server</c> of its own that keeps nothing on disk.</summary>
internal sealed class RedisProcess : IAsyncDisposable
{
    private readonly Process process;

    private RedisProcess(Process process, int port) => (this.process, Port) = (process, port);

    public int Port { get; }

    public string Endpoint => $"127.0.0.1:{Port}";

    public static async Task<RedisProcess> Start()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        var start = new ProcessStartInfo(
            "redis-server",
            ["--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning"]
        )
        {
            RedirectStandardOutput = true,
        };
        var redis = new RedisProcess(Process.Start(start)!, port);
        for (var i = 0; ; i++)
        {
            try
            {
                await redis.Ask("PING");
                return redis;
            }
            catch (SocketException) when (i < 200)
            {
                await Task.Delay(20);
            }
        }
    }

    /// <summary>One command whose answer is a line, a number or a text.</summary>
    public async Task<string> Ask(params string[] words)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port);
        await using var stream = client.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes($"*{words.Length}\r\n" + string.Concat(words.Select(word => $"${word.Length}\r\n{word}\r\n")))
        );
        using var reader = new StreamReader(stream, Encoding.ASCII);
        var line = (await reader.ReadLineAsync())!;
        if (line[0] != '$')
        {
            return line[1..];
        }
        var text = new char[int.Parse(line.AsSpan(1), CultureInfo.InvariantCulture)];
        await reader.ReadBlockAsync(text);
        return new(text);
    }

    /// <summary>One number out of <c>INFO</c>.</summary>
    public async Task<long> Info(string section, string name) =>
        long.Parse(
            (await Ask("INFO", section)).Split('\n').Single(line => line.StartsWith(name + ":", StringComparison.Ordinal)).Split(':')[1],
            CultureInfo.InvariantCulture
        );

    public async ValueTask DisposeAsync()
    {
        process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
