namespace Broker.UpstreamTokens;

/// <content>Steps 4 and 5: the note, the calls, and what each of their four answers leads to.</content>
internal sealed partial class SharedRenewal
{
    /// <summary>What this process is about to spend, or may have spent: told again to a Redis that lost its memory.</summary>
    private volatile OwnNote? own;

    /// <summary>How many refreshes in a row ended nobody knows how, as far as this process made them.</summary>
    private int unknowns;
    private long unknownsSince;

    /// <summary>Past its deadline too: what may be spent stays so until a newer pair is there.</summary>
    private SpendIntent? note => own is { } mine ? mine.Note with { Left = mine.Left(time) } : null;

    private async Task<RenewalStep> Renew(RenewalRequest asked, Lease lease)
    {
        var source = asked.Plan.Source;
        if (Spendable(asked, lease.StoredState) is not { } spent)
        {
            return await LogIn(asked, lease);
        }
        if (source.Rotates)
        {
            if (MayBeSpent(asked, spent, lease.StoredState))
            {
                return await LogIn(asked, lease);
            }
            if (EpochLeft(asked, lease.StoredState) is { } pause)
            {
                return RenewalStep.Pause(pause);
            }
            if (await Write(asked, lease, Digest(spent)) is { } stopped)
            {
                return stopped;
            }
        }
        else if (await StillOurs(asked, lease) is { } stopped)
        {
            return stopped;
        }
        var at = time.GetTimestamp();
        var answer = await Call(asked, lease, "refresh", cancellation => source.Refresh(spent, cancellation));
        switch (answer.Kind)
        {
            case TokenAnswerKind.Token:
                return await Commit(asked, lease, answer, spent, at);
            case TokenAnswerKind.Refused when source.CanLogin:
                await Settle(new(SpendIntentFate.Shorten, TimeSpan.Zero, null, TokenProblem.None, default, null), lease);
                return await LogIn(asked, lease);
            case TokenAnswerKind.Unknown
                when !source.Rotates && source.CanLogin && IsEnough(lease.StoredState.Pair, lease.StoredState.Quiet.Unknowns):
                return await LogIn(asked, lease);
            default:
                return await Quiet(asked, lease, "refresh", answer, source.Rotates && answer.Kind == TokenAnswerKind.Unknown);
        }
    }

    /// <summary>One more unknown refresh. Of a token that rotates the first one is enough: what may be spent is not sent again.</summary>
    private bool IsEnough(SharedPair? pair, int shared)
    {
        var since = pair?.FencingToken ?? 0;
        (unknowns, unknownsSince) = (Math.Max(since == unknownsSince ? unknowns : 0, shared) + 1, since);
        return unknowns >= LoginIdentity.MaxUnknowns;
    }

    /// <summary>
    /// What a refresh would spend: the pair's, if it is this config's or descends from its first one; that one, where an account has no
    /// other way in.
    /// </summary>
    private TokenPair? Spendable(RenewalRequest asked, StoredState seen)
    {
        var (source, first) = (asked.Plan.Source, asked.Plan.Source.FirstRefreshToken);
        if (!source.CanLogin && IsRefused(asked, seen))
        {
            return null;
        }
        if (
            seen.Pair is { Refresh: not null } pair
            && (
                pair.Record == asked.Cell.Name
                || (Held?.FencingToken ?? 0) >= pair.FencingToken
                || (first is not null && pair.Of == Origin(first))
            )
        )
        {
            return new TokenPair(pair.Access, pair.Refresh);
        }
        return first is null || (source.Rotates && seen.Pair?.Spent.Contains(Origin(first)) is true)
            ? null
            : new TokenPair(null, asked.Plan.RefreshTokenFile is { } keep ? vault.Keeps.Read(keep, first, log) ?? first : first);
    }

    private OpaqueName Origin(string first) => Origin(vault.Names, first);

    public static OpaqueName Origin(NamingKey names, string first) => names.Name("first", first);

    private OpaqueName Digest(TokenPair pair) => vault.Names.Name("spends", pair.Refresh);

    /// <summary>3. Its writer is not at it any more, and no newer pair came: a second use could take the live tokens along.</summary>
    private bool MayBeSpent(RenewalRequest asked, TokenPair pair, StoredState seen) =>
        asked.Plan.Source.CanLogin && (seen.IsNoteForeign || (seen.Note is { } old && old.Spends == Digest(pair)));

