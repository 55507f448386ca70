using Microsoft.Extensions.Time.Testing;

namespace Broker.Tests;

/// <summary>The clock that a test moves by hand, and which timers somebody still holds.</summary>
internal sealed class CountedClock : FakeTimeProvider
{
    private readonly List<CountedTimer> timers = [];

    /// <summary>The periods of the timers that nobody has disposed of.</summary>
    public IReadOnlyList<TimeSpan> Timers
    {
        get
        {
            lock (timers)
            {
                return [.. timers.Select(timer => timer.Period)];
            }
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new CountedTimer(timers, base.CreateTimer(callback, state, dueTime, period)) { Period = period };
        lock (timers)
        {
            timers.Add(timer);
        }
        return timer;
    }

    private sealed class CountedTimer(List<CountedTimer> all, ITimer timer) : ITimer
    {
        public TimeSpan Period { get; set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (all)
            {
                Period = period;
            }
            return timer.Change(dueTime, period);
        }

        public void Dispose()
        {
            lock (all)
            {
                all.Remove(this);
            }
            timer.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
