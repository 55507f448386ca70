using Broker.Configuration;
using Microsoft.Extensions.Logging;

namespace Broker.Tests.Configuration;

/// <summary>The ids of the events that were logged.</summary>
internal sealed class Lines : ILogger<SnapshotPoller>
{
    public List<int> Ids { get; } = [];

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Ids.Add(eventId.Id);
}

/// <summary>A clock whose timers tick when the test says so.</summary>
internal sealed class HandClock : TimeProvider
{
    private readonly TaskCompletionSource<TimeSpan> started = new();
    private Action tick = () => { };

    /// <summary>The period of the first timer, once there is one.</summary>
    public Task<TimeSpan> Started => started.Task;

    public TimeSpan Period { get; private set; }

    public void Tick() => tick();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        (Period, tick) = (period, () => callback(state));
        started.TrySetResult(period);
        return new HandTimer(this);
    }

    private sealed class HandTimer(HandClock clock) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            clock.Period = period;
            return true;
        }

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
