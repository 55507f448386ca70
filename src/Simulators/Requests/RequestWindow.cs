namespace Simulators;

/// <summary>A sliding window that lets so many requests through in a time.</summary>
internal sealed class RequestWindow(TimeProvider time, int permits, TimeSpan per)
{
    private readonly Queue<DateTimeOffset> _taken = new();

    /// <summary>Takes a permit if there is one; says how many remain and when the next comes free.</summary>
    public (bool Taken, int Remaining, TimeSpan NextIn) Take()
    {
        var now = time.GetUtcNow();
        lock (_taken)
        {
            while (_taken.TryPeek(out var oldest) && oldest + per <= now)
            {
                _taken.Dequeue();
            }
            var free = _taken.Count < permits;
            if (free)
            {
                _taken.Enqueue(now);
            }
            return (free, permits - _taken.Count, _taken.Peek() + per - now);
        }
    }
}
