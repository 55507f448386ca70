using Microsoft.Extensions.Logging;

namespace Broker.UpstreamTokens;

/// <summary>
/// The protocol by which replicas renew one token: look, take the lease, look again, note what is spent, call, commit, release.
/// </summary>
/// <remarks>
/// <code>
///   Read --fresh--> use        another's lease, or a note whose writer may be slow: wait (woken, or by poll), look again
///     |                        no answer: as if there were one replica, but nothing that dies at its use is spent
///   Take --look again--> Note --> refresh --token--> Commit
///                          |         | refused, or noted before
///                          |         v
///                          +-----> Permit --> Extend --> login --token--> Commit
/// </code>
/// Order is by number, never by expiry. One call of <see cref="Run"/> at a time; <see cref="Republish"/> may run beside it.
/// </remarks>
internal sealed partial class SharedRenewal(RecordKey name, TokenCellRegistry vault, SharedStore store, TokenCalls calls, ILogger log)
{
    private readonly TimeProvider time = vault.Time;

    /// <summary>The newest pair seen.</summary>
    private volatile Holding? holding;

    /// <summary>The access token that the cell was given last; another one than the pair's when it was got without Redis.</summary>
    private string? served;

    /// <summary>One renewal. The caller sees to it that a fault ends it too.</summary>
    public async Task<RenewalResult> Run(RenewalRequest asked)
    {
        var from = time.GetTimestamp();
        var longest = (asked.Plan.Times.CallDeadline + store.Times.Lease) * 2;
        Task? changed = null;
        if (asked.Plan.Logins.Any(store.Seat.IsNeeded))
        {
            store.Seat.Want();
        }
        while (true)
        {
            var step = await Look(asked);
            if (step.End is { } end)
            {
                return end with { RecheckAfter = store.Times.Poll * 5 };
            }
            if (time.GetElapsedTime(from) >= longest)
            {
                // A wait that ran out says nothing of the credentials.
                return RenewalResult.Failed(TokenProblem.Unavailable);
            }
            if (step.Wait <= TimeSpan.Zero)
            {
                continue;
            }
            if (step.IsPause)
            {
                // Each release is told to all: a replica that had the lease and waits would wake itself and the others with its own.
                await Task.Delay(Min(step.Wait, store.Times.Poll), time);
                continue;
            }
            if (changed is null)
            {
                // Listens first and looks once more: what changes in between is not missed.
                changed = store.Tokens.Changed(name, Min(step.Wait, store.Times.Poll));
                continue;
            }
            await changed;
            changed = null;
        }
    }

    private SharedPair? Held => holding?.Pair;

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    /// <summary>Steps 1 to 3: what is stored, then the lease, then what is stored under the lease.</summary>
    private async Task<RenewalStep> Look(RenewalRequest asked)
    {
        if (asked.Plan.IsOnlyOne && !asked.Identity.IsCurrent(asked.Cell))
        {
            return RenewalStep.Failed(TokenProblem.Unavailable); // a newer config has come meanwhile: its cell renews
        }
        await CommitPending();
        var sent = time.GetTimestamp();
        var seen = Saw(await store.Tokens.Read(name)) with { AskedAt = sent };
        if (await Judge(asked, seen) is { } known)
        {
            return known;
        }
        var attempt = store.NewAttempt();
        sent = time.GetTimestamp();
        var taken = Saw(await store.Tokens.Take(name, attempt, store.Times.Lease)) with { AskedAt = sent };
        if (taken is { Outcome: StoreOutcome.Done, Number: 0 })
        {
            return await Judge(asked, taken) ?? RenewalStep.Again;
        }
        var takenAt = time.GetTimestamp();
        try
        {
            return await Judge(asked, taken) ?? await Renew(asked, new(attempt, taken, takenAt));
        }
        finally
        {
            // After "unknown" too: the lease may be ours.
            await store.Tokens.Release(name, attempt);
        }
    }

