using StackExchange.Redis;

namespace Broker.Redis;

/// <content>After a failure: looks again, or opens another connection, until something is answered.</content>
internal sealed partial class RedisLink
{
    private static readonly RedisScript Probe = new("probe", "return 1");

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
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await Mend();
            }
            catch (Exception)
            {
                // Tried again below.
            }
            if (Volatile.Read(ref client) is not null && await Run(Probe, [], []) is not null)
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

    private async Task Mend()
    {
        var silent = time.GetElapsedTime(Volatile.Read(ref lastAnswer));
        var now = Volatile.Read(ref client);
        var bound = settings.CallTimeout * 2;
        if (now is not null && silent < settings.CallTimeout * 5)
        {
            await now.ConfigureAsync().WaitAsync(bound, time, stop.Token);
            return;
        }
        if (now is not null)
        {
            RedisLog.Replaced(log, silent.TotalSeconds);
            Volatile.Write(ref lastAnswer, time.GetTimestamp());
        }
        var fresh = await RedisClient.Connect(settings).WaitAsync(bound + settings.CallTimeout, time, stop.Token);
        fresh.ConnectionFailed += (_, _) => Unanswered("connection-failed");
        await fresh.GetSubscriber().SubscribeAsync(settings.Channel, (_, message) => Heard?.Invoke(message!)).WaitAsync(bound, time, stop.Token)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Close(Interlocked.Exchange(ref client, fresh));
        connected.TrySetResult(fresh);
        if (stop.IsCancellationRequested)
        {
            Close(Interlocked.Exchange(ref client, null));
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
