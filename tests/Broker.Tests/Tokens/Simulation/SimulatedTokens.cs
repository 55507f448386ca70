using Broker.Tokens;
using Broker.Tokens.Sources;
using Broker.Tokens.Store;

namespace Broker.Tests.Tokens.Simulation;

/// <summary>One process's connection to the simulated Redis: commands are late or lost, answers too, messages come twice or not at all.</summary>
internal sealed class SimulatedTokens(Process process, World world) : ISharedTokens
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);

    private readonly HashSet<string> runs = [];
    private readonly List<TaskCompletionSource> waits = [];
    private Seen lastRead;

    public event Action? Returned;

    private Pump Pump => world.Pump;

    private SimulatedRedis Redis => world.Redis;

    private Conduct Conduct => process.Conduct;

    public async Task<Seen> Read(StoreName name)
    {
        Conduct.KnownBefore = Conduct.Known;
        return lastRead = Met(await Send("Read", true, () => Redis.Read(name), seen => seen.Outcome));
    }

    public async Task<Seen> Take(StoreName name, Attempt attempt, TimeSpan lease)
    {
        (Conduct.Attempt, Conduct.Answer) = (attempt, null);
        long? drawn = null;
        if (world.Defect == Defect.NumberTakenApartFromTheLease)
        {
            drawn = await Send("Draw", true, () => Redis.Draw(name), number => number > 0 ? StoreOutcome.Done : StoreOutcome.Unknown);
        }
        var seen = Met(await Send(
            "Take",
            true,
            () =>
            {
                var taken = Redis.Take(name, attempt, lease, drawn is 0 ? null : drawn);
                world.Promises.Took(process, taken);
                return taken;
            },
            seen => seen.Outcome));
        (Conduct.Taken, Conduct.TakenAt) = (seen, process.Clock.GetUtcNow());
        return world.Defect == Defect.NoSecondLookAfterTheLease && seen.Number > 0
            ? seen with { Pair = lastRead.Pair, PairLeft = lastRead.PairLeft } : seen;
    }

    public Task<StoreOutcome> Note(StoreName name, Attempt attempt, RecordName spends, TimeSpan deadline, TimeSpan lease) =>
        Send("Note", true, () => world.Confirmed(Redis.Note(name, attempt, spends, deadline, lease)), outcome => outcome);

    public Task<StoreOutcome> Extend(StoreName name, Attempt attempt, TimeSpan lease)
    {
        var isCheck = !Conduct.IsCalling;
        return (world.Defect == Defect.LeaseNotExtendedWhileTheCallRuns && !isCheck)
            || (world.Defect == Defect.LoginAfterRefusedWithoutTheLeaseCheck && isCheck && Conduct.Answer == AnswerKind.Refused)
            ? Task.FromResult(StoreOutcome.Done)
            : Send(isCheck ? "Check" : "Extend", isCheck, () => Redis.Extend(name, attempt, lease), outcome => outcome);
    }

    public Task<StoreOutcome> Commit(StoreName name, Attempt attempt, SharedPair pair, TimeSpan? lives)
    {
        Conduct.Known = Math.Max(Conduct.Known, pair.Generation);
        return Send(
            "Commit",
            true,
            () =>
            {
                var outcome = Redis.Commit(name, attempt, pair, lives);
                world.Promises.Committed(process, attempt, pair, outcome);
                return outcome;
            },
            outcome => outcome);
    }

    public Task<StoreOutcome> Release(StoreName name, Attempt attempt) => Send("Release", false, () => Redis.Release(name, attempt), outcome => outcome);

    public Task<StoreOutcome> Settle(StoreName name, Attempt attempt, Settlement settlement) =>
        Send("Settle", false, () => Redis.Settle(name, attempt, settlement), outcome => outcome);

    public Task<StoreOutcome> Republish(StoreName name, SharedPair? pair, TimeSpan? lives, SharedNote? note) =>
        Send("Republish", false, () => Redis.Republish(name, pair, lives, note), outcome => outcome, isAlone => Conduct.IsAlone |= isAlone);

    public Task<Permission> Permit(BudgetAsk ask)
    {
        Conduct.PermitSent = ask.IsReminder ? Conduct.PermitSent : Pump.Time;
        return Send(ask.IsReminder ? "Remind" : "Permit", !ask.IsReminder, () => Redis.Permit(ask), permission => permission.Outcome);
    }

    public async Task Changed(StoreName name, TimeSpan atMost)
    {
        var wait = new TaskCompletionSource();
        waits.Add(wait);
        Pump.After(atMost, () => process.Run(() => wait.TrySetResult()));
        await wait.Task;
        waits.Remove(wait);
    }

    /// <summary>A message arrives.</summary>
    public void Wake()
    {
        foreach (var wait in waits.ToArray())
        {
            wait.TrySetResult();
        }
    }

    /// <summary>The connection is back.</summary>
    public void Return() => Returned?.Invoke();

    private Seen Met(Seen seen)
    {
        if (seen.Outcome == StoreOutcome.Done)
        {
            Conduct.Shown = Math.Max(Conduct.Shown, seen.Pair?.Generation ?? 0);
            Conduct.Known = Math.Max(Conduct.Known, Conduct.Shown);
            if (runs.Add(seen.Run) && runs.Count > 1)
            {
                Returned?.Invoke();
            }
        }
        return seen;
    }

    private async Task<T> Send<T>(string step, bool isMain, Func<T> work, Func<T, StoreOutcome> outcome, Action<bool>? after = null)
    {
        var answer = new TaskCompletionSource<T>();
        var (there, back) = world.Network(process);
        Conduct.StepSent = isMain ? Pump.Time : Conduct.StepSent;
        Pump.After(Timeout, () => process.Run(() => answer.TrySetResult(default!)));
        if (there is { } way)
        {
            Pump.After(way, () =>
            {
                if (Redis.IsDown || process.CutUntil > Pump.Time)
                {
                    return;
                }
                var result = work();
                world.Trace(process, step, $"{outcome(result)}{Detail(result)}", back is null ? "(not heard)" : "");
                world.Promises.Hold();
                if (back is { } returns)
                {
                    Pump.After(returns, () => process.Post(_ => answer.TrySetResult(result), null));
                }
            });
        }
        var known = await answer.Task;
        var isUnknown = outcome(known) == StoreOutcome.Unknown;
        if (isUnknown)
        {
            Conduct.TroubleAt = Pump.Time;
            world.Trace(process, step, "is not answered");
        }
        Conduct.IsAlone = isMain ? isUnknown : Conduct.IsAlone;
        after?.Invoke(isUnknown);
        return known;
    }

    private string Detail<T>(T result) => !world.IsTracing ? "" : result switch
    {
        Seen seen => $" number {seen.Number}, pair {seen.Pair?.Generation}/{seen.Pair?.Access}, lease {seen.LeaseLeft}, note {seen.Note?.Number}/{seen.Note?.Left}, quiet {seen.Quiet.Left}",
        Permission permission => $" count {permission.Count}, wait {permission.Wait}",
        _ => "",
    };
}
