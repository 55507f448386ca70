namespace Broker.UpstreamTokens;

/// <content>The cell's one timer: renews what is due while it is in use, and lets the cell go when it is not.</content>
internal sealed partial class TokenCell
{
    /// <summary>Longer waits are taken in steps: a timer's own limit is 49 days.</summary>
    private static readonly TimeSpan LongestStep = TimeSpan.FromDays(1);

    /// <summary>Starts to count how long it is unused.</summary>
    public void Watch()
    {
        lock (gate)
        {
            if (timer is not null)
            {
                return;
            }
            if (ExecutionContext.IsFlowSuppressed())
            {
                Schedule();
                return;
            }
            using (ExecutionContext.SuppressFlow())
            {
                Schedule();
            }
        }
    }

    /// <summary>Called by the vault, under its lock.</summary>
    public void Mark(bool gone) => Volatile.Write(ref isGone, gone);

    private void Schedule()
    {
        var times = renewer!.Plan.Times;
        var now = time.GetTimestamp();
        var next = After(used, times.IdleTimeout);
        if (held is { IsOver: false } token && running is null)
        {
            next = Math.Min(next, Math.Max(token.DueAt, nextTry));
        }
        var delay = next > now ? time.GetElapsedTime(now, next) : times.RetryDelay;
        timer ??= time.CreateTimer(static cell => ((TokenCell)cell!).Tick(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        timer.Change(Min(delay, LongestStep), Timeout.InfiniteTimeSpan);
    }

    private void Tick()
    {
        lock (gate)
        {
            if (running is not null)
            {
                return; // who renews sets the timer again
            }
            if (isGone || time.GetElapsedTime(used) >= renewer!.Plan.Times.IdleTimeout)
            {
                vault!.LetGo(this);
                timer?.Dispose();
                timer = null;
                return;
            }
        }
        RenewBehind();
        lock (gate)
        {
            if (running is null && !isGone)
            {
                Schedule();
            }
        }
    }
}
