using System.Collections.Concurrent;
using System.Net;
using StackExchange.Redis;

namespace Broker.Redis;

/// <summary>Whether it was written, and whether a replica has it.</summary>
internal sealed record Replicated(bool IsWritten, bool IsReplicated);

/// <summary>A connection to each node for notes and the <c>WAIT</c> behind them: that blocks its connection, and answers for what was written on it.</summary>
/// <remarks>
/// Not the client's: that one may open a connection anew between the two, and picks a node of a Cluster by itself.
/// A primary that has no replica connected counts as one without, also when it lost its only one a moment ago: Redis does not say which, and after a
/// failover there may be none for hours. What is risked is a second failover, to one that missed note and pair: a Redis that lost its memory, whose
/// clients tell it what they hold.
/// </remarks>
internal sealed class NoteLinks(Func<RedisSettings> current, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentDictionary<EndPoint, NoteLink> links = new();

    public async Task<Replicated> Write(EndPoint node, RedisScript script, RedisKey[] keys, RedisValue[] values)
    {
        var settings = current();
        Word[] words = ["EVAL", script.Text, $"{keys.Length}", .. keys.Select(key => (byte[])key!), .. values.Select(value => (byte[])value!)];
        using var deadline = new CancellationTokenSource(settings.CallTimeout, time);
        for (var mustAsk = false; ;)
        {
            try
            {
                return await Write(node, words, mustAsk, settings, deadline.Token);
            }
            catch (RedisRefusal refusal) when (refusal.IsPassing)
            {
                // The slot moves: the note goes after it.
                (node, mustAsk) = (refusal.Elsewhere(node), refusal.MustAsk || (mustAsk && refusal.Code == "TRYAGAIN"));
                await Task.Delay(Pause, time, deadline.Token);
            }
        }
    }

    private async Task<Replicated> Write(EndPoint node, Word[] words, bool mustAsk, RedisSettings settings, CancellationToken deadline)
    {
        var link = links.GetOrAdd(node, static node => new());
        await link.Turn.WaitAsync(deadline);
        try
        {
            var connection = link.Connection ??= await RawConnection.Open(node, settings, deadline);
            if (mustAsk)
            {
                await connection.Ask(["ASKING"], deadline);
            }
            var answer = await connection.Ask(words, deadline);
            if (answer is not [long and not 0, string run, long replicas])
            {
                return new(false, false);
            }
            if (run != link.Run)
            {
                (link.Run, link.ReplicasAt) = (run, null); // another server, a replica that was promoted: it may well have none
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
            return new(true, await connection.Ask(["WAIT", "1", $"{patience}"], deadline) is [long and > 0]);
        }
        catch (Exception fault) when (fault is not RedisRefusal { IsPassing: true })
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

        /// <summary>The run id of the server that answered last.</summary>
        public string? Run { get; set; }

        /// <summary>When that one had replicas last.</summary>
        public long? ReplicasAt { get; set; }

        public void Close()
        {
            Connection?.Dispose();
            Connection = null;
        }
    }
}
