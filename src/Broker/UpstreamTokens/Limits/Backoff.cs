namespace Broker.UpstreamTokens;

/// <summary>A time in which nobody asks: a growing pause after each failure in a row. Guarded by its owner's lock.</summary>
internal sealed class Backoff(TimeProvider time)
{
    /// <summary>The longest <c>Retry-After</c> that is believed.</summary>
    public static readonly TimeSpan LongestRetryAfter = TimeSpan.FromHours(1);

    private long from;
    private TimeSpan length;
    private TimeSpan look;
    private int failures;

    /// <summary>What is answered in the meantime.</summary>
    public TokenProblem Problem { get; private set; }

    /// <summary>How long nobody asks.</summary>
    public TimeSpan Left => Of(look < length ? look : length);

    /// <summary>How long it is said to take: longer, where it is looked in between whether another has a token.</summary>
    public TimeSpan Said => Of(length);

    /// <summary>The pause after so many failures before this one.</summary>
    public static TimeSpan Pause(int failures, TimeSpan? retryAfter, CellTimes times)
    {
        if (retryAfter is { } said)
        {
            return said < times.RetryDelay ? times.RetryDelay
                : said > LongestRetryAfter ? LongestRetryAfter
                : said;
        }
        var pause = times.RetryDelay * Math.Pow(2, Math.Min(failures, 30));
        return pause > times.MaxRetryDelay ? times.MaxRetryDelay : pause;
    }

    /// <summary>
    /// The pause after an answer without a token. What cannot be told from a wrong password backs off further, and no Retry-After shortens
    /// it.
    /// </summary>
    /// <param name="failures">How many there were before it.</param>
    /// <param name="answer">What the upstream answered.</param>
    /// <param name="isLogin">Whether credentials were shown.</param>
    /// <param name="times">The upstream's times.</param>
    public static TimeSpan Pause(int failures, in TokenAnswer answer, bool isLogin, CellTimes times)
    {
        var backsOff = answer is { Kind: TokenAnswerKind.Refused, IsDefinite: false } || (isLogin && answer.IsWithoutToken);
        var longest = backsOff && times.BackOffMax > times.MaxRetryDelay ? times.BackOffMax : times.MaxRetryDelay;
        var grown = Pause(failures, null, times with { MaxRetryDelay = longest });
        return answer.RetryAfter is { } said && Pause(failures, said, times) is var asked && (!backsOff || asked > grown) ? asked : grown;
    }

    /// <summary>
    /// One more failure: quiet for what the upstream said (but never less than the first pause), else twice as long as before.
    /// </summary>
    public void Grow(TokenProblem problem, TimeSpan? retryAfter, CellTimes times)
    {
        var pause = Pause(failures++, retryAfter, times);
        Start(problem, pause);
    }

    /// <summary>One more answer without a token. Failures that are long over do not count.</summary>
    public TimeSpan Grow(TokenProblem problem, in TokenAnswer answer, bool isLogin, CellTimes times)
    {
        ForgetAfter(length + (times.MaxRetryDelay * 2));
        var pause = Pause(failures++, answer, isLogin, times);
        Start(problem, pause);
        return pause;
    }

    /// <summary>Quiet for exactly so long; not a failure.</summary>
    public void Start(TokenProblem problem, TimeSpan pause) => (Problem, from, length, look) = (problem, time.GetTimestamp(), pause, pause);

    /// <summary>Looks in between, after so long.</summary>
    public void LookAfter(TimeSpan pause) => look = pause;

    public void End() => (failures, length) = (0, TimeSpan.Zero);

    private TimeSpan Of(TimeSpan span)
    {
        var left = span - time.GetElapsedTime(from);
        return span == TimeSpan.Zero || left <= TimeSpan.Zero ? TimeSpan.Zero : left;
    }

    /// <summary>Whether the last pause began so long ago that the next one is a first one again.</summary>
    public void ForgetAfter(TimeSpan calm)
    {
        if (length != TimeSpan.Zero && time.GetElapsedTime(from) >= calm)
        {
            End();
        }
    }
}

/// <summary>The times of an upstream's config that its cells go by.</summary>
internal sealed record CellTimes(
    TimeSpan RenewBefore,
    TimeSpan CallDeadline,
    TimeSpan TokenWaitTimeout,
    TimeSpan RetryDelay,
    TimeSpan MaxRetryDelay,
    TimeSpan IdleTimeout
)
{
    /// <summary>The longest pause after a login that was not let in, and not by a word that means it.</summary>
    public TimeSpan BackOffMax { get; init; } = TimeSpan.FromHours(1);
}
