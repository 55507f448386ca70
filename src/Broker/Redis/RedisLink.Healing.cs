using System.Net;
using StackExchange.Redis;

namespace Broker.Redis;

/// <content>After a failure, and at the start: asks until all is answered. The client opens its connections by itself meanwhile.</content>
internal sealed partial class RedisLink
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    // Writes: a primary that has become a replica, or whose disk is full, reads as before. And two keys: a slot that moves answers for one.
    private static readonly RedisScript Probe = new(
        "probe",
        "redis.call('EXISTS', KEYS[2]) return redis.call('SET', KEYS[1], '1', 'PX', 1000)"
    );

    private readonly SemaphoreSlim restored = new(0);
    private Task looking = Task.CompletedTask;
    private bool isDeafTold;

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
        var pause = TimeSpan.FromMilliseconds(50);
        while (!stop.IsCancellationRequested)
        {
            if ((Volatile.Read(ref client) ?? await Connect()) is { } now)
            {
                if (await AllAnswer() & await IsListening(now))
                {
                    Volatile.Write(ref isHealing, 0);
                    if (!IsAway || Interlocked.Exchange(ref isHealing, 1) == 1)
                    {
                        return; // a failure in between has begun anew
                    }
                }
                else
                {
                    Diagnose();
                    Recheck(now);
                }
            }
            // A connection that stands is worth a look at once.
            await ((Task)restored.WaitAsync(pause, stop.Token)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 > LongestPause ? LongestPause : pause * 2;
        }
    }

    private async Task<ConnectionMultiplexer?> Connect()
    {
        try
        {
            var fresh = await RedisClient.Connect(() => settings, Attempted);
            fresh.ConnectionFailed += (_, failed) => Failed(fresh, failed.EndPoint!);
            fresh.ConnectionRestored += (_, _) => restored.Release();
            await IsListening(fresh); // before the first command: what is published because of it would not be heard
            Volatile.Write(ref client, fresh);
            if (stop.IsCancellationRequested)
            {
                Close(Interlocked.Exchange(ref client, null));
            }
            else
            {
                connected.TrySetResult(fresh);
                _ = notes.Open();
            }
            return fresh;
        }
        catch (Exception fault)
        {
            Unanswered(fault.GetType().Name, key: null);
            return null;
        }
    }

    /// <summary>
    /// Asks in the slot of each key that was not answered. Only when all are, Redis is back: of a Cluster other nodes answer all the while.
    /// </summary>
    private async Task<bool> AllAnswer()
    {
        string[] keys = [.. silent.Keys];
        var answers = await Task.WhenAll(
            (keys.Length > 0 ? keys : [settings.Channel]).Select(key =>
                Run(Probe, [InSlotOf(key, "probe"), InSlotOf(key, "probed")], [], key: null)
            )
        );
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

    private static RedisKey InSlotOf(string key, string name) =>
        key.Contains('{', StringComparison.Ordinal) ? $"{key}:{name}" : $"{{{key}}}:{name}";

    /// <summary>
    /// Where roles or slots have changed the client goes on as before, and is told READONLY for ever, until it is made to look.
    /// </summary>
    private void Recheck(ConnectionMultiplexer now)
    {
        if (looking.IsCompleted)
        {
            // what it throws says nothing more than the next probe
            looking = ((Task)now.ConfigureAsync()).ContinueWith(static _ => { }, TaskScheduler.Default);
        }
    }

    /// <summary>A subscription that was not confirmed, or was refused, is nobody's to ask for again but ours.</summary>
    private async Task<bool> IsListening(ConnectionMultiplexer now)
    {
        var (subscriber, channel) = (now.GetSubscriber(), RedisChannel.Literal(settings.Channel));
        if (subscriber.SubscribedEndpoint(channel) is not null)
        {
            isDeafTold = false;
            return true;
        }
        try
        {
            await subscriber.UnsubscribeAsync(channel, flags: CommandFlags.FireAndForget); // else each time adds a handler
            await subscriber
                .SubscribeAsync(channel, (_, message) => Heard?.Invoke(message!))
                .WaitAsync(settings.CallTimeout, time, stop.Token);
            isDeafTold = false;
            return true;
        }
        catch (RedisServerException refused) when (!isDeafTold)
        {
            isDeafTold = true;
            RedisLog.NotHeard(log, settings.Channel, CodeOf(refused.Message).ToLowerInvariant());
        }
        catch (Exception)
        {
            // Asked for again after the pause.
        }
        return false;
    }

    private static void Close(ConnectionMultiplexer? old)
    {
        if (old is not null)
        {
            _ = old.CloseAsync(allowCommandsToComplete: false)
                .ContinueWith(static (_, client) => ((ConnectionMultiplexer)client!).Dispose(), old, TaskScheduler.Default);
        }
    }
}
