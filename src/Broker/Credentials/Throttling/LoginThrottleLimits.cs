namespace Broker.Credentials;

/// <summary>How many failed logins in a row are let through, and how long each further one waits.</summary>
internal sealed record LoginThrottleLimits
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1),
        Day = TimeSpan.FromDays(1);

    /// <summary>Failures in a row that cost nothing.</summary>
    public required int Free { get; init; }

    /// <summary>The wait after the last free failure, after the next one, and so on; the last wait stays.</summary>
    public required IReadOnlyList<TimeSpan> Delays { get; init; }

    /// <summary>After how long fewer than the free failures are forgotten.</summary>
    public TimeSpan FewForgotten { get; init; } = LocalLoginThrottle.FewForgotten;

    /// <summary>After how long more are forgotten.</summary>
    public TimeSpan Forgotten { get; init; } = LocalLoginThrottle.Forgotten;

    public TimeSpan Longest => Delays.Max();

    /// <summary>For one name at one address: the wait doubles, up to a quarter of an hour.</summary>
    public static LoginThrottleLimits AtAnAddress(TimeSpan first) =>
        new() { Free = LocalLoginThrottle.Free, Delays = Doubling(first, LocalLoginThrottle.Longest, 20) };

    /// <summary>For one name at an upstream that locks a user after so many wrong passwords in a row, wherever they come from.</summary>
    /// <remarks>The upstream does not forget with time. From a third of its limit on a name waits, from two thirds on an hour each time;
    /// the last two are never used up within a day, so a name that nobody logs in with for a day may be guessed at again.</remarks>
    public static LoginThrottleLimits AtAnUpstream(int lockoutAfter, TimeSpan first)
    {
        var free = Math.Max(1, lockoutAfter / 3);
        var most = Math.Max(free, lockoutAfter - 2);
        var slow = Math.Clamp(lockoutAfter * 2 / 3, free, most);
        return new()
        {
            Free = free,
            Delays = [.. Doubling(first, Hour, slow - free), .. Enumerable.Repeat(Hour, most - slow), Day],
            FewForgotten = Day,
            Forgotten = Day,
        };
    }

    public TimeSpan WaitAfter(int failures) => failures < Free ? TimeSpan.Zero : Delays[Math.Min(failures - Free, Delays.Count - 1)];

    private static TimeSpan[] Doubling(TimeSpan first, TimeSpan longest, int count) =>
        [.. Enumerable.Range(0, count).Select(i => first * Math.Pow(2, i) is var wait && wait < longest ? wait : longest)];
}
