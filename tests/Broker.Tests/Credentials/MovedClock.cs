namespace Broker.Tests.Credentials;

/// <summary>A clock that stands still until it is moved; its timers never fire by themselves.</summary>
internal sealed class MovedClock : TimeProvider
{
    private long ticks = new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero).UtcTicks;

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref ticks), TimeSpan.Zero);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new Still();

    public void Move(TimeSpan by) => Interlocked.Add(ref ticks, by.Ticks);

    private sealed class Still : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => default;
    }
}
