using StackExchange.Redis;

namespace Broker.Redis;

/// <content>After a failure: looks again, or opens another connection, until something is answered.</content>
internal sealed partial class RedisLink
{
    private const int TriesBeforeAnother = 8;

    // Writes: a primary that has become a replica, or whose disk is full, reads as before. And two keys: a slot that moves answers for one.
    private static readonly RedisScript Probe = new("probe", "redis.call('EXISTS', KEYS[2]) return redis.call('SET', KEYS[1], '1', 'PX', 1000)");

    private void Heal()
    {
        if (Interlocked.Exchange(ref isHealing, 1) == 0)
        {
            // Of no request, and not on its time.
            ThreadPool.UnsafeQueueUserWorkItem(static link => _ = link.HealUntilAnswered(), this, preferLocal: false);
        }
    }

    private async Task HealUntilAnswered()
    {
        var pause = TimeSpan.FromMilliseconds(100);
        for (var attempt = 0; !stop.IsCancellationRequested; attempt++)
        {
            try
            {
                // While something else is answered, the connections to that are worth keeping; one that is deaf is replaced all the same.
                var isKept = attempt == 0 || ((IsRefusing || (isCluster && IsHeard)) && attempt % TriesBeforeAnother != 1);
                await (Volatile.Read(ref client) is { } now && isKept ? LookAgain(now) : Replace());
            }
            catch (Exception)
            {
                // Tried again below.
            }
            if (Volatile.Read(ref client) is { } reached)
            {
                if (await AllAnswer())
                {
                    Volatile.Write(ref isHealing, 0);
                    if (!IsAway || Interlocked.Exchange(ref isHealing, 1) == 1)
                    {
                        return; // a failure in between has begun anew
                    }
                }
                else if (attempt > 0)
                {
                    _ = Diagnose(reached);
                }
            }
            await Task.Delay(pause, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 > TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : pause * 2;
        }
    }

    /// <summary>Whether something was answered of late.</summary>
    private bool IsHeard => time.GetElapsedTime(Volatile.Read(ref lastAnswer)) < settings.CallTimeout * 2;

    /// <summary>Asks in the slot of each key that was not answered. Only when all are, Redis is back.</summary>
    private async Task<bool> AllAnswer()
    {
        string[] keys = [.. silent.Keys];
        var answers = await Task.WhenAll((keys.Length > 0 ? keys : [settings.Channel]).Select(
            key => Run(Probe, [InSlotOf(key, "probe"), InSlotOf(key, "probed")], [], key: null)));
        foreach (var (key, answer) in keys.Zip(answers))
        {
            if (answer is not null)
            {
                silent.TryRemove(key, out _);
            }
        }
        if (answers.Contains(null) || !silent.IsEmpty)
        {
            return false;
        }
        Volatile.Write(ref isRefusing, 0);
        if (Interlocked.Exchange(ref isAway, 0) == 1)
        {
            diagnosis = null;
            RedisLog.Back(log);
            Returned?.Invoke();
        }
        return true;
    }

    private static RedisKey InSlotOf(string key, string name) => key.Contains('{', StringComparison.Ordinal) ? $"{key}:{name}" : $"{{{key}}}:{name}";

    /// <summary>Enough where a slot has moved, or one answer came late.</summary>
    private Task<bool> LookAgain(ConnectionMultiplexer now) => now.ConfigureAsync().WaitAsync(settings.CallTimeout * 2, time, stop.Token);

    /// <summary>The client's own ways of connecting again take it up to ten seconds: another one takes none of them.</summary>
    private async Task Replace()
    {
        var connecting = RedisClient.Connect(settings);
        ConnectionMultiplexer fresh;
        try
        {
            fresh = await connecting.WaitAsync(settings.CallTimeout * 3, time, stop.Token);
        }
        catch (Exception)
        {
            _ = CloseLate(connecting);
            throw;
        }
        if (!fresh.IsConnected)
        {
            Close(fresh);
            _ = Diagnose(null);
            return;
        }
        isCluster = fresh.GetEndPoints().Any(node => fresh.GetServer(node).ServerType == ServerType.Cluster);
        fresh.ConnectionFailed += (_, failed) => Failed(fresh, failed.EndPoint);
        await fresh.GetSubscriber().SubscribeAsync(settings.Channel, (_, message) => Heard?.Invoke(message!)).WaitAsync(settings.CallTimeout * 2, time, stop.Token)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var old = Interlocked.Exchange(ref client, fresh);
        if (old is not null && !(isCluster && IsHeard))
        {
            RedisLog.Replaced(log, time.GetElapsedTime(Volatile.Read(ref lastAnswer)).TotalSeconds);
        }
        _ = Retire(old);
        connected.TrySetResult(fresh);
        if (stop.IsCancellationRequested)
        {
            Close(Interlocked.Exchange(ref client, null));
        }
    }

    /// <summary>Calls that are on their way with it are answered, or given up.</summary>
    private async Task Retire(ConnectionMultiplexer? old)
    {
        await Task.Delay(settings.CallTimeout, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Close(old);
    }

    /// <summary>Nobody waits for it any more; left alone it would try for ever.</summary>
    private static async Task CloseLate(Task<ConnectionMultiplexer> connecting)
    {
        await ((Task)connecting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (connecting.IsCompletedSuccessfully)
        {
            Close(await connecting);
        }
    }

    private static void Close(ConnectionMultiplexer? old)
    {
        if (old is not null)
        {
            _ = old.CloseAsync(allowCommandsToComplete: false).ContinueWith(
                static (_, client) => ((ConnectionMultiplexer)client!).Dispose(), old, TaskScheduler.Default);
        }
    }
}
