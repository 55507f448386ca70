using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>
/// How often was logged in lately, each token endpoint, account and user: outlives cells, snapshots and changes of the windows.
/// </summary>
/// <remarks>A permit is taken before the call and never given back, so failures count.</remarks>
/// <param name="time">The clock.</param>
/// <param name="longest">How long a login is remembered; <see cref="LongestPer"/> when missing.</param>
internal sealed class LoginBudget(TimeProvider time, TimeSpan? longest = null)
{
    /// <summary>The longest window that is enforced.</summary>
    public static readonly TimeSpan LongestPer = TimeSpan.FromDays(1);

    /// <summary>The widest window that is enforced.</summary>
    public const int LargestPermit = 1000;

    private readonly TimeSpan longest = longest ?? LongestPer;
    private readonly Lock gate = new();
    private readonly Dictionary<OpaqueName, List<(long At, bool Rejected)>> logins = [];
    private int sweepAt = 1024;

    /// <summary>Takes a permit of every window, or of none and says when there will be one.</summary>
    /// <param name="whose">Who logs in, and where.</param>
    /// <param name="windows">The windows in force.</param>
    /// <param name="rejected">Whether an upstream's 401 is the cause: these use at most half.</param>
    /// <param name="wait">When not taken: how long until there is one.</param>
    public bool TryTake(CellPlan whose, IReadOnlyList<LoginWindowOptions> windows, bool rejected, out TimeSpan wait)
    {
        lock (gate)
        {
            var now = time.GetTimestamp();
            if (logins.Count >= sweepAt)
            {
                Sweep(now); // before both are looked up: a log that is still empty would be swept away under our hands
            }
            var logs = new[] { whose.Endpoint, whose.OfAllUsers, whose.Identity }
                .Distinct()
                .ToDictionary(name => name, name => Log(name, now));
            wait = TimeSpan.Zero;
            foreach (var window in windows)
            {
                var log = logs[whose.BudgetOf(window.Scope)];
                var left = Wait(log, window.Permit, window.Per, now, onlyRejected: false);
                var leftOfHalf = rejected ? Wait(log, window.Permit / 2, window.Per, now, onlyRejected: true) : TimeSpan.Zero;
                wait = new[] { wait, left, leftOfHalf }.Max();
            }
            if (wait > TimeSpan.Zero)
            {
                return false;
            }
            foreach (var log in logs.Values)
            {
                log.Add((now, rejected));
            }
            return true;
        }
    }

    private TimeSpan Wait(List<(long At, bool Rejected)> log, int permit, TimeSpan per, long now, bool onlyRejected)
    {
        if (permit <= 0)
        {
            return per;
        }
        var seen = 0;
        for (var i = log.Count - 1; i >= 0; i--)
        {
            var age = time.GetElapsedTime(log[i].At, now);
            if (age >= per)
            {
                break;
            }
            if ((!onlyRejected || log[i].Rejected) && ++seen == permit)
            {
                return per - age;
            }
        }
        return TimeSpan.Zero;
    }

    private List<(long At, bool Rejected)> Log(OpaqueName name, long now)
    {
        if (logins.TryGetValue(name, out var log))
        {
            Trim(log, now);
            return log;
        }
        return logins[name] = [];
    }

    private void Trim(List<(long At, bool Rejected)> log, long now)
    {
        var old = log.FindIndex(entry => time.GetElapsedTime(entry.At, now) < longest);
        log.RemoveRange(0, Math.Max(old < 0 ? log.Count : old, log.Count - LargestPermit));
    }

    /// <summary>Forgets who has not logged in for a day; at doubling sizes, so that it costs little a login.</summary>
    private void Sweep(long now)
    {
        foreach (var (name, log) in logins.ToArray())
        {
            Trim(log, now);
            if (log.Count == 0)
            {
                logins.Remove(name);
            }
        }
        sweepAt = Math.Max(1024, logins.Count * 2);
    }
}