    /// <summary>What is stored may answer already; null when it does not.</summary>
    private async Task<RenewalStep?> Judge(RenewalRequest asked, StoredState seen)
    {
        if (seen.Outcome != StoreOutcome.Done)
        {
            return new(await Away(asked), default);
        }
        if (seen.LacksKey is { } key)
        {
            vault.LacksKey(name, key);
            return RenewalStep.Failed(TokenProblem.Unavailable);
        }
        vault.LacksKey(name, null);
        if (Heed(seen.Pair))
        {
            asked.Identity.Accepted(asked.Plan.Fingerprint); // refusals and pauses end with it, here as in Redis
        }
        if (holding is { } mine && mine.Pair.FencingToken > (seen.Pair?.FencingToken ?? 0))
        {
            return await Restore(asked, mine, seen);
        }
        if (seen.Pair is { } pair && Usable(asked, pair, seen) is { } left)
        {
            return new(Adopt(asked, pair, left, seen), default);
        }
        if (seen.Pair is { } above)
        {
            GiveWay(asked, above, seen);
        }
        return seen.Quiet.LeftFor(asked.Plan.Fingerprint) is var quiet && quiet > TimeSpan.Zero
                ? RenewalStep.Failed(seen.Quiet.Problem, quiet)
            : seen.LeaseLeft > TimeSpan.Zero ? new RenewalStep(null, seen.LeaseLeft)
            : seen.Note is { } note && note.Left > TimeSpan.Zero ? new RenewalStep(null, note.Left)
            : EpochLeft(asked, seen) is { } pause && pause < store.Times.RecoveryDelay ? new RenewalStep(null, pause)
            : null;
    }

    /// <summary>How long the stored token may be served since the store was asked; null when it is not what is wanted.</summary>
    private TimeSpan? Usable(RenewalRequest asked, SharedPair pair, StoredState seen)
    {
        var isNewer = pair.FencingToken > (Held?.FencingToken ?? 0);
        if (pair.IsForgotten || (pair.Record != asked.Cell.Name && (Held is not { IsForgotten: false } || !isNewer)))
        {
            return null; // the identity's pair, got for another revision of the config: a replica without one gets its own
        }
        var isServed = !isNewer && pair.Access == served;
        if (isServed && asked.IsRejection)
        {
            return null;
        }
        var left = Left(pair, seen);
        var live =
            asked.IsRejection || asked.Cell.Held is not { IsOver: false } now
                ? TimeSpan.Zero
                : time.GetElapsedTime(seen.AskedAt, now.EndsAt);
        if (isServed)
        {
            // No clock of another machine makes longer what we count ourselves.
            left = Min(left, live);
        }
        var margin = Min(asked.Plan.Times.RenewBefore, pair.Life / 4);
        return left > margin || (left > live && left > TimeSpan.Zero) ? left : null;
    }

    /// <summary>
    /// The smallest of what the key, Redis's clock and ours say, since the store was asked: how long its answer took is not given twice.
    /// </summary>
    private TimeSpan Left(SharedPair pair, StoredState seen)
    {
        var left = Min(
            Min(TimeSpan.FromMicroseconds(pair.EndsAt - seen.Now), pair.EndsAtUtc - time.GetUtcNow() + time.GetElapsedTime(seen.AskedAt)),
            pair.Life
        );
        return seen.PairLeft is { } key ? Min(left, key) : left;
    }

    /// <summary>Serves what is stored; it counts as asked for when its issuer began to count.</summary>
    private RenewalResult Adopt(RenewalRequest asked, SharedPair pair, TimeSpan left, StoredState seen)
    {
        if (pair.Record == asked.Cell.Name)
        {
            asked.Identity.Accepted(asked.Plan.Fingerprint); // another's login with the same credentials
        }
        (holding, highest, unknowns) = (new(pair, seen.AskedAt + Ticks(left)), 0, 0);
        served = pair.Access;
        return new(pair.Access, seen.AskedAt - Ticks(pair.Life - left), pair.Life, TokenProblem.None, null);
    }
}
