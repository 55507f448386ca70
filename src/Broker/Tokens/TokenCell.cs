namespace Broker.Tokens;

/// <summary>One account's token in this process: empty, fresh, due, stale.</summary>
/// <remarks>
/// <code>
///   empty --> fresh --> due --> stale      fresh  handed out: no lock, no allocation
///               ^        |        |        due    handed out, renewed behind it
///               +--------+--------+        stale  waited for: a renewal belongs to the cell, a wait to its caller
///
///   a renewal that fails -> quiet: nobody asks; what still lives is handed out
/// </code>
/// Lock order: the cell's, then the vault's or the identity's. No lock is held while a source is called.
/// </remarks>
internal sealed partial class TokenCell
{
    private readonly Lock gate = new();
    private readonly TimeProvider time;
    private readonly Renewer? renewer;
    private readonly TokenVault? vault;
    private readonly QuietTime quiet;
    private readonly QuietTime rejections;
    private readonly double jitter;
    private readonly long useGrain;
    private volatile UpstreamToken? held;
    private TaskCompletionSource<TokenResult>? running;
    private ITimer? timer;
    private long used;
    private long nextTry;
    private bool isGone;

    /// <summary>A cell that renews its token.</summary>
    public TokenCell(TimeProvider time, Renewer renewer, TokenVault vault, RecordName name)
        : this(time)
    {
        (this.renewer, this.vault, Name) = (renewer, vault, name);
        jitter = (name.A >> 11) / (double)(1L << 53); // the name is random and always the cell's own: so is its jitter
    }

    private TokenCell(TimeProvider time)
    {
        this.time = time;
        (quiet, rejections) = (new(time), new(time));
        useGrain = time.TimestampFrequency;
        used = time.GetTimestamp();
    }

    public RecordName Name { get; }

    public Renewer? Renewer => renewer;

    /// <summary>Whether the vault let it go; it comes back by itself when it is used.</summary>
    public bool IsGone => Volatile.Read(ref isGone);

    /// <summary>When it was used last, to within a second.</summary>
    public long LastUsed => Volatile.Read(ref used);

    /// <summary>What it holds, for the gauge.</summary>
    public UpstreamToken? Held => held;

    /// <summary>A cell that is always fresh: the account is a fixed value.</summary>
    public static TokenCell Fixed(TimeProvider time, UpstreamToken token) => new(time) { held = token };

    /// <summary>The token when it may be handed out at once (fresh, or due and then renewed behind it): no lock, no allocation.</summary>
    public bool TryGet(out UpstreamToken token)
    {
        token = held!;
        if (token is null)
        {
            return false;
        }
        if (token.EndsAt == long.MaxValue)
        {
            return true;
        }
        var now = time.GetTimestamp();
        if (now >= token.EndsAt)
        {
            token = null!;
            return false;
        }
        if (now - Volatile.Read(ref used) > useGrain)
        {
            Volatile.Write(ref used, now);
        }
        if (now >= token.DueAt && now >= Volatile.Read(ref nextTry))
        {
            RenewBehind();
        }
        return true;
    }

    /// <summary>The token, after a renewal when there is none; the wait is the caller's own (its patience, its cancellation), the renewal is not.</summary>
    public ValueTask<TokenResult> Get(CancellationToken cancellation) => TryGet(out var token) ? new(Answer(token)) : Wait(null, cancellation);

    /// <summary>Says that the upstream refused this token (401) on a request sent at <paramref name="sentAt"/>, and gets its successor.</summary>
    /// <param name="refused">The token that was refused.</param>
    /// <param name="sentAt">When the refused request was sent.</param>
    /// <param name="subject">Route and ids: one that got 401 with two successive tokens rejects none for ten minutes.</param>
    /// <param name="cancellation">The caller's own.</param>
    public ValueTask<TokenResult> Replace(UpstreamToken refused, long sentAt, string subject, CancellationToken cancellation)
    {
        if (renewer is null)
        {
            return new(new TokenResult(null, TokenProblem.TokenRefused, null));
        }
        if (!ReferenceEquals(held, refused))
        {
            return Get(cancellation); // somebody was faster: its successor, at once
        }
        // A request sent later went through: the 401 was not about the token. A subject refused twice: nor was it.
        return refused.LastSuccess > sentAt || vault!.Subjects.Contains(this, subject)
            ? new(new TokenResult(null, TokenProblem.TokenRefused, null))
            : Wait(refused, cancellation);
    }

    /// <summary>Says that the successor was refused as well on the same subject.</summary>
    public void RefusedAgain(UpstreamToken refused, string subject) => vault?.Subjects.Add(this, subject);

    private static TokenResult Answer(UpstreamToken token) => new(token, TokenProblem.None, null);

    private static TokenResult NoToken(TokenResult result) =>
        new(null, result.Problem == TokenProblem.None ? TokenProblem.Unavailable : result.Problem, result.RetryAfter);

