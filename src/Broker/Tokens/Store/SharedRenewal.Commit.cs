using Broker.Tokens.Sources;

namespace Broker.Tokens.Store;

/// <content>Step 7, and what Redis is told when it is back.</content>
internal sealed partial class SharedRenewal
{
    /// <summary>A commit that was not answered: it may have been done, and doing it again changes nothing then.</summary>
    private volatile Uncommitted? pending;

    private async Task<Step> Commit(Asked asked, Lease lease, TokenAnswer answer, TokenPair? spent, long at)
    {
        var (plan, got) = (asked.Plan, answer.Pair!);
        asked.Identity.Accepted(plan.Fingerprint);
        var sinceTaken = time.GetElapsedTime(lease.At, at);
        var pair = new SharedPair
        {
            Generation = lease.Seen.Number,
            Run = lease.Seen.Run,
            Record = asked.Cell.Name,
            Access = got.Access!,
            Refresh = got.Refresh ?? spent?.Refresh,
            Life = answer.Life,
            // Counted from when it was asked for, by the clock that Redis showed when the lease was taken.
            EndsAt = lease.Seen.Now + (long)(sinceTaken + answer.Life).TotalMicroseconds,
            EndsAtUtc = time.GetUtcNow() + answer.Life - time.GetElapsedTime(at),
            By = store.Replica,
        };
        if (plan.Keep is { } keep && plan.Source.FirstRefreshToken is { } first && got.Refresh is { } next)
        {
            vault.Keeps.Write(keep, first, next, log);
        }
        pending = new(pair, lease.Attempt, Lives(plan, pair));
        var outcome = StoreOutcome.Unknown;
        for (var i = 0; i < store.Times.CommitTries && outcome == StoreOutcome.Unknown; i++)
        {
            outcome = await CommitPending();
        }
        if (outcome == StoreOutcome.Lost)
        {
            return Step.Again; // ours is void: what is stored counts
        }
        // Not answered: it is served all the same, and committed when Redis is back.
        held = pair;
        served = pair.Access;
        own = null;
        return new(new Renewal(pair.Access, at, answer.Life, TokenProblem.None, null), default);
    }

    private async Task<StoreOutcome> CommitPending()
    {
        if (pending is not { } mine)
        {
            return StoreOutcome.Done;
        }
        var outcome = Saw(await store.Tokens.Commit(name, mine.Attempt, mine.Pair, mine.Lives));
        if (outcome != StoreOutcome.Unknown)
        {
            Interlocked.CompareExchange(ref pending, null, mine);
        }
        return outcome;
    }

    /// <summary>Redis is back, or another one is in its place: it is told what this process holds.</summary>
    public async Task<StoreOutcome> Republish(CellPlan plan)
    {
        var outcome = await CommitPending();
        if (outcome != StoreOutcome.Unknown && (held is not null || note is not null))
        {
            var pair = held;
            return Saw(await store.Tokens.Republish(name, pair, pair is null ? null : Lives(plan, pair), note));
        }
        return outcome;
    }

    private sealed record Uncommitted(SharedPair Pair, Attempt Attempt, TimeSpan? Lives);
}
