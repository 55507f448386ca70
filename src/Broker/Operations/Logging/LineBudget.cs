namespace Broker.Operations;

/// <summary>How many request lines of strangers are written in a second. What is over it is counted, and told once in a period.</summary>
internal sealed class LineBudget : IDisposable
{
    private readonly TimeProvider time;
    private readonly ITimer timer;
    private long second;
    private int written;
    private long unwritten;
    private int isArmed;

    public LineBudget(TimeProvider time, ILogger<LineBudget> logger)
    {
        this.time = time;
        timer = time.CreateTimer(_ => Tell(logger), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Whether one more line may be written now.</summary>
    public bool Take(int perSecond)
    {
        var now = time.GetTimestamp() / time.TimestampFrequency;
        var seen = Volatile.Read(ref second);
        if (seen != now && Interlocked.CompareExchange(ref second, now, seen) == seen)
        {
            Volatile.Write(ref written, 0);
        }

        if (Interlocked.Increment(ref written) <= perSecond)
        {
            return true;
        }

        Interlocked.Increment(ref unwritten);
        if (Volatile.Read(ref isArmed) == 0 && Interlocked.Exchange(ref isArmed, 1) == 0)
        {
            timer.Change(SampledLines.Period, Timeout.InfiniteTimeSpan);
        }

        return false;
    }

    public void Dispose() => timer.Dispose();

    private void Tell(ILogger logger)
    {
        Volatile.Write(ref isArmed, 0);
        if (Interlocked.Exchange(ref unwritten, 0) is > 0 and var count)
        {
            StrangersLog.RequestsNotWritten(logger, count, SampledLines.Period.TotalSeconds);
        }
    }
}
