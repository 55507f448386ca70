using Broker.Tokens.Sources;
using Broker.Tokens.Store;

namespace Broker.Tests.Tokens.Simulation;

/// <summary>What is promised, looked at after every step; the few cases in which a promise does not hold are named here and nowhere else.</summary>
internal sealed class Promises(World world)
{
    private readonly Dictionary<string, Sending> sent = [];
    private readonly List<(TimeSpan At, bool IsAlone)> logins = [];
    private readonly HashSet<string> strays = [];
    private readonly Dictionary<long, long> ends = [];
    private string run = "";
    private SimulatedRedis.StoredPair? last;
    private long given;

    private Pump Pump => world.Pump;

    private SimulatedRedis Redis => world.Redis;

    private SimulatedRedis.LiveLease? Lease => Redis.Lease(Process.Record);

    /// <summary>After each step of Redis.</summary>
    public void Hold()
    {
        var now = Redis[Process.Record].Pair;
        if (ReferenceEquals(now, last) && run == Redis.Run)
        {
            return;
        }
        if (now is { Ends: { } end })
        {
            ends[now.Value.Generation] = end;
        }
        // A pair without a refresh token ends with its access token, and leaves nothing to stand above.
        var stored = last?.Ends <= Redis.Now ? null : last?.Value;
        if (run == Redis.Run && stored is not null && now?.Value is { } pair)
        {
            if (pair.Generation < stored.Generation)
            {
                world.Fail($"the generation went down from {stored.Generation} to {pair.Generation}");
            }
            else if (!strays.Contains(stored.Access) && world.Upstream.IsLive(stored.Access) && SimulatedUpstream.Age(pair.Access) < SimulatedUpstream.Age(stored.Access))
            {
                world.Fail($"{stored.Access} lives, and the older {pair.Access} was put over it");
            }
        }
        (run, last) = (Redis.Run, now);
    }

    /// <summary>At the moment the lease is taken, or not.</summary>
    public void Took(Process process, Seen seen)
    {
        if (seen.Number == 0)
        {
            return;
        }
        if (run == Redis.Run && seen.Number <= given)
        {
            world.Fail($"{process.Name} got the number {seen.Number}, and {given} was given before");
        }
        foreach (var other in world.Processes.Where(other => other.Conduct.Known >= seen.Number))
        {
            world.Fail($"{process.Name} got the number {seen.Number}, and {other.Name} holds {other.Conduct.Known}");
        }
        given = seen.Number;
    }

    /// <summary>At the moment of a commit.</summary>
    public void Committed(Process process, Attempt attempt, SharedPair pair, StoreOutcome outcome)
    {
        if (outcome == StoreOutcome.Lost && Lease?.Attempt == attempt && pair.Run == Redis.Run)
        {
            world.Fail($"{process.Name} has the lease, and its commit is void");
        }
        if (outcome == StoreOutcome.Done)
        {
            process.Conduct.Shown = Math.Max(process.Conduct.Shown, pair.Generation);
            if (process.Conduct.IsStray)
            {
                strays.Add(pair.Access); // got after the lease had ended, in the pause between check and send: its number is older than it is
            }
        }
        // What has ended in Redis leaves nothing to stand above, in who holds it either: only a live pair is never overwritten by an older one.
        if (outcome == StoreOutcome.Done && world.Processes.FirstOrDefault(other => other.Conduct.Shown > pair.Generation && !HasEnded(other.Conduct.Shown)) is { } holder
            && Redis[Process.Record].Pair?.Value.Run == Redis.Run)
        {
            world.Fail($"{process.Name} committed {pair.Generation} for good, and {holder.Name} holds {holder.Conduct.Shown}");
        }
    }

