using System.Collections.Concurrent;

namespace Broker.ReplicaTests;

/// <summary>A request that was not served, and how many tokens the upstream would have accepted then.</summary>
internal sealed record Failure(DateTimeOffset At, int Broker, string Upstream, int Status, string? Code, int LiveTokens);

/// <summary>A steady stream of requests to every broker of a fleet that stands neither still nor killed, one after the other to each upstream.</summary>
internal sealed class Load : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly Fleet fleet;
    private readonly Landscape? landscape;
    private readonly TimeSpan pause;
    private readonly List<Task> streams;
    private int served;

    /// <param name="fleet">Who is asked.</param>
    /// <param name="upstreams">What is asked for, each in a stream of its own.</param>
    /// <param name="pause">Between an answer and the next request.</param>
    /// <param name="landscape">Who says how many tokens live when a request fails.</param>
    public Load(Fleet fleet, IEnumerable<string> upstreams, TimeSpan pause, Landscape? landscape = null)
    {
        (this.fleet, this.pause, this.landscape) = (fleet, pause, landscape);
        streams = [.. from i in Enumerable.Range(0, fleet.Brokers.Count) from upstream in upstreams select Stream(i, upstream)];
    }

    public ConcurrentQueue<Failure> Failed { get; } = new();

    public int Served => Volatile.Read(ref served);

    /// <summary>Waits until so many more requests were served.</summary>
    public async Task Goes(int more)
    {
        var from = Served;
        await Eventually.Holds(() => Served >= from + more, $"{more} more requests are served");
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(streams);
        stop.Dispose();
    }

    private async Task Stream(int i, string upstream)
    {
        while (!stop.IsCancellationRequested)
        {
            var broker = fleet.Brokers[i];
            try
            {
                var live = landscape?[upstream].LiveTokens ?? 0;
                var answer = await fleet.Ask(broker, upstream, stop.Token);
                if (answer.Status == 200)
                {
                    Interlocked.Increment(ref served);
                }
                else
                {
                    Failed.Enqueue(new(DateTimeOffset.UtcNow, i, upstream, answer.Status, answer.Code, Math.Min(live, landscape?[upstream].LiveTokens ?? 0)));
                }
            }
            catch (Exception) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception) when (broker.IsDead)
            {
                // It was killed with this request in its hands.
            }
            await Task.Delay(pause, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
