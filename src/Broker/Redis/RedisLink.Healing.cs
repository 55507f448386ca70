using StackExchange.Redis;

namespace Broker.Redis;

/// <content>After a failure: looks again, or opens another connection, until something is answered.</content>
internal sealed partial class RedisLink
{
    private const int TriesBeforeAnother = 8;

    // Writes: a primary that has become a replica, or whose disk is full, reads as before.
    private static readonly RedisScript Probe = new("probe", "return redis.call('SET', KEYS[1], '1', 'PX', 1000)");

    private void Heal()
    {
        if (Interlocked.Exchange(ref isHealing, 1) == 0)
        {
            using (ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow())
            {
                _ = HealUntilAnswered();
            }
        }
    }

    private async Task HealUntilAnswered()
    {
        var pause = TimeSpan.FromMilliseconds(100);
        for (var attempt = 0; !stop.IsCancellationRequested; attempt++)
        {
            try
            {
                await (Volatile.Read(ref client) is { } now && (attempt == 0 || (IsRefusing && attempt % TriesBeforeAnother != 0)) ? LookAgain(now) : Replace());
            }
            catch (Exception)
            {
                // Tried again below.
            }
            if (Volatile.Read(ref client) is not null && await Run(Probe, [settings.Channel + ":probe"], [], isProbe: true) is not null)
            {
                Volatile.Write(ref isHealing, 0);
                if (!IsAway || Interlocked.Exchange(ref isHealing, 1) == 1)
                {
                    return; // a failure in between has begun anew
                }
            }
            await Task.Delay(pause, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            pause = pause * 2 > TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : pause * 2;
        }
    }

    /// <summary>Enough where a slot has moved, or one answer came late.</summary>
    private Task<bool> LookAgain(ConnectionMultiplexer now) => now.ConfigureAsync().WaitAsync(settings.CallTimeout * 2, time, stop.Token);

    /// <summary>The client's own ways of connecting again take it up to ten seconds: another one takes none of them.</summary>
    private async Task Replace()
    {
        var fresh = await RedisClient.Connect(settings).WaitAsync(settings.CallTimeout * 3, time, stop.Token);
        if (!fresh.IsConnected)
        {
            Close(fresh);
            _ = Diagnose();
            return;
        }
        fresh.ConnectionFailed += (_, _) => Failed(fresh);
        await fresh.GetSubscriber().SubscribeAsync(settings.Channel, (_, message) => Heard?.Invoke(message!)).WaitAsync(settings.CallTimeout * 2, time, stop.Token)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var old = Interlocked.Exchange(ref client, fresh);
        if (old is not null)
        {
            RedisLog.Replaced(log, time.GetElapsedTime(Volatile.Read(ref lastAnswer)).TotalSeconds);
        }
        Close(old);
        connected.TrySetResult(fresh);
        if (stop.IsCancellationRequested)
        {
            Close(Interlocked.Exchange(ref client, null));
        }
    }

    /// <summary>Says once what keeps us out, and once more when it is something else.</summary>
    private async Task Diagnose()
    {
        if (Interlocked.Exchange(ref isDiagnosing, 1) == 1)
        {
            return;
        }
        if (await RedisDiagnosis.Of(settings, time, stop.Token) is { } word && word != diagnosis && IsAway && !stop.IsCancellationRequested)
        {
            diagnosis = word;
            RedisLog.NotConnected(log, string.Join(", ", settings.Endpoints), word);
        }
        Volatile.Write(ref isDiagnosing, 0);
    }

    private void Failed(ConnectionMultiplexer which)
    {
        if (ReferenceEquals(Volatile.Read(ref client), which))
        {
            Unanswered("connection-failed");
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
