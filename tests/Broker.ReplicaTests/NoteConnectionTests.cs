using System.Globalization;
using Broker.Redis;
using Broker.Tests.Redis;
using Shouldly;
using StackExchange.Redis;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>
/// The connection is opened again between a note and its <c>WAIT</c>: the answer on the new connection says nothing about the note.
/// </summary>
public sealed class NoteConnectionTests : IAsyncLifetime
{
    // The shape of the broker's own note: whether it was written, the server's run id, and how many replicas the server sees.
    private static readonly RedisScript Script = new(
        "note",
        """
        redis.call('SET', KEYS[1], ARGV[1])
        local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
        return { 1, run, tonumber(string.match(redis.call('INFO', 'replication'), 'connected_slaves:(%d+)')) }
        """
    );

    private readonly List<RedisServer> servers = [];

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (var server in Enumerable.Reverse(servers))
        {
            await server.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_note_whose_connection_stands_is_replicated()
    {
        var (primary, _) = await Pair();
        await using var wire = new Wire(primary.Port);
        (await Noted(wire.Endpoint, () => Task.CompletedTask, reopens: false)).ShouldBe(new(true, true));
    }

    [Fact]
    public async Task A_connection_that_was_opened_again_between_a_note_and_its_wait_confirms_nothing()
    {
        var (primary, replica) = await Pair();
        await using var wire = new Wire(primary.Port);
        var noted = await Noted(wire.Endpoint, () =>
        {
            replica.Freeze();
            wire.Reset();
            return Task.CompletedTask;
        });
        replica.Thaw();
        noted.ShouldBe(new(true, false));
    }

    // Here WAIT is the first command of a connection. Redis 7.0 remembers for each connection what had been written when its last command
    // ran, whoever wrote it, and nothing for a new one: behind a client's HELLO its answer is right even without the connection's number.
    [Fact]
    public async Task A_proxy_that_takes_another_connection_to_redis_between_a_note_and_its_wait_confirms_nothing()
    {
        var (primary, replica) = await Pair();
        await using var relay = new Relay(primary.Port);
        var noted = await Noted(
            relay.Endpoint,
            async () =>
            {
                replica.Freeze(); // nothing can be confirmed; a connection that has written nothing is told that it is
                await relay.Renew();
            },
            reopens: false
        );
        replica.Thaw();
        noted.ShouldBe(new(true, false));
    }

    [Fact]
    public async Task Another_server_that_answers_the_wait_under_the_same_connection_number_confirms_nothing()
    {
        var ((primary, _), (other, _)) = (await Pair(), await Pair());
        for (var i = 0; i < 200; i++)
        {
            await primary.Ask("TIME"); // its connections have higher numbers than those of the other
        }
        await using var wire = new Wire(primary.Port);
        var noted = await Noted(wire.Endpoint, async () =>
        {
            var connections = (await primary.Ask("CLIENT", "LIST")).Split('\n');
            var notes = connections.Single(line => line.Contains("name=broker", StringComparison.Ordinal));
            var number = long.Parse(notes.Split(' ')[0]["id=".Length..], CultureInfo.InvariantCulture);
            while (long.Parse(await other.Ask("CLIENT", "ID"), CultureInfo.InvariantCulture) < number - 1)
            {
                // Each question takes a number, so that the broker's next connection there has the number of its connection here.
            }
            wire.Target = other.Port;
            wire.Reset();
        });
        noted.ShouldBe(new(true, false));
    }

    /// <summary>Writes a note. Between the note's answer and the <c>WAIT</c> comes <paramref name="between"/>.</summary>
    private static async Task<Replicated> Noted(string endpoint, Func<Task> between, bool reopens = true)
    {
        var clock = new Interrupting();
        var settings = new RedisSettings
        {
            Endpoints = [endpoint],
            Channel = "nobody",
            CallTimeout = TimeSpan.FromSeconds(5),
        };
        using var notes = new NoteLink(() => settings, clock);
        var client = await notes.Open();
        var server = client.GetServer(endpoint);
        var first = await Connection(server);
        clock.Next = async () =>
        {
            if (!await client.GetDatabase().KeyExistsAsync("note"))
            {
                return false; // the note is yet to be written
            }
            await between();
            if (reopens)
            {
                await Eventually.Holds(
                    async () => await Connection(server) is { } now && now != first,
                    "the client has opened another connection"
                );
            }
            return true;
        };
        return await notes.Write(Script, ["note"], ["text"]);
    }

    private static async Task<(long Number, string Run)?> Connection(IServer server)
    {
        try
        {
            var run = (string)(await server.ExecuteAsync("EVAL", "return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')", 0))!;
            return ((long)await server.ExecuteAsync("CLIENT", "ID"), run);
        }
        catch (RedisException)
        {
            return null;
        }
    }

    private async Task<(RedisServer Primary, RedisServer Replica)> Pair()
    {
        servers.Add(await RedisServer.Start());
        var primary = servers[^1];
        servers.Add(await RedisServer.Start("--replicaof", "127.0.0.1", $"{primary.Port}"));
        var replica = servers[^1];
        await Holds("the replica is linked", "master_link_status:up", "INFO", "replication");
        await primary.Ask("SET", "probe", "flows");
        await Holds("commands reach the replica", "flows", "GET", "probe");
        return (primary, replica);

        Task Holds(string what, string text, params string[] question) =>
            Eventually.Holds(async () => (await replica.Ask(question)).Contains(text, StringComparison.Ordinal), what);
    }

    /// <summary>The system's clock. It is read between a note's answer and the <c>WAIT</c>: there the test takes its turn, once.</summary>
    private sealed class Interrupting : TimeProvider
    {
        private Func<Task<bool>>? next;

        public Func<Task<bool>>? Next
        {
            set => next = value;
        }

        public override long GetTimestamp()
        {
            if (next is { } turn && turn().GetAwaiter().GetResult())
            {
                next = null;
            }
            return System.GetTimestamp();
        }
    }
}
