using System.Collections.Concurrent;
using System.Net;
using StackExchange.Redis;

namespace Broker.Redis;

/// <summary>What was written, and whether a replica has it.</summary>
internal sealed record Replicated(RedisResult Answer, bool IsReplicated);

/// <summary>A connection to each node for notes and the <c>WAIT</c> behind them: that blocks its connection, and answers for what was written on it.</summary>
internal sealed class NoteLinks(RedisSettings settings, TimeProvider time) : IDisposable
{
    private readonly ConcurrentDictionary<EndPoint, NoteLink> links = new();

    public async Task<Replicated> Write(EndPoint node, Func<IDatabase, Task<RedisResult>> write)
    {
        var link = links.GetOrAdd(node, static (node, settings) => new(RedisClient.Connect(settings, node)), settings);
        var (client, losses) = await link.Open(settings.CallTimeout, time);
        var answer = await write(client.GetDatabase());
        var parts = (RedisValue[])answer!;
        if ((long)parts[0] == 0 || (long)parts[2] == 0)
        {
            return new(answer, true); // not written; or nobody to wait for
        }
        var database = client.GetDatabase();
        var patience = Math.Max(1, (int)(settings.CallTimeout.TotalMilliseconds / 2));
        var replicas = (long)await database.ExecuteAsync("WAIT", 1, patience);
        // On a connection that was opened anew in between, WAIT would answer for nothing; on another Redis it would answer for that one.
        var run = (string?)await database.ScriptEvaluateAsync("return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')");
        return new(answer, replicas >= 1 && link.Losses == losses && run == (string?)parts[1]);
    }

    public void Dispose()
    {
        foreach (var link in links.Values)
        {
            link.Dispose();
        }
        links.Clear();
    }

    private sealed class NoteLink(Task<ConnectionMultiplexer> connecting) : IDisposable
    {
        private int losses;
        private int isWatched;

        public int Losses => Volatile.Read(ref losses);

        public async Task<(ConnectionMultiplexer Client, int Losses)> Open(TimeSpan atMost, TimeProvider time)
        {
            var client = await connecting.WaitAsync(atMost, time);
            if (Interlocked.Exchange(ref isWatched, 1) == 0)
            {
                client.ConnectionFailed += (_, loss) => Interlocked.Add(ref losses, loss.ConnectionType == ConnectionType.Interactive ? 1 : 0);
            }
            return (client, Losses);
        }

        public void Dispose() => _ = Close();

        private async Task Close()
        {
            try
            {
                (await connecting).Dispose();
            }
            catch (RedisException)
            {
                // It never opened.
            }
        }
    }
}
