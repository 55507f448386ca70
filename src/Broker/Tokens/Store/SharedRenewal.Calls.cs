using Broker.Tokens.Sources;

namespace Broker.Tokens.Store;

/// <content>Steps 4 and 5: the note, the calls, and what each of their four answers leads to.</content>
internal sealed partial class SharedRenewal
{
    /// <summary>What this process is about to spend, or may have spent: told again to a Redis that lost its memory.</summary>
    private volatile OwnNote? own;

    /// <summary>How many refreshes in a row ended nobody knows how, as far as this process made them.</summary>
    private int unknowns;
    private long unknownsSince;

    /// <summary>Past its deadline too: what may be spent stays so until a newer pair is there.</summary>
    private SharedNote? note => own is { } mine ? mine.Note with { Left = mine.Left(time) } : null;

    private async Task<Step> Renew(Asked asked, Lease lease)
    {
        var source = asked.Plan.Source;
        if (Spendable(asked, lease.Seen) is not { } spent)
        {
            return await LogIn(asked, lease);
        }
        if (source.Rotates)
        {
            if (MayBeSpent(asked, spent, lease.Seen))
            {
                return await LogIn(asked, lease);
            }
            if (EpochLeft(asked, lease.Seen) is { } pause)
            {
                return Step.Pause(pause);
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
            case AnswerKind.Token:
                return await Commit(asked, lease, answer, spent, at);
            case AnswerKind.Refused when source.CanLogin:
                await Settle(new(NoteFate.Shorten, TimeSpan.Zero, null, TokenProblem.None, default, null), lease);
                return await LogIn(asked, lease);
            case AnswerKind.Unknown when !source.Rotates && source.CanLogin && IsEnough(lease.Seen.Pair, lease.Seen.Quiet.Unknowns):
                return await LogIn(asked, lease);
            default:
                return await Quiet(asked, lease, "refresh", answer, source.Rotates && answer.Kind == AnswerKind.Unknown);
        }
    }

    /// <summary>One more unknown refresh. Of a token that rotates the first one is enough: what may be spent is not sent again.</summary>
    private bool IsEnough(SharedPair? pair, int shared)
    {
        var since = pair?.Generation ?? 0;
        (unknowns, unknownsSince) = (Math.Max(since == unknownsSince ? unknowns : 0, shared) + 1, since);
        return unknowns >= LoginIdentity.MaxUnknowns;
    }

    /// <summary>What a refresh would spend: the pair's, if it is this config's or descends from its first one; that one, where an account has no other way in.</summary>
    private TokenPair? Spendable(Asked asked, Seen seen)
    {
        var (source, first) = (asked.Plan.Source, asked.Plan.Source.FirstRefreshToken);
        if (!source.CanLogin && IsRefused(asked, seen))
        {
            return null;
        }
        if (seen.Pair is { Refresh: not null } pair
            && (pair.Record == asked.Cell.Name || (Held?.Generation ?? 0) >= pair.Generation || (first is not null && pair.Of == Origin(first))))
        {
            return new TokenPair(pair.Access, pair.Refresh);
        }
        return first is null || (source.Rotates && seen.Pair?.Spent.Contains(Origin(first)) is true) ? null : new TokenPair(null, asked.Plan.Keep is { } keep ? vault.Keeps.Read(keep, first, log) ?? first : first);
    }

    private RecordName Origin(string first) => Origin(vault.Names, first);

    public static RecordName Origin(NameKey names, string first) => names.Name("first", first);

    private RecordName Digest(TokenPair pair) => vault.Names.Name("spends", pair.Refresh);

    /// <summary>3. Its writer is not at it any more, and no newer pair came: a second use could take the live tokens along.</summary>
    private bool MayBeSpent(Asked asked, TokenPair pair, Seen seen) => asked.Plan.Source.CanLogin && (seen.IsNoteForeign || (seen.Note is { } old && old.Spends == Digest(pair)));

    /// <summary>How long nobody spends a refresh token, for who holds a newer pair says so now; null when that is over, or nothing would be spent.</summary>
    /// <remarks>It counts from the first lease of the epoch: who only looks waits without taking another.</remarks>
    private TimeSpan? EpochLeft(Asked asked, Seen seen)
    {
        // While it is away, Redis or of a Cluster this record's node, nobody can say anything.
        var there = Min(store.ThereFor(seen.EpochAge), absences.ThereFor(seen.EpochAge));
        return there < store.Times.EpochPause && asked.Plan.Source.Rotates && Spendable(asked, seen) is { } pair && !MayBeSpent(asked, pair, seen)
            ? store.Times.EpochPause - there : null;
    }

    /// <summary>4. The note; null when it stands.</summary>
    private async Task<Step?> Write(Asked asked, Lease lease, RecordName digest)
    {
        var deadline = asked.Plan.Times.CallDeadline;
        var written = Saw(await store.Tokens.Note(name, lease.Attempt, digest, deadline, store.Times.Lease));
        switch (written)
        {
            case StoreOutcome.Done:
                own = new(new(lease.Seen.Number, digest, lease.Attempt, deadline), time.GetTimestamp());
                return null;
            case StoreOutcome.Lost:
                return Step.Again;
        }
        // Not sure that the note outlives this Redis: nothing is spent.
        await store.Tokens.Settle(name, lease.Attempt, new(NoteFate.Withdraw, default, null, TokenProblem.None, default, null));
        if (written == StoreOutcome.Unknown)
        {
            return new(await Away(asked), default);
        }
        return asked.Plan.Source.CanLogin && IsNearEnd(asked) ? await LogIn(asked, lease) : Step.Failed(TokenProblem.Unavailable);
    }

    private async Task<Step?> StillOurs(Asked asked, Lease lease) =>
        Saw(await store.Tokens.Extend(name, lease.Attempt, store.Times.Lease)) switch
        {
            StoreOutcome.Done => null,
            StoreOutcome.Lost => Step.Again,
            _ => new(await Away(asked), default),
        };

    /// <summary>A call during which the lease and the note are extended; without the lease it is cancelled.</summary>
    private async Task<TokenAnswer> Call(Asked asked, Lease lease, string call, Func<CancellationToken, Task<TokenAnswer>> ask)
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
            await Task.Delay(wait, time, over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
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
    private sealed record Lease(Attempt Attempt, Seen Seen, long At);

    private sealed record OwnNote(SharedNote Note, long At)
    {
        public TimeSpan Left(TimeProvider time) => time.GetElapsedTime(At) is var past && past < Note.Left ? Note.Left - past : TimeSpan.Zero;
    }
}
