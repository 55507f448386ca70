using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Broker.Redis;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using StackExchange.Redis;
using Xunit;

namespace Broker.Tests.Redis;

/// <summary>What the connection to Redis does by itself, each for a cause that the client leaves to us.</summary>
public sealed class LinkTests : IAsyncLifetime
{
    private static readonly RedisScript Set = new("set", "return redis.call('SET', KEYS[1], ARGV[1])");
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private RedisServer server = null!;

    public async ValueTask InitializeAsync() => server = await RedisServer.Start();

    public ValueTask DisposeAsync() => server.DisposeAsync();

    [Fact]
    public async Task Where_two_servers_have_swapped_their_roles_the_new_primary_is_found()
    {
        await using var other = await RedisServer.Start("--replicaof", "127.0.0.1", $"{server.Port}");
        await Soon(async () => (await other.Ask("INFO", "replication")).Contains("master_link_status:up", StringComparison.Ordinal));
        using var link = Link(server.Endpoint, other.Endpoint);
        await Soon(() => Answers(link));

        await other.Ask("REPLICAOF", "NO", "ONE");
        await server.Ask("REPLICAOF", "127.0.0.1", $"{other.Port}");

        await Soon(() => Answers(link));
        await Soon(async () => await other.Ask("GET", "key") == "value");
    }

    [Fact]
    public async Task A_subscription_that_was_refused_stands_when_it_is_allowed()
    {
        await server.Ask("ACL", "SETUSER", "narrow", "on", ">word", "~*", "+@all", "resetchannels");
        using var link = Link(
            new RedisSettings
            {
                Endpoints = [server.Endpoint],
                User = "narrow",
                Password = "word",
                Channel = "channel",
            }
        );
        var heard = new TaskCompletionSource<string>();
        link.Heard += heard.SetResult;
        // Refused more often than the client by itself asks when it connects and looks around: from here on it is ours to ask.
        await Soon(async () => await RefusedSubscriptions() >= 4);
        await Soon(() => Answers(link));
        await Soon(() => Task.FromResult(!link.IsAway));

        await server.Ask("ACL", "SETUSER", "narrow", "&channel");

        await Soon(async () => await server.Ask("PUBLISH", "channel", "word") != "0");
        (await heard.Task.WaitAsync(Timeout)).ShouldBe("word");
    }

    [Fact]
    public async Task A_script_that_redis_forgot_is_sent_whole()
    {
        using var link = Link(server.Endpoint);
        await Soon(() => Answers(link));
        await server.Ask("SCRIPT", "FLUSH");
        (await Answers(link)).ShouldBeTrue();
    }

    [Theory]
    [InlineData(RedisProtocol.Resp2)]
    [InlineData(RedisProtocol.Resp3)]
    public async Task Words_are_heard_in_either_protocol_and_the_older_one_needs_no_hello(RedisProtocol protocol)
    {
        if (protocol == RedisProtocol.Resp2)
        {
            await server.Ask("ACL", "SETUSER", "default", "-hello");
        }

        using var link = Link(
            new RedisSettings
            {
                Endpoints = [server.Endpoint],
                Protocol = protocol,
                Channel = "channel",
            }
        );
        var heard = new TaskCompletionSource<string>();
        link.Heard += heard.SetResult;
        await Soon(() => Answers(link));
        await Soon(async () => await server.Ask("PUBLISH", "channel", "word") != "0");
        (await heard.Task.WaitAsync(Timeout)).ShouldBe("word");
    }

    [Fact]
    public async Task A_connection_that_has_become_deaf_is_given_up_and_another_one_answers()
    {
        using var deaf = new DeafRelay(server.Port);
        using var link = Link(
            new RedisSettings
            {
                Endpoints = [deaf.Endpoint],
                CallTimeout = TimeSpan.FromSeconds(1),
                Channel = "channel",
            }
        );
        await Soon(() => Answers(link));

        var from = Environment.TickCount64;
        deaf.Deafen(); // the connections there are; new ones pass

        await Soon(() => Answers(link));
        (Environment.TickCount64 - from).ShouldBeLessThan(4000, "the client by itself keeps it for more than four time-outs");
    }

    private async Task<int> RefusedSubscriptions() =>
        (await server.Ask("INFO", "commandstats"))
            .Split('\n')
            .Where(line => line.StartsWith("cmdstat_subscribe:", StringComparison.Ordinal))
            .Sum(line => int.Parse(line.Split("rejected_calls=")[1].Split(',')[0], CultureInfo.InvariantCulture));

    private static async Task<bool> Answers(RedisLink link) => await link.Run(Set, ["key"], ["value"]) is not null;

    private static async Task Soon(Func<Task<bool>> condition)
    {
        for (var from = Environment.TickCount64; !await condition(); await Task.Delay(20))
        {
            (Environment.TickCount64 - from).ShouldBeLessThan((long)Timeout.TotalMilliseconds);
        }
    }

    private static RedisLink Link(params string[] endpoints) => Link(new RedisSettings { Endpoints = endpoints, Channel = "channel" });

    private static RedisLink Link(RedisSettings settings)
    {
        var link = new RedisLink(settings, TimeProvider.System, NullLogger.Instance);
        link.Start();
        return link;
    }

    /// <summary>Passes bytes on between a client and a port, until it is told to lose them.</summary>
    private sealed class DeafRelay : IDisposable
    {
        private readonly TcpListener listener = new(IPAddress.Loopback, 0);
        private readonly int port;
        private volatile CancellationTokenSource hears = new();

        public DeafRelay(int port)
        {
            this.port = port;
            listener.Start();
            _ = Accept();
        }

        public string Endpoint => listener.LocalEndpoint.ToString()!;

        public void Deafen() => Interlocked.Exchange(ref hears, new()).Cancel();

        public void Dispose() => listener.Dispose();

        private async Task Accept()
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync();
                var target = new TcpClient();
                await target.ConnectAsync(IPAddress.Loopback, port);
                var now = hears.Token;
                _ = client.GetStream().CopyToAsync(target.GetStream(), now);
                _ = target.GetStream().CopyToAsync(client.GetStream(), now);
            }
        }
    }
}
