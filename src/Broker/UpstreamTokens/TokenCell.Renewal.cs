namespace Broker.UpstreamTokens;

/// <content>Waits and the renewal that they wait for: one at a time, its own deadline, nobody's cancellation.</content>
internal sealed partial class TokenCell
{
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
        var result = new TokenResult(null, TokenProblem.Unavailable, renewer!.Plan.Times.RetryDelay);
        try
        {
            result = await wait!.WaitAsync(renewer.Plan.Times.TokenWaitTimeout, time, cancellation);
        }
        catch (TimeoutException)
        {
            // Only this wait ran out, which says nothing of the credentials; the renewal goes on for whoever comes next.
        }
        // What counts is what stands here now, not what stood here before the wait.
        return held is not { IsOver: false } now || ReferenceEquals(now, refused) ? NoToken(result)
            : refused is not null && now.IsSameAs(refused) ? Refused
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
            if (quiet.Left > TimeSpan.Zero)
            {
                return new(null, quiet.Problem, quiet.Said);
            }
            if (isRejection && rejections.Left > TimeSpan.Zero)
            {
                return new(null, rejections.Problem, rejections.Said);
            }
            if (!renewer!.MayRenew(this))
            {
                return new(null, TokenProblem.Unavailable, renewer.Plan.Times.RetryDelay);
            }
            if (isRejection && !live!.HasWorked)
            {
                SlowDown();
            }
            slot = Open();
            wait = slot.Task;
        }
        Start(slot, isRejection);
        return null;
    }

    /// <summary>An operator says that the token was replaced or taken away: the store is looked at, and what is there counts.</summary>
    public async Task Invalidate()
    {
        if (renewer?.Shared is not { } shared || held is not { } before)
        {
            return; // whoever asks next looks anyway
        }
        switch (await shared.Look())
        {
            case Heard.Newer:
                RenewBehind(evenIfFresh: true);
                break;
            case Heard.Gone:
                renewer.Identity.Accepted(renewer.Plan.Fingerprint);
                Drop(before);
                break;
        }
    }

    /// <summary>Lets go of this token, and of no other.</summary>
    private void Drop(UpstreamToken gone)
    {
        lock (gate)
        {
            if (ReferenceEquals(held, gone))
            {
                held = null;
            }
        }
    }

    private void RenewBehind(bool evenIfFresh = false)
    {
        TaskCompletionSource<TokenResult> slot;
        lock (gate)
        {
            if (
                running is not null
                || isGone
                || held is not { } token
                || (!evenIfFresh && time.GetTimestamp() < token.DueAt)
                || quiet.Left > TimeSpan.Zero
                || !renewer!.MayRenew(this)
            )
            {
                return;
            }
            slot = Open();
        }
        Start(slot, isRejection: false);
    }

    /// <summary>
    /// Grows with each token that is refused at its first use: neither an upstream that refuses what it issues nor a caller makes us renew
    /// without end.
    /// </summary>
    /// <remarks>One that had worked is another matter: the upstream ended it, and the next one works. The login budget is its
    /// bound.</remarks>
    private void SlowDown()
    {
        var plan = renewer!.Plan;
        rejections.ForgetAfter(plan.Times.MaxRetryDelay * 2);
        rejections.Grow(TokenProblem.TokenRefused, null, plan.Times);
        vault!.RefusedAtFirstUse(plan, rejections.Said);
    }

    private TaskCompletionSource<TokenResult> Open()
    {
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
    private TokenResult Settle(RenewalResult renewal, bool isRejection)
    {
        lock (gate)
        {
            running = null;
            var times = renewer!.Plan.Times;
            if (renewal.Access is { } access)
            {
                var margin = Min(times.RenewBefore, renewal.Life / 4) * (1 - (jitter / 5));
                held = UpstreamToken.Fetched(
                    time,
                    renewer.Plan.Scheme,
                    access,
                    After(renewal.AskedAt, renewal.Life),
                    After(renewal.AskedAt, renewal.Life - margin)
                );
                quiet.End();
            }
            else if (renewal.Problem == TokenProblem.BudgetSpent)
            {
                // The half that rejections may use is their own; a renewal that is due is not held up by it.
                (isRejection ? rejections : quiet).Start(renewal.Problem, renewal.RetryAfter ?? times.RetryDelay);
            }
            else
            {
                quiet.Grow(renewal.Problem, renewal.RetryAfter, times);
            }
            var pause = renewal.Problem == TokenProblem.BudgetSpent && isRejection ? rejections : quiet;
            if (renewal is { Access: null, RecheckAfter: { } look })
            {
                pause.LookAfter(look);
            }
            nextTry = After(time.GetTimestamp(), quiet.Left);
            Schedule();
            return renewal.Access is null ? new(null, renewal.Problem, pause.Said) : Answer(held!);
        }
    }
}