    public void CallBegins(Process process, string? refresh)
    {
        var conduct = process.Conduct;
        // A pause, or a loss of Redis's memory, exactly between the check and the send: nothing helps against these.
        var isBetween = conduct.PausedAt >= conduct.StepSent || Redis.RestartedAt >= conduct.StepSent;
        var isFenced = !conduct.IsAlone && Lease?.Attempt == conduct.Attempt;
        if (!conduct.IsAlone && !isFenced && !isBetween)
        {
            world.Fail($"{process.Name} calls the upstream without the lease");
        }
        if (!conduct.IsAlone && conduct.Taken.Pair is { } there && there.Generation > conduct.KnownBefore && IsFresh(process, there))
        {
            world.Fail($"{process.Name} calls the upstream, and saw the fresh {there.Access} when it took the lease");
        }
        if (refresh is null)
        {
            Login(process);
        }
        else if (world.Kind == AccountKind.Rotating)
        {
            Spend(process, refresh, isFenced);
        }
        (conduct.IsCalling, conduct.CallBegan, conduct.Sends, conduct.IsStray) = (true, Pump.Time, refresh, !isFenced);
    }

    public void CallEnds(Process process, AnswerKind answer)
    {
        var conduct = process.Conduct;
        (conduct.IsCalling, conduct.Answer) = (false, answer);
        if (answer == AnswerKind.NotNow && conduct.Sends is { } unspent)
        {
            sent.Remove(unspent); // the upstream said that it did nothing
        }
        if (!conduct.IsAlone && Lease?.Attempt != conduct.Attempt && conduct.TroubleAt < conduct.CallBegan && Redis.RestartedAt < conduct.StepSent
            && conduct.PausedAt < conduct.StepSent)
        {
            world.Fail($"{process.Name} lost the lease while its call ran, and nothing had happened to it");
        }
    }

    public void HandedOut(Process process, string access)
    {
        if (world.Upstream.EndOf(access) <= Pump.Time)
        {
            world.Fail($"{process.Name} hands out {access} past its end");
        }
    }

    private bool HasEnded(long generation) => ends.TryGetValue(generation, out var end) && end <= Redis.Now;

    private static bool IsFresh(Process process, SharedPair pair)
    {
        var margin = World.CellTimes.RenewBefore + TimeSpan.FromSeconds(1);
        return process.Conduct.Taken is var seen && TimeSpan.FromMicroseconds(pair.EndsAt - seen.Now) > margin && pair.EndsAtUtc - process.Conduct.TakenAt > margin;
    }

    private void Login(Process process)
    {
        var conduct = process.Conduct;
        if (!conduct.IsAlone && conduct.Answer is AnswerKind.NotNow or AnswerKind.Unknown)
        {
            world.Fail($"{process.Name} logs in after {conduct.Answer}");
        }
        logins.Add((conduct.IsAlone ? Pump.Time : conduct.PermitSent, conduct.IsAlone));
        var since = Pump.Time - World.Window.Per + TimeSpan.FromSeconds(2);
        var lately = logins.Where(login => login.At > since).ToList();
        if (lately.Count(login => !login.IsAlone) > World.Window.Permit || lately.Count(login => login.IsAlone) > Math.Max(1, world.Processes.Count))
        {
            world.Fail($"{lately.Count} logins within {World.Window.Per}, the budget is {World.Window.Permit}");
        }
    }

    private void Spend(Process process, string refresh, bool isFenced)
    {
        if (process.Conduct.IsAlone)
        {
            world.Fail($"{process.Name} spends {refresh} without Redis");
        }
        if (sent.TryGetValue(refresh, out var first))
        {
            var isLost = Redis.RestartedAt >= first.Before && (first.Process.IsDead || first.Process.Conduct.TroubleAt >= Redis.RestartedAt
                || first.Process.Conduct.PausedAt >= Redis.RestartedAt);
            if (isFenced && first.IsFenced && !isLost)
            {
                world.Fail($"{process.Name} sends {refresh}, which {first.Process.Name} sent");
            }
        }
        sent[refresh] = new(process, process.Conduct.StepSent, isFenced);
    }

    private sealed record Sending(Process Process, TimeSpan Before, bool IsFenced);
}
