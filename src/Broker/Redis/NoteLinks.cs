using System.Collections.Concurrent;
using System.Net;
using StackExchange.Redis;

namespace Broker.Redis;

/// <summary>Whether it was written, and whether a replica has it.</summary>
internal sealed record Replicated(bool IsWritten, bool IsReplicated);

/// <summary>A connection to each node for notes and the <c>WAIT</c> behind them: that blocks its connection, and answers for what was written on it.</summary>
/// <remarks>Not the client's: that one may open a connection anew between the two, and picks a node of a Cluster by itself.</remarks>
internal sealed class NoteLinks(Func<RedisSettings> current, TimeProvider time) : IDisposable
{
    private readonly ConcurrentDictionary<EndPoint, NoteLink> links = new();

    public async Task<Replicated> Write(EndPoint node, RedisScript script, RedisKey[] keys, RedisValue[] values)
    {
        var settings = current();
        var link = links.GetOrAdd(node, static node => new());
        using var deadline = new CancellationTokenSource(settings.CallTimeout, time);
        await link.Turn.WaitAsync(deadline.Token);
        try
        {
            var connection = link.Connection ??= await RawConnection.Open(node, settings, deadline.Token);
            var answer = await connection.Ask(
                ["EVAL", script.Text, $"{keys.Length}", .. keys.Select(key => (byte[])key!), .. values.Select(value => (byte[])value!)], deadline.Token);
            if (answer is not [long and not 0, _, long replicas])
            {
                return new(false, false);
            }
            if (replicas > 0)
            {
                link.ReplicasAt = time.GetTimestamp();
            }
            else if (link.ReplicasAt is not { } seen || time.GetElapsedTime(seen) >= settings.ReplicasReturn)
            {
                return new(true, true); // nobody to wait for
            }
            // One that is cut off for a moment may be the primary of the next: what it does not have would be lost with this one.
            var patience = (int)Math.Max(1, settings.CallTimeout.TotalMilliseconds / 2);
            return new(true, await connection.Ask(["WAIT", "1", $"{patience}"], deadline.Token) is [long and > 0]);
        }
        catch
        {
            // Nobody knows what is still on its way here: the next one has a connection of its own.
            link.Close();
            throw;
        }
        finally
        {
            link.Turn.Release();
        }
    }

    public void Dispose()
    {
        foreach (var link in links.Values)
        {
            link.Close();
        }
    }

    private sealed class NoteLink
    {
        public SemaphoreSlim Turn { get; } = new(1, 1);

        public RawConnection? Connection { get; set; }

        /// <summary>When the node had replicas last.</summary>
        public long? ReplicasAt { get; set; }

        public void Close()
        {
            Connection?.Dispose();
            Connection = null;
        }
    }
}
