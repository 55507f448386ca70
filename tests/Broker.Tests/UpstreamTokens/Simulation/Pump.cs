namespace Broker.Tests.UpstreamTokens.Simulation;

/// <summary>One thread, one simulated time, one seed: everything that happens in a simulated world happens in a step of this.</summary>
internal sealed class Pump(int seed)
{
    private readonly PriorityQueue<Action, (long At, long Turn)> later = new();
    private readonly List<Action> ready = [];
    private long turns;

    /// <summary>Every choice comes from here.</summary>
    public Random Random { get; } = new(seed);

    /// <summary>Since the beginning, in ticks.</summary>
    public long Now { get; private set; }

    public TimeSpan Time => TimeSpan.FromTicks(Now);

    public int Steps { get; private set; }

    public bool Chance(double probability) => Random.NextDouble() < probability;

    public TimeSpan Between(double fromMilliseconds, double toMilliseconds) =>
        TimeSpan.FromTicks(
            (long)((fromMilliseconds + (Random.NextDouble() * (toMilliseconds - fromMilliseconds))) * TimeSpan.TicksPerMillisecond)
        );

    public void Soon(Action action) => ready.Add(action);

    public void After(TimeSpan delay, Action action) => later.Enqueue(action, (Now + Math.Max(0, delay.Ticks), turns++));

    /// <summary>Runs one of what is ready, whichever the seed says; time passes only when nothing is.</summary>
    public bool Step(TimeSpan until)
    {
        if (ready.Count == 0)
        {
            if (!later.TryPeek(out _, out var next) || next.At > until.Ticks)
            {
                Now = Math.Max(Now, until.Ticks);
                return false;
            }
            Now = next.At;
            while (later.TryPeek(out var action, out var due) && due.At <= Now)
            {
                later.Dequeue();
                ready.Add(action);
            }
        }
        Steps++;
        var at = ready.Count == 1 ? 0 : Random.Next(ready.Count);
        var chosen = ready[at];
        ready.RemoveAt(at);
        chosen();
        return true;
    }

    public void Pass(TimeSpan time)
    {
        var until = Time + time;
        while (Step(until)) { }
    }
}

/// <summary>The clock of one process: monotonic of its own, a wall clock that jumps, timers that its process runs.</summary>
internal sealed class SimulatedClock(Pump pump, Action<Action> run) : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Where the monotonic clock began.</summary>
    public TimeSpan Booted { get; init; }

    /// <summary>By how much the wall clock is wrong.</summary>
    public TimeSpan Wrong { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => pump.Now + Booted.Ticks;

    public override DateTimeOffset GetUtcNow() => Start + pump.Time + Wrong;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new OneTimer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class OneTimer(SimulatedClock clock, Action callback) : ITimer
    {
        private int set;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var mine = ++set;
            if (dueTime >= TimeSpan.Zero)
            {
                clock.Later(dueTime, () =>
                {
                    if (mine == set)
                    {
                        callback();
                    }
                });
            }
            return true;
        }

        public void Dispose() => set++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }

    private void Later(TimeSpan delay, Action action) => pump.After(delay, () => run(action));
}
