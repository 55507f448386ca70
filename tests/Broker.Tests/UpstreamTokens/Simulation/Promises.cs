using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens.Simulation;

/// <summary>
/// What is promised, looked at after every step; the few cases in which a promise does not hold are named here and nowhere else.
/// </summary>
internal sealed class Promises(World world, SimulatedAccount account)
{
    private const int MostTakesInASecond = 12;

    private readonly Dictionary<string, Sending> sent = [];
    private readonly HashSet<string> strays = [];
    private readonly Dictionary<long, long> ends = [];
    private string run = "";
    private SimulatedRedis.StoredPair? last;
    private long given;
    private long takenAway;
    private string takenAwayUnder = "";
    private int unknowns;

    private Pump Pump => world.Pump;

    private SimulatedRedis Redis => world.Redis;

    private SimulatedRedis.LiveLease? Lease => Redis.Lease(account.Record);

    /// <summary>After each step of Redis.</summary>
    public void Hold()
    {
        var now = Redis[account.Record].Pair;
        if (ReferenceEquals(now, last) && run == Redis.Run)
        {
            return;
        }
        if (now is { Ends: { } end })
        {
            ends[now.Value.FencingToken] = end;
        }
        // A pair without a refresh token ends with its access token, and leaves nothing to stand above.
        var stored = last?.Ends <= Redis.Now ? null : last?.Value;
        if (run == Redis.Run && stored is not null && now?.Value is { } pair)
        {
            if (pair.FencingToken < stored.FencingToken)
            {
                world.Fail($"the generation went down from {stored.FencingToken} to {pair.FencingToken}");
            }
            else if (
                !strays.Contains(stored.Access)
                && !pair.IsForgotten
                && !IsOrderUnknown(stored, pair)
                && account.Upstream.IsLive(stored.Access)
                && account.Upstream.Age(pair.Access) < account.Upstream.Age(stored.Access)
            )
            {
                world.Fail($"{stored.Access} lives, and the older {pair.Access} was put over it");
            }
        }
        if (
            now?.Value is { IsForgotten: false } back
            && back.FencingToken < takenAway
            && Redis.Run == takenAwayUnder
            && !Redis.IsClockWrong
        )
        {
            world.Fail($"{back.Access} came back after it was taken away with {takenAway}");
        }
        (run, last) = (Redis.Run, now);
    }

    /// <summary>An operator took the pair away, with this number.</summary>
    public void TakenAway(long number, StoreOutcome outcome)
    {
        if (outcome == StoreOutcome.Done)
        {
            (takenAway, takenAwayUnder) = (number, Redis.Run);
        }
    }

    /// <summary>Who has to wait waits: nobody asks for the lease again and again.</summary>
    public void Takes(Process process, Conduct conduct)
    {
        conduct.Takes.Enqueue(Pump.Time);
        while (conduct.Takes.Peek() <= Pump.Time - TimeSpan.FromSeconds(1))
        {
            conduct.Takes.Dequeue();
        }
        if (conduct.Takes.Count > MostTakesInASecond)
        {
            world.Fail($"{process.Name} asks for the lease {conduct.Takes.Count} times in a second");
        }
    }

    /// <summary>At the moment the lease is taken, or not.</summary>
    public void Took(Process process, StoredState seen)
    {
        if (seen.Number == 0)
        {
            return;
        }
        if (run == Redis.Run && seen.Number <= given && !Redis.IsClockWrong)
        {
            world.Fail($"{process.Name} got the number {seen.Number}, and {given} was given before");
        }
        // An empty Redis on another machine can count backwards only if that one's clock is behind.
        foreach (var other in world.Processes.Where(other => other[account].Conduct.Known >= seen.Number && !Redis.IsClockWrong))
        {
            world.Fail($"{process.Name} got the number {seen.Number}, and {other.Name} holds {other[account].Conduct.Known}");
        }
        given = seen.Number;
    }