    private async ValueTask<TokenResult> Wait(UpstreamToken? refused, CancellationToken cancellation)
    {
        if (vault!.Return(this) is { } other)
        {
            return await other.Get(cancellation);
        }
        if (Join(refused, out var wait) is { } known)
        {
            return known;
        }
        var result = new TokenResult(null, TokenProblem.Unavailable, renewer!.Plan.Times.QuietTime);
        try
        {
            result = await wait!.WaitAsync(renewer.Plan.Times.Patience, time, cancellation);
        }
        catch (TimeoutException)
        {
            // Only this wait ran out, which says nothing of the credentials; the renewal goes on for whoever comes next.
        }
        // What counts is what stands here now, not what stood here before the wait.
        return held is not { IsOver: false } now || ReferenceEquals(now, refused) ? NoToken(result)
            : refused is not null && now.IsSameAs(refused) ? new(null, TokenProblem.TokenRefused, null)
            : Answer(now);
    }

    /// <summary>Looks again, then joins the renewal that runs or starts one; an answer that is known already comes back instead.</summary>
    private TokenResult? Join(UpstreamToken? refused, out Task<TokenResult>? wait)
    {
        TaskCompletionSource<TokenResult> slot;
        bool isRejection;
        wait = null;
        lock (gate)
        {
            used = time.GetTimestamp();
            var live = held is { IsOver: false } now ? now : null;
            if (live is not null && !ReferenceEquals(live, refused))
            {
                return Answer(live);
            }
            wait = running?.Task;
            if (wait is not null)
            {
                return null;
            }
            isRejection = live is not null;
            if (quiet.Left is var left && left > TimeSpan.Zero)
            {
                return new(null, quiet.Problem, left);
            }
            if (isRejection && rejections.Left is var pause && pause > TimeSpan.Zero)
            {
                return new(null, rejections.Problem, pause);
            }
            if (!renewer!.MayRenew(this))
            {
                return new(null, TokenProblem.Unavailable, renewer.Plan.Times.QuietTime);
            }
            slot = Open(isRejection);
            wait = slot.Task;
        }
        Start(slot, isRejection);
        return null;
    }

    private void RenewBehind()
    {
        TaskCompletionSource<TokenResult> slot;
        lock (gate)
        {
            if (running is not null || isGone || held is not { } token || time.GetTimestamp() < token.DueAt || quiet.Left > TimeSpan.Zero
                || !renewer!.MayRenew(this))
            {
                return;
            }
            slot = Open(isRejection: false);
        }
        Start(slot, isRejection: false);
    }

    private TaskCompletionSource<TokenResult> Open(bool isRejection)
    {
        if (isRejection)
        {
            // Grows with each rejection: neither an upstream that refuses what it issues nor a caller can make us renew without end.
            var times = renewer!.Plan.Times;
            rejections.ForgetAfter(times.QuietTimeMax * 2);
            rejections.Grow(TokenProblem.TokenRefused, null, times);
        }
        nextTry = long.MaxValue;
        return running = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>The renewal takes nothing of its caller along: no cancellation, no trace, no async locals.</summary>
    private void Start(TaskCompletionSource<TokenResult> slot, bool isRejection)
    {
        if (ExecutionContext.IsFlowSuppressed())
        {
            _ = Renew(slot, isRejection);
            return;
        }
        using (ExecutionContext.SuppressFlow())
        {
            _ = Renew(slot, isRejection);
        }
    }

    private async Task Renew(TaskCompletionSource<TokenResult> slot, bool isRejection)
    {
        var renewal = await renewer!.Run(this, isRejection);
        slot.SetResult(Settle(renewal, isRejection));
    }

    /// <summary>Keeps what a renewal brought, and clears its slot: nobody else does.</summary>
    private TokenResult Settle(Renewal renewal, bool isRejection)
    {
        lock (gate)
        {
            running = null;
            var times = renewer!.Plan.Times;
            if (renewal.Access is { } access)
            {
                var margin = Min(times.RenewBefore, renewal.Life / 4) * (1 - (jitter / 5));
                held = UpstreamToken.Bearer(time, access, After(renewal.AskedAt, renewal.Life), After(renewal.AskedAt, renewal.Life - margin));
                quiet.End();
            }
            else if (renewal.Problem == TokenProblem.BudgetSpent)
            {
                // The half that rejections may use is their own; a renewal that is due is not held up by it.
                (isRejection ? rejections : quiet).Start(renewal.Problem, renewal.RetryAfter ?? times.QuietTime);
            }
            else
            {
                quiet.Grow(renewal.Problem, renewal.RetryAfter, times);
            }
            var left = (renewal.Problem == TokenProblem.BudgetSpent && isRejection ? rejections : quiet).Left;
            nextTry = After(time.GetTimestamp(), quiet.Left);
            Schedule();
            return renewal.Access is null ? new(null, renewal.Problem, left) : Answer(held!);
        }
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private long After(long from, TimeSpan span) => from + (long)(span.TotalSeconds * time.TimestampFrequency);
}
