using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens.Simulation;

/// <summary>
/// One process's connection to the simulated Redis: commands are late or lost, answers too, messages come twice or not at all.
/// </summary>
internal sealed class SimulatedTokens(Process process, World world) : ISharedTokens
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(1);

    private readonly List<(RecordKey Name, TaskCompletionSource Wait)> waits = [];
    private readonly Dictionary<OpaqueName, long> counts = [];
    private bool isAway;
    private bool isHealing;

    public event Action? Returned;

    public event Action? Answered;

    private Pump Pump => world.Pump;

    private SimulatedRedis Redis => world.Redis;

    /// <summary>When Redis answered last.</summary>
    public TimeSpan LastAnswer { get; private set; } = TimeSpan.MinValue;

    /// <summary>When it did first: who is first answered as Redis comes back cannot tell what it forgot.</summary>
    public TimeSpan FirstAnswer { get; private set; } = TimeSpan.MaxValue;

    /// <summary>The highest count of permits that it was told.</summary>
    public long CountOf(OpaqueName budget) => counts.GetValueOrDefault(budget);

    public async Task<StoredState> Read(RecordKey name)
    {
        var conduct = Of(name);
        conduct.KnownBefore = conduct.Known;
        return conduct.LastRead = Met(conduct, await Send(conduct, "Read", true, () => Redis.Read(name), seen => seen.Outcome));
    }

    public async Task<StoredState> Take(RecordKey name, Attempt attempt, TimeSpan lease)
    {
        var conduct = Of(name);
        world.Of(name).Promises.Takes(process, conduct);
        (conduct.Attempt, conduct.Answer) = (attempt, null);
        long? drawn = null;
        if (world.Defect == Defect.NumberTakenApartFromTheLease)
        {
            drawn = await Send(
                conduct,
                "Draw",
                true,
                () => Redis.Draw(name),
                number => number > 0 ? StoreOutcome.Done : StoreOutcome.Unknown
            );
        }
        var seen = Met(
            conduct,
            await Send(
                conduct,
                "Take",
                true,
                () =>
                {
                    var taken = Redis.Take(name, attempt, lease, drawn is 0 ? null : drawn);
                    world.Of(name).Promises.Took(process, taken);
                    return taken;
                },
                seen => seen.Outcome
            )
        );
        (conduct.Taken, conduct.TakenAt) = (seen, process.Clock.GetUtcNow());
        return world.Defect == Defect.NoSecondLookAfterTheLease && seen.Number > 0
            ? seen with
            {
                Pair = conduct.LastRead.Pair,
                PairLeft = conduct.LastRead.PairLeft,
            }
            : seen;
    }

    public Task<StoreOutcome> Note(RecordKey name, Attempt attempt, OpaqueName spends, TimeSpan deadline, TimeSpan lease) =>
        Send(Of(name), "Note", true, () => world.Confirmed(Redis.Note(name, attempt, spends, deadline, lease)), outcome => outcome);

    public Task<StoreOutcome> Extend(RecordKey name, Attempt attempt, TimeSpan lease)
    {
        var conduct = Of(name);
        var isCheck = !conduct.IsCalling;
        return
            (world.Defect == Defect.LeaseNotExtendedWhileTheCallRuns && !isCheck)
            || (world.Defect == Defect.LoginAfterRefusedWithoutTheLeaseCheck && isCheck && conduct.Answer == TokenAnswerKind.Refused)
            ? Task.FromResult(StoreOutcome.Done)
            : Send(conduct, isCheck ? "Check" : "Extend", isCheck, () => Redis.Extend(name, attempt, lease), outcome => outcome);
    }

    public Task<StoreOutcome> Commit(RecordKey name, Attempt attempt, SharedPair pair, TimeSpan? lives)
    {
        var conduct = Of(name);
        conduct.Known = Math.Max(conduct.Known, pair.FencingToken);
        return Send(
            conduct,
            "Commit",
            true,
            () =>
            {
                var outcome = Redis.Commit(name, attempt, pair, lives);
                conduct.ToldAt = Pump.Time;
                world.Of(name).Promises.Committed(process, attempt, pair, outcome);
                return outcome;
            },
            outcome => outcome
        );
    }

    public Task<StoreOutcome> Release(RecordKey name, Attempt attempt) =>
        Send(Of(name), "Release", false, () => Redis.Release(name, attempt), outcome => outcome);

    public Task<StoreOutcome> Settle(RecordKey name, Attempt attempt, Settlement settlement) =>
        Send(Of(name), "Settle", false, () => Redis.Settle(name, attempt, settlement), outcome => outcome);

    public Task<StoreOutcome> Republish(RecordKey name, SharedPair? pair, TimeSpan? lives, SpendIntent? note, long? damaged = null)
    {
        var conduct = Of(name);
        var sent = Pump.Time;
        note = world.Defect == Defect.WhatMayBeSpentIsNotToldAgain && note is { } own && own.Left <= TimeSpan.Zero ? null : note;
        return Send(
            conduct,
            "Republish",
            false,
            () =>
            {
                // One that was sent to the Redis of before, and knew of nothing that is spent, tells this one nothing.
                conduct.ToldAt = sent >= Redis.RestartedAt || note is not null ? Pump.Time : conduct.ToldAt;
                return Redis.Republish(name, pair, lives, note);
            },
            outcome => outcome,
            isAlone => conduct.IsAlone |= isAlone
        );
    }

    public async Task<Permission> Permit(BudgetAsk ask)
    {
        var conduct = process.Uses.FirstOrDefault(use => use.Conduct.Attempt == ask.Attempt)?.Conduct ?? new();
        var sent = Pump.Time;
        ask = world.Defect == Defect.LoginsMadeAloneAreNotTold ? ask with { Alone = null } : ask;
        var permission = await Send(
            conduct,
            ask.IsReminder ? "Remind" : "Permit",
            !ask.IsReminder,
            () =>
            {
                var answer = Redis.Permit(ask);
                world.Budgets.Permitted(process, ask, answer, sent);
                return answer;
            },
            permission => permission.Outcome
        );
        counts[ask.Budget] = Math.Max(CountOf(ask.Budget), permission.Count);
        return permission;
    }

    public Task<Seating?> Sit(Attempt who, int? had, int seats, TimeSpan lives) =>
        Send<Seating?>(
            new(),
            "Sit",
            false,
            () => Redis.Sit(who, had, seats, lives),
            seat => seat is null ? StoreOutcome.Unknown : StoreOutcome.Done
        );

    public async Task Changed(RecordKey name, TimeSpan atMost)
    {
        var wait = (Name: name, Wait: new TaskCompletionSource());
        waits.Add(wait);
        Pump.After(atMost, () => process.Run(() => wait.Wait.TrySetResult()));
        await wait.Wait.Task;
        waits.Remove(wait);
    }

    /// <summary>A message arrives, if the process can be reached.</summary>
    public void Hear(RecordKey name)
    {
        if (process.CutUntil > Pump.Time)
        {
            return;
        }
        foreach (var wait in waits.Where(wait => wait.Name == name).ToArray())
        {
            wait.Wait.TrySetResult();
        }
    }

    /// <summary>The connection is lost, or something was not answered: looks again until something is.</summary>
    public void Lose()
    {
        isAway = true;
        if (!isHealing)
        {
            isHealing = true;
            Heal();
        }
    }

    private Conduct Of(RecordKey name) => process[world.Of(name)].Conduct;

    private void Heal()
    {
        if (!isAway)
        {
            isHealing = false;
            return;
        }
        var (there, back) = world.Network(process);
        Pump.After(Pump.Between(5, 900), () => process.Run(Heal));
        if (there is { } way && back is { } returns)
        {
            Pump.After(way, () =>
            {
                if (!Redis.IsDown && process.CutUntil <= Pump.Time)
                {
                    Pump.After(returns, () => process.Run(BackAgain));
                }
            });
        }
    }

    private void Heard() => (LastAnswer, FirstAnswer) = (Pump.Time, FirstAnswer < Pump.Time ? FirstAnswer : Pump.Time);

    /// <summary>Only this says that Redis is back: a step may be answered before.</summary>
    private void BackAgain()
    {
        Heard();
        if (isAway)
        {
            isAway = false;
            Returned?.Invoke();
        }
    }

    private static StoredState Met(Conduct conduct, StoredState seen)
    {
        if (seen.Outcome == StoreOutcome.Done)
        {
            conduct.Shown = Math.Max(conduct.Shown, seen.Pair?.FencingToken ?? 0);
            conduct.Known = Math.Max(conduct.Known, conduct.Shown);
        }
        return seen;
    }

    private async Task<T> Send<T>(
        Conduct conduct,
        string step,
        bool isMain,
        Func<T> work,
        Func<T, StoreOutcome> outcome,
        Action<bool>? after = null
    )
    {
        var answer = new TaskCompletionSource<T>();
        var (there, back) = world.Network(process);
        conduct.StepSent = isMain ? Pump.Time : conduct.StepSent;
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
                world.Hold();
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
            process.TroubleAt = Pump.Time;
            world.Trace(process, step, "is not answered");
            Lose();
        }
        else
        {
            Heard();
            Answered?.Invoke();
        }
        conduct.IsAlone = isMain ? isUnknown : conduct.IsAlone;
        after?.Invoke(isUnknown);
        return known;
    }

    private string Detail<T>(T result) =>
        !world.IsTracing
            ? ""
            : result switch
            {
                StoredState seen =>
                    $" number {seen.Number}, pair {seen.Pair?.FencingToken}/{seen.Pair?.Access}, lease {seen.LeaseLeft}, note "
                        + $"{seen.Note?.Number}/{seen.Note?.Left}, quiet {seen.Quiet.Left}",
                Permission permission => $" count {permission.Count}, wait {permission.Wait}",
                _ => "",
            };
}