    /// <summary>At the moment of a commit.</summary>
    public void Committed(Process process, Attempt attempt, SharedPair pair, StoreOutcome outcome)
    {
        if (outcome == StoreOutcome.Lost && Lease?.Attempt == attempt && pair.RunId == Redis.Run && !Redis.IsClockWrong)
        {
            world.Fail($"{process.Name} has the lease, and its commit is void");
        }
        if (outcome == StoreOutcome.Done)
        {
            process[account].Conduct.Shown = Math.Max(process[account].Conduct.Shown, pair.FencingToken);
            if (process[account].Conduct.IsStray)
            {
                strays.Add(pair.Access); // asked for after the lease had ended, in the pause between check and send
            }
        }
        // What has ended in Redis leaves nothing to stand above, in who holds it either: only a live pair is never overwritten by an older
        // one.
        // Numbers that an empty Redis gives by a clock that is behind are the one way below what others hold (see Took).
        if (
            outcome == StoreOutcome.Done
            && !Redis.IsClockWrong
            && world.Processes.FirstOrDefault(other =>
                other[account].Conduct.Shown > pair.FencingToken && !HasEnded(other[account].Conduct.Shown)
            )
                is { } holder
            && Redis[account.Record].Pair?.Value.RunId == Redis.Run
        )
        {
            world.Fail($"{process.Name} committed {pair.FencingToken} for good, and {holder.Name} holds {holder[account].Conduct.Shown}");
        }
    }

    /// <summary>
    /// The upstream issues a token; to a call that outlived its lease (it or its process was held up): its number is older than the token.
    /// </summary>
    public void Issued(Process process, string access)
    {
        if (Lease?.Attempt != process[account].Conduct.Attempt)
        {
            strays.Add(access);
        }
    }

    public void CallBegins(Process process, int revision, string? refresh)
    {
        var conduct = process[account].Conduct;
        // A pause, or a loss of Redis's memory, exactly between the check and the send: nothing helps against these.
        var isBetween = process.PausedAt >= conduct.StepSent || Redis.RestartedAt >= conduct.StepSent;
        var isFenced = !conduct.IsAlone && Lease?.Attempt == conduct.Attempt;
        if (!conduct.IsAlone && !isFenced && !isBetween)
        {
            world.Fail($"{process.Name} calls the upstream without the lease");
        }
        if (
            !conduct.IsAlone
            && conduct.Taken.Pair is { IsForgotten: false } there
            && there.FencingToken > conduct.KnownBefore
            && there.Record == account.CellName(revision)
            && IsFresh(process, there)
        )
        {
            world.Fail($"{process.Name} calls the upstream, and saw the fresh {there.Access} when it took the lease");
        }
        if (refresh is null)
        {
            Login(process, conduct);
        }
        else if (account.Rotates)
        {
            Spend(process, conduct, refresh, isFenced);
        }
        (conduct.IsCalling, conduct.CallBegan, conduct.Sends, conduct.IsStray) = (true, Pump.Time, refresh, !isFenced);
    }

    public void CallEnds(Process process, TokenAnswerKind answer)
    {
        var conduct = process[account].Conduct;
        (conduct.IsCalling, conduct.Answer) = (false, answer);
        unknowns += conduct.Sends is not null && answer == TokenAnswerKind.Unknown ? 1 : 0;
        if (conduct.Sends is { } spent && sent.TryGetValue(spent, out var sending) && sending.Process == process)
        {
            sending.Answer = answer;
            if (answer == TokenAnswerKind.NotNow)
            {
                sent.Remove(spent); // the upstream said that it did nothing
            }
        }
        if (
            !conduct.IsAlone
            && Lease?.Attempt != conduct.Attempt
            && process.TroubleAt < conduct.CallBegan
            && Redis.RestartedAt < conduct.StepSent
            && process.PausedAt < conduct.StepSent
        )
        {
            world.Fail($"{process.Name} lost the lease while its call ran, and nothing had happened to it");
        }
    }

