using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using DotNet.Testcontainers.Builders;
using Testcontainers.Redis;

namespace Broker.Tests.Redis;

/// <summary>A real Redis of its own: <c>redis-server</c> from PATH, else a container of <c>redis:7</c>.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("broker-redis-").FullName;
    private readonly string[] extra;
    private Process? process;
    private RedisContainer? container;

    private RedisServer(int port, string[] extra) =>
        (Port, this.extra, Password) = (port, extra, extra.SkipWhile(word => word != "--requirepass").Skip(1).FirstOrDefault());

    public int Port { get; private set; }

    /// <summary>What <see cref="Ask"/> authenticates with; to be changed with the server's own.</summary>
    public string? Password { get; set; }

    public string Endpoint => $"127.0.0.1:{Port}";

    /// <summary>Where it writes what it is told to save.</summary>
    public string Folder => folder;

    /// <param name="extra">Further arguments, such as <c>--replicaof</c>.</param>
    public static async Task<RedisServer> Start(params string[] extra)
    {
        for (var i = 0; ; i++)
        {
            var server = new RedisServer(FreePort(), extra);
            try
            {
                await server.Begin();
                return server;
            }
            catch (InvalidOperationException) when (i < 5)
            {
                await server.DisposeAsync(); // somebody took the port
            }
        }
    }

    /// <summary>Ends it at once, as a crash does. What it held is gone, unless it was saved.</summary>
    public async Task Kill()
    {
        if (container is not null)
        {
            await container.DisposeAsync();
            container = null;
            return;
        }
        process!.Kill();
        await process.WaitForExitAsync();
    }

    /// <summary>Begins on the same port, with what was saved.</summary>
    public Task Restart() => Begin();

    /// <summary>Stops it without ending it: connections stay, nothing is answered.</summary>
    public void Freeze()
    {
        if (container is null)
        {
            Signal("STOP");
        }
        else
        {
            container.PauseAsync().GetAwaiter().GetResult();
        }
    }

    public void Thaw()
    {
        if (container is null)
        {
            Signal("CONT");
        }
        else
        {
            container.UnpauseAsync().GetAwaiter().GetResult();
        }
    }

    /// <summary>One command, its answer as redis-cli would print it line by line.</summary>
    public async Task<string> Ask(params string[] words)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port);
        await using var stream = client.GetStream();
        using var reader = new StreamReader(stream, System.Text.Encoding.Latin1);
        if (Password is { } password)
        {
            await Send(stream, ["AUTH", password]);
            await Answer(reader);
        }
        await Send(stream, words);
        return await Answer(reader);
    }

    /// <summary>Puts a value of another type at a key, in one step: nobody finds it gone in between.</summary>
    public Task<string> Write(string key, string command)
    {
        var rest = command switch
        {
            "HSET" => "field value",
            "ZADD" => "1 member",
            "XADD" => "* field value",
            _ => "value",
        };
        return Ask(["EVAL", "redis.call('DEL', KEYS[1]) return redis.call(unpack(ARGV))", "1", key, command, key, .. rest.Split(' ')]);
    }

    /// <summary>How many scripts were run.</summary>
    public async Task<long> Scripts() =>
        (await Ask("INFO", "commandstats"))
            .Split('\n')
            .Where(line => line.StartsWith("cmdstat_eval", StringComparison.Ordinal))
            .Sum(line => long.Parse(line.Split('=', ',')[1], System.Globalization.CultureInfo.InvariantCulture));

    public async ValueTask DisposeAsync()
    {
        if (container is not null || process is { HasExited: false })
        {
            await Kill();
        }
        process?.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    private static async Task Send(NetworkStream stream, string[] words)
    {
        var command = $"*{words.Length}\r\n" + string.Concat(words.Select(word => $"${word.Length}\r\n{word}\r\n"));
        await stream.WriteAsync(System.Text.Encoding.Latin1.GetBytes(command));
        await stream.FlushAsync();
    }

    private static async Task<string> Answer(StreamReader reader)
    {
        var line = await reader.ReadLineAsync() ?? throw new IOException("cut");
        if (line[0] == '$' && line != "$-1")
        {
            var bytes = new char[int.Parse(line[1..], System.Globalization.CultureInfo.InvariantCulture) + 2];
            await reader.ReadBlockAsync(bytes);
            return new string(bytes[..^2]);
        }
        if (line[0] != '*')
        {
            return line[1..];
        }
        List<string> parts = [];
        for (var i = int.Parse(line[1..], System.Globalization.CultureInfo.InvariantCulture); i > 0; i--)
        {
            parts.Add(await Answer(reader));
        }
        return string.Join('\n', parts);
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string? Found(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(':')
            .Select(folder => Path.Combine(folder, program))
            .FirstOrDefault(File.Exists);

    private async Task Begin()
    {
        string[] settings =
        [
            "--port",
            $"{Port}",
            "--bind",
            "127.0.0.1",
            "--dir",
            folder,
            "--save",
            "",
            "--appendonly",
            "no",
            "--loglevel",
            "warning",
            "--repl-diskless-sync-delay",
            "0",
            "--enable-debug-command",
            "yes",
            .. extra,
        ];
        if (Found("redis-server") is { } program)
        {
            process?.Dispose();
            process = Process.Start(
                new ProcessStartInfo(program, settings) { RedirectStandardOutput = true, RedirectStandardError = true }
            )!;
            _ = process.StandardOutput.ReadToEndAsync();
            _ = process.StandardError.ReadToEndAsync();
        }
        else
        {
            // On the machine's own network: nodes of a Cluster tell their clients where the others are. Without a second container that
            // cleans up after it, since that is another image; this one removes itself.
            container = new RedisBuilder("redis:7")
                .WithCommand(["redis-server", .. settings])
                .WithBindMount(folder, folder)
                .WithCreateParameterModifier(made => made.HostConfig!.NetworkMode = "host")
                .WithPortBinding(RedisBuilder.RedisPort, false)
                .WithWaitStrategy(Wait.ForUnixContainer())
                .WithCleanUp(false)
                .WithAutoRemove(true)
                .Build();
            await container.StartAsync();
        }
        while (true)
        {
            if (process is { HasExited: true })
            {
                throw new InvalidOperationException("redis-server ended at its start.");
            }
            try
            {
                if (await Ask("PING") == "PONG")
                {
                    return;
                }
            }
            catch (Exception fault) when (fault is SocketException or IOException)
            {
                await Task.Delay(10);
            }
        }
    }

    private void Signal(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process!.Id}"]);
        kill.WaitForExit();
    }
}

/// <summary>One Redis for all tests that do not harm it; each has a key prefix of its own.</summary>
public sealed class SharedRedis : Xunit.IAsyncLifetime
{
    private static int next;

    public RedisServer Server { get; private set; } = null!;

    public static string NewPrefix() => $"t{Interlocked.Increment(ref next)}";

    public async ValueTask InitializeAsync() => Server = await RedisServer.Start();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
