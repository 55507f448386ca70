namespace Broker.Tests;

/// <summary>A clock that a test moves by hand; timers fire on the thread that moves it, in the order of their times.</summary>
internal sealed class HandClock : TimeProvider
{
    private readonly Lock gate = new();
    private readonly List<HandTimer> timers = [];
    private DateTimeOffset now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private long order;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public int Timers
    {
        get
        {
            lock (gate)
            {
                return timers.Count;
            }
        }
    }

    public override DateTimeOffset GetUtcNow()
    {
        lock (gate)
        {
            return now;
        }
    }

    public override long GetTimestamp() => GetUtcNow().UtcTicks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var context = ExecutionContext.Capture();
        var timer = new HandTimer(this, context is null ? () => callback(state) : () => ExecutionContext.Run(context, _ => callback(state), null));
        timer.Change(dueTime, period);
        return timer;
    }

    public void Advance(TimeSpan by)
    {
        var until = GetUtcNow() + by;
        while (TakeDue(until) is { } fire)
        {
            fire();
        }
    }

    private Action? TakeDue(DateTimeOffset until)
    {
        lock (gate)
        {
            var next = timers.Where(timer => timer.At <= until).OrderBy(timer => timer.At).ThenBy(timer => timer.Order).FirstOrDefault();
            if (next is null)
            {
                now = until;
                return null;
            }
            now = next.At > now ? next.At : now;
            if (next.Period > TimeSpan.Zero)
            {
                next.At = now + next.Period;
            }
            else
            {
                timers.Remove(next);
            }
            return next.Fire;
        }
    }

    private sealed class HandTimer(HandClock clock, Action fire) : ITimer
    {
        public DateTimeOffset At { get; set; }

        public TimeSpan Period { get; private set; }

        public long Order { get; private set; }

        public Action Fire { get; } = fire;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock.gate)
            {
                clock.timers.Remove(this);
                if (dueTime < TimeSpan.Zero)
                {
                    return true;
                }
                (At, Period, Order) = (clock.now + dueTime, period, clock.order++);
                clock.timers.Add(this);
            }
            if (dueTime == TimeSpan.Zero)
            {
                clock.Advance(TimeSpan.Zero);
            }
            return true;
        }

        public void Dispose()
        {
            lock (clock.gate)
            {
                clock.timers.Remove(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
