using System.Collections.Concurrent;

namespace Broker.UpstreamTokens;

/// <summary>Who waits for a change of a record: woken by its message, or by time for a message that was lost.</summary>
internal sealed class ChangeWaiters(TimeProvider time)
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource> waiting = new();

    public async Task For(string record, TimeSpan atMost)
    {
        var wait = waiting.GetOrAdd(record, static _ => new(TaskCreationOptions.RunContinuationsAsynchronously));
        try
        {
            await wait.Task.WaitAsync(atMost, time);
        }
        catch (TimeoutException)
        {
            waiting.TryRemove(new(record, wait));
        }
    }

    public void Wake(string record)
    {
        if (waiting.TryRemove(record, out var wait))
        {
            wait.SetResult();
        }
    }
}