    public void HandedOut(Process process, string access, bool isFirst)
    {
        if (!account.Upstream.Issued(access))
        {
            world.Fail($"{process.Name} hands out {access}, which is not {account.Name}'s");
        }
        // that one, and a replica's own wall clock: no third clock is asked
        else if (account.Upstream.EndOf(access) <= Pump.Time && !Redis.IsClockWrong)
        {
            world.Fail($"{process.Name} hands out {access} past its end");
        }
        else if (isFirst && account.Upstream.NewestRevision < process.Revision && account.IsOnlyOne)
        {
            world.Fail($"{process.Name} has another config, and hands out {access} of the old one");
        }
    }

    /// <summary>The numbers of two earlier epochs are as good as the clocks that these had.</summary>
    private bool IsOrderUnknown(SharedPair stored, SharedPair pair) =>
        Redis.IsOrderLost && stored.RunId != pair.RunId && stored.RunId != Redis.Run && pair.RunId != Redis.Run;

    private bool HasEnded(long generation) => ends.TryGetValue(generation, out var end) && end <= Redis.Now;

    private bool IsFresh(Process process, SharedPair pair)
    {
        var margin = World.CellTimes.RenewBefore + TimeSpan.FromSeconds(1);
        return process[account].Conduct.Taken is var seen
            && TimeSpan.FromMicroseconds(pair.EndsAt - seen.Now) > margin
            && pair.EndsAtUtc - process[account].Conduct.TakenAt > margin;
    }

    private void Login(Process process, Conduct conduct)
    {
        // Of a token that can be sent again the third unknown answer leads to a login; who hears only the third may have been told of the
        // others.
        var isAllowed = conduct.Answer switch
        {
            TokenAnswerKind.NotNow => false,
            TokenAnswerKind.Unknown => !account.Rotates && unknowns >= LoginIdentity.MaxUnknowns,
            _ => true,
        };
        if (!account.CanLogin || (!conduct.IsAlone && !isAllowed))
        {
            world.Fail($"{process.Name} logs in after {conduct.Answer}");
        }
        world.Budgets.LogsIn(process, account, conduct);
    }

    private void Spend(Process process, Conduct conduct, string refresh, bool isFenced)
    {
        if (isFenced && conduct.Taken.Pair is { IsForgotten: true })
        {
            world.Fail($"{process.Name} spends {refresh}, and saw that it was taken away");
        }
        if (conduct.IsAlone)
        {
            world.Fail($"{process.Name} spends {refresh} without Redis");
        }
        if (sent.TryGetValue(refresh, out var first) && isFenced && first.IsFenced && !IsForgotten(first) && !IsLastWayIn(first))
        {
            world.Fail($"{process.Name} sends {refresh}, which {first.Process.Name} sent");
        }
        sent[refresh] = new(process, conduct.StepSent, isFenced);
    }

    /// <summary>Redis lost its memory, and who knows better is dead or was away for longer than the epoch's pause.</summary>
    private bool IsForgotten(Sending first)
    {
        if (Redis.RestartedAt < first.Before)
        {
            return false;
        }
        var told = first.Process[account].Conduct.ToldAt;
        var isInTime = told >= Redis.RestartedAt && told <= Redis.RestartedAt + World.Times.RecoveryDelay;
        return first.Process.IsDead || (!isInTime && first.Process.HadTroubleSince(Redis.RestartedAt));
    }

    /// <summary>
    /// An account that cannot log in tries again what may be spent: no answer came, it was refused, or who sent it is gone, or was held up
    /// and could not say.
    /// </summary>
    private bool IsLastWayIn(Sending first) =>
        !account.CanLogin
        && (
            first.Answer is TokenAnswerKind.Unknown or TokenAnswerKind.Refused
            || first.Process.HadTroubleSince(first.Before)
            || first.Process.TroubleAt >= first.Before
        );

    private sealed record Sending(Process Process, TimeSpan Before, bool IsFenced)
    {
        public TokenAnswerKind? Answer { get; set; }
    }
}
