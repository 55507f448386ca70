using System.Collections.Concurrent;
using System.Net;
using StackExchange.Redis;

namespace Broker.Redis;

/// <summary>Whether it was written, and whether a replica has it.</summary>
internal sealed record Replicated(bool IsWritten, bool IsReplicated);

/// <summary>
/// A client of its own for notes and the <c>WAIT</c> behind them: that blocks its connection, so whatever else went over it would wait too.
/// </summary>
/// <remarks>
/// <c>WAIT</c> answers for what was written on its connection, by the server that holds it. The client may open a connection anew between
/// the two, or follow a slot to another node: so the connection's number is asked before and after, and the server's run id too. An answer
/// counts only where both are the same. A primary that has no replica connected counts as one without, also when it lost its only one a
/// moment ago: Redis does not say which, and after a failover there may be none for hours. What is risked is a second failover, to one that
/// missed note and pair: a Redis that lost its memory, whose clients tell it what they hold.
/// </remarks>
internal sealed class NoteLink(Func<RedisSettings> current, TimeProvider time) : IDisposable
{
    private const string RunId = "return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')";

    private readonly ConcurrentDictionary<EndPoint, Node> nodes = new();
    private readonly Lazy<Task<ConnectionMultiplexer>> client = new(() => RedisClient.Connect(current));
    private Task looking = Task.CompletedTask;

    /// <summary>Connects ahead of the first note: that has no longer than any other call.</summary>
    public Task<ConnectionMultiplexer> Open() => client.Value;

    public async Task<Replicated> Write(RedisScript script, RedisKey[] keys, RedisValue[] values)
    {
        var opened = await client.Value;
        try
        {
            var node = await opened.GetDatabase().IdentifyEndpointAsync(keys[0]) ?? throw new TimeoutException("no node");
            var (answer, run) = await Write(opened, node, script, keys, values);
            // In a slot that moves another node may have written it: again, then, and waited for there. It is the same note.
            return answer
                ?? (await ServerOf(opened, run) is { } other ? (await Write(opened, other, script, keys, values)).Answer : null)
                ?? new(true, false);
        }
        catch (RedisException)
        {
            // This client, too, has to be made to look where roles have changed.
            looking = looking.IsCompleted ? opened.ConfigureAsync() : looking;
            throw;
        }
    }

    public void Dispose()
    {
        if (client.IsValueCreated)
        {
            _ = Close(client.Value);
        }
    }

    /// <returns>No answer when the script ran elsewhere; and the run id of the server where it ran.</returns>
    private async Task<(Replicated? Answer, string Run)> Write(
        ConnectionMultiplexer opened,
        EndPoint endpoint,
        RedisScript script,
        RedisKey[] keys,
        RedisValue[] values
    )
    {
        var (settings, server, node) = (current(), opened.GetServer(endpoint), nodes.GetOrAdd(endpoint, static _ => new()));
        await node.Turn.WaitAsync(settings.CallTimeout);
        try
        {
            var before = server.ExecuteAsync("CLIENT", "ID");
            var answer = (RedisResult[])(await script.Evaluate(opened.GetDatabase(), keys, values, settings.CallTimeout, time))!;
            var (isWritten, run, replicas) = ((long)answer[0] != 0, (string)answer[1]!, (long)answer[2]);
            if (!isWritten)
            {
                return (new(false, false), run);
            }
            if (run != node.Run)
            {
                (node.Run, node.ReplicasAt) = (run, null); // another server, a replica that was promoted: it may well have none
            }
            if (replicas > 0)
            {
                node.ReplicasAt = time.GetTimestamp();
            }
            else if (node.ReplicasAt is not { } seen || time.GetElapsedTime(seen) >= settings.ReplicasReturn)
            {
                return (new(true, true), run); // nobody to wait for
            }
            // One that is cut off for a moment may be the primary of the next: what it does not have would be lost with this one.
            var patience = (int)Math.Max(1, settings.CallTimeout.TotalMilliseconds / 2);
            var waited = server.ExecuteAsync("WAIT", 1, patience);
            var after = server.ExecuteAsync("CLIENT", "ID");
            if (!run.StartsWith(await RunOf(server), StringComparison.Ordinal))
            {
                return (null, run);
            }
            return (new(true, (long)await waited > 0 && (long)await before == (long)await after), run);
        }
        finally
        {
            node.Turn.Release();
        }
    }

    private static async Task<EndPoint?> ServerOf(ConnectionMultiplexer opened, string run)
    {
        foreach (var server in opened.GetServers().Where(server => server.IsConnected))
        {
            if (run.StartsWith(await RunOf(server), StringComparison.Ordinal))
            {
                return server.EndPoint;
            }
        }
        return null;
    }

    private static async Task<string> RunOf(IServer server) => (string)(await server.ExecuteAsync("EVAL", RunId, 0))!;

    private static async Task Close(Task<ConnectionMultiplexer> opened) => await (await opened).DisposeAsync();

    private sealed class Node
    {
        public SemaphoreSlim Turn { get; } = new(1, 1);

        /// <summary>The run id of the server that answered last.</summary>
        public string? Run { get; set; }

        /// <summary>When that one had replicas last.</summary>
        public long? ReplicasAt { get; set; }
    }
}
