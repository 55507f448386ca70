namespace Broker.UpstreamTokens;

/// <content>Step 7, and what Redis is told when it is back.</content>
internal sealed partial class SharedRenewal
{
    /// <summary>So many earlier secrets of an account are remembered: the next one forgets the first.</summary>
    private const int MostSpent = 8;

    /// <summary>A commit that was not answered: it may have been done, and doing it again changes nothing then.</summary>
    private volatile Uncommitted? pending;

    /// <summary>Which Redis answered last.</summary>
    private string? run;

    private async Task<RenewalStep> Commit(RenewalRequest asked, Lease lease, TokenAnswer answer, TokenPair? spent, long at)
    {
        var (plan, got) = (asked.Plan, answer.Pair!);
        asked.Identity.Accepted(plan.Fingerprint);
        var sinceTaken = time.GetElapsedTime(lease.At, at);
        // Inherited: a replica of another config may have been handed this chain.
        var of =
            spent is null ? default
            : lease.StoredState.Pair is { } before && before.Refresh == spent.Refresh ? before.Of
            : plan.Source.FirstRefreshToken is { } origin ? Origin(origin)
            : default;
        var pair = new SharedPair
        {
            FencingToken = lease.StoredState.Number,
            RunId = lease.StoredState.Run,
            Record = asked.Cell.Name,
            Of = of,
            Spent = SpentBefore(vault.Names, lease.StoredState.Pair, of),
            Access = got.Access!,
            Refresh = got.Refresh ?? spent?.Refresh,
            Life = answer.Life,
            // Counted from when it was asked for, by the clock that Redis showed when the lease was taken.
            EndsAt = lease.StoredState.Now + (long)(sinceTaken + answer.Life).TotalMicroseconds,
            EndsAtUtc = time.GetUtcNow() + answer.Life - time.GetElapsedTime(at),
            By = store.Replica,
        };
        if (plan.RefreshTokenFile is { } keep && plan.Source.FirstRefreshToken is { } first && got.Refresh is { } next)
        {
            vault.Keeps.Write(keep, first, next, log);
        }
        var mine = new Holding(pair, at + Ticks(answer.Life));
        pending = new(pair, lease.Attempt, mine.Lives(plan, store.Times, time));
        var outcome = StoreOutcome.Unknown;
        for (var i = 0; i < store.Times.CommitTries && outcome == StoreOutcome.Unknown; i++)
        {
            outcome = await CommitPending();
        }
        if (outcome == StoreOutcome.Lost)
        {
            return RenewalStep.Again; // ours is void: what is stored counts
        }
        // Not answered: it is served all the same, and committed when Redis is back.
        (holding, highest, unknowns) = (mine, 0, 0);
        served = pair.Access;
        own = null;
        return new(new RenewalResult(pair.Access, at, answer.Life, TokenProblem.None, null), default);
    }

    /// <summary>
    /// What a pair of this origin leaves behind for good. An upstream that hands out no new refresh token has spent none.
    /// </summary>
    public static IReadOnlyList<OpaqueName> SpentBefore(NamingKey names, SharedPair? before, OpaqueName of) =>
        before is null
            ? []
            :
            [
                .. before
                    .Spent.Prepend(before.Refresh is { } last && Origin(names, last) == before.Of ? default : before.Of)
                    .Where(origin => origin != default && origin != of)
                    .Distinct()
                    .Take(MostSpent),
            ];

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
        var mine = holding is { } now && !now.HasEnded(plan, time) && !IsBelow(now.Pair) ? now : null;
        return outcome == StoreOutcome.Unknown || (mine is null && note is null)
            ? outcome
            : Saw(await store.Tokens.Republish(name, mine?.Pair, mine?.Lives(plan, store.Times, time), note));
    }

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * time.TimestampFrequency);

    private StoredState Saw(StoredState seen)
    {
        Saw(seen.Outcome);
        if (seen.Outcome == StoreOutcome.Done)
        {
            store.Met(run, seen.Run);
            run = seen.Run;
        }
        return seen;
    }

    private StoreOutcome Saw(StoreOutcome outcome)
    {
        store.Saw(outcome);
        if (outcome != StoreOutcome.Unknown)
        {
            if (silence is not null)
            {
                absences.Ended(Volatile.Read(ref heardAt) is > long.MinValue and var at ? at : null);
            }
            Volatile.Write(ref heardAt, time.GetTimestamp());
        }
        var now = store.Returns;
        silence =
            outcome != StoreOutcome.Unknown ? null
            : silence is { } before && before.Returns == now ? before
            : new(time.GetTimestamp(), now);
        return outcome;
    }

    private sealed record Uncommitted(SharedPair Pair, Attempt Attempt, TimeSpan? Lives);

    /// <summary>A pair that this process has, and the timestamp at which its access token ends.</summary>
    private sealed record Holding(SharedPair Pair, long EndsAt)
    {
        /// <summary>Without a refresh token it is nothing once the access token has ended.</summary>
        public bool HasEnded(CellPlan plan, TimeProvider time) =>
            plan.Source.CanLogin && Pair.Refresh is null && time.GetTimestamp() >= EndsAt;

        /// <summary>How long Redis keeps it from now on; null where it has no end.</summary>
        public TimeSpan? Lives(CellPlan plan, SharedTimes times, TimeProvider time)
        {
            var left = time.GetElapsedTime(time.GetTimestamp(), EndsAt);
            return !plan.Source.CanLogin ? null
                : Pair.Refresh is null || left > times.RefreshTokenTtl ? left
                : times.RefreshTokenTtl;
        }
    }
}