    /// <summary>
    /// How long nobody spends a refresh token, for who holds a newer pair says so now; null when that is over, or nothing would be spent.
    /// </summary>
    /// <remarks>It counts from the first lease of the epoch: who only looks waits without taking another.</remarks>
    private TimeSpan? EpochLeft(RenewalRequest asked, StoredState seen)
    {
        // While it is away, Redis or of a Cluster this record's node, nobody can say anything.
        var there = Min(store.ThereFor(seen.EpochAge), absences.ThereFor(seen.EpochAge));
        return
            there < store.Times.RecoveryDelay
            && asked.Plan.Source.Rotates
            && Spendable(asked, seen) is { } pair
            && !MayBeSpent(asked, pair, seen)
            ? store.Times.RecoveryDelay - there
            : null;
    }

    /// <summary>4. The note; null when it stands.</summary>
    private async Task<RenewalStep?> Write(RenewalRequest asked, Lease lease, OpaqueName digest)
    {
        var deadline = asked.Plan.Times.CallDeadline;
        var written = Saw(await store.Tokens.Note(name, lease.Attempt, digest, deadline, store.Times.Lease));
        switch (written)
        {
            case StoreOutcome.Done:
                own = new(new(lease.StoredState.Number, digest, lease.Attempt, deadline), time.GetTimestamp());
                return null;
            case StoreOutcome.Lost:
                return RenewalStep.Again;
        }
        // Not sure that the note outlives this Redis: nothing is spent.
        await store.Tokens.Settle(name, lease.Attempt, new(SpendIntentFate.Withdraw, default, null, TokenProblem.None, default, null));
        if (written == StoreOutcome.Unknown)
        {
            return new(await Away(asked), default);
        }
        return asked.Plan.Source.CanLogin && IsNearEnd(asked) ? await LogIn(asked, lease) : RenewalStep.Failed(TokenProblem.Unavailable);
    }

    private async Task<RenewalStep?> StillOurs(RenewalRequest asked, Lease lease) =>
        Saw(await store.Tokens.Extend(name, lease.Attempt, store.Times.Lease)) switch
        {
            StoreOutcome.Done => null,
            StoreOutcome.Lost => RenewalStep.Again,
            _ => new(await Away(asked), default),
        };

    /// <summary>A call during which the lease and the note are extended; without the lease it is cancelled.</summary>
    private async Task<TokenAnswer> Call(RenewalRequest asked, Lease lease, string call, Func<CancellationToken, Task<TokenAnswer>> ask)
    {
        var lost = new CancellationTokenSource();
        using var over = new CancellationTokenSource();
        _ = KeepLease(lease.Attempt, lost, over.Token);
        var answer = await calls.Ask(asked.Plan, call, ask, lost.Token);
        over.Cancel();
        return answer;
    }

    /// <summary>Each third of the lease; one that was not answered is repeated while the lease surely lives.</summary>
    private async Task KeepLease(Attempt attempt, CancellationTokenSource lost, CancellationToken over)
    {
        var (lease, good) = (store.Times.Lease, time.GetTimestamp());
        var wait = lease / 3;
        while (true)
        {
            await Task.Delay(wait, time, over)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            if (over.IsCancellationRequested)
            {
                return;
            }
            var sent = time.GetTimestamp();
            var outcome = await store.Tokens.Extend(name, attempt, lease);
            if (outcome == StoreOutcome.Done)
            {
                (good, wait) = (sent, lease / 3);
            }
            else if (outcome == StoreOutcome.Lost || time.GetElapsedTime(good) >= lease * 2 / 3)
            {
                lost.Cancel();
                return;
            }
            else
            {
                wait = lease / 12;
            }
        }
    }

    /// <summary>A lease of ours, and what was stored when it was taken.</summary>
    private sealed record Lease(Attempt Attempt, StoredState StoredState, long At);

    private sealed record OwnNote(SpendIntent Note, long At)
    {
        public TimeSpan Left(TimeProvider time) =>
            time.GetElapsedTime(At) is var past && past < Note.Left ? Note.Left - past : TimeSpan.Zero;
    }
}
