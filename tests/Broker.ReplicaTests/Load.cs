using System.Collections.Concurrent;

namespace Broker.ReplicaTests;

/// <summary>A request that was not served, and whether there was a token to serve it with.</summary>
internal sealed record Failure(DateTimeOffset At, int Broker, string Upstream, int Status, string? Code, bool MustServe);

/// <summary>
/// A steady stream of requests to every broker of a fleet that stands neither still nor killed, one after the other to each upstream.
/// </summary>
internal sealed class Load : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly Fleet fleet;
    private readonly Staggered? accounts;
    private readonly TimeSpan pause;
    private readonly List<Task> streams;
    private int served;

    /// <param name="fleet">Who is asked.</param>
    /// <param name="upstreams">What is asked for, each in a stream of its own.</param>
    /// <param name="pause">Between an answer and the next request.</param>
    /// <param name="accounts">Whose tokens are watched: what lives must serve. Without it nothing must.</param>
    /// <param name="each">How many streams of each there are.</param>
    public Load(Fleet fleet, IEnumerable<string> upstreams, TimeSpan pause, Staggered? accounts = null, int each = 1)
    {
        (this.fleet, this.pause, this.accounts) = (fleet, pause, accounts);
        streams =
        [
            .. from i in Enumerable.Range(0, fleet.Brokers.Count)
            from upstream in upstreams
            from _ in Enumerable.Range(0, each)
            select Stream(i, upstream),
        ];
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
                var (from, could) = (DateTimeOffset.UtcNow, accounts?.MustServe(upstream) == true);
                var answer = await fleet.Ask(broker, upstream, Staggered.Asks(i), stop.Token);
                if (answer.Status == 200)
                {
                    Interlocked.Increment(ref served);
                }
                else
                {
                    var mustServe = (could && accounts!.MustServe(upstream)) || accounts?.Had(i, upstream, from) == true;
                    Failed.Enqueue(new(DateTimeOffset.UtcNow, i, upstream, answer.Status, answer.Code, mustServe));
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
