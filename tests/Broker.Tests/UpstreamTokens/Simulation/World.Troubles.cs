using System.Globalization;
using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens.Simulation;

/// <content>What happens to processes, messages, Redis and the config.</content>
internal sealed partial class World
{
    /// <summary>A process may crash or stop for a while at each of its steps, most likely while it renews.</summary>
    public void MaybeStrike(Process process)
    {
        if (!IsFaulty || strikes == 0 || !Pump.Chance(strikes * (process.IsRenewing ? 0.01 : 0.0003)))
        {
            return;
        }
        if (Pump.Chance(0.35))
        {
            process.Crash();
            var at = Array.IndexOf(processes, process);
            Pump.After(Pump.Between(50, 5000), () => Start(at, int.Parse(process.Name.AsSpan(2), CultureInfo.InvariantCulture) + 1));
        }
        else
        {
            process.PausedUntil = Pump.Time + Pump.Between(20, Pump.Chance(0.5) ? 1000 : 9000);
            process.PausedAt = process.TroubleAt = process.PausedUntil;
            Trace(process, "is paused until", $"{process.PausedUntil}");
        }
    }

    /// <summary>How long a command takes to get to Redis, and its answer back; null when it is lost.</summary>
    public (TimeSpan? There, TimeSpan? Back) Network(Process process)
    {
        TimeSpan? Way() =>
            IsFaulty && Pump.Chance(losses * 0.01)
                ? null
                : Pump.Between(
                    0.1,
                    !IsFaulty ? 2
                        : Pump.Chance(delays * 0.02) ? 3000
                        : 10
                );
        var ways = (There: Way(), Back: Way());
        if (ways.There is null || ways.Back is null || ways.There + ways.Back > TimeSpan.FromMilliseconds(100))
        {
            process.TroubleAt = Pump.Time + TimeSpan.FromSeconds(1);
            process.LostAt = Pump.Time;
        }
        return ways;
    }

    /// <summary>How long a request to the upstream takes, and its answer.</summary>
    public (TimeSpan There, TimeSpan Back) Endpoint()
    {
        TimeSpan Way() => Pump.Between(10, IsFaulty && Pump.Chance(0.05 + (delays * 0.05)) ? 4500 : 100);
        return (Way(), Way());
    }

    /// <summary>Where Redis has replicas, one confirmed the note, or none did.</summary>
    public StoreOutcome Confirmed(StoreOutcome note)
    {
        if (!isReplicated || note != StoreOutcome.Done)
        {
            return note;
        }
        if (IsFaulty && Pump.Chance(losses * 0.02))
        {
            return StoreOutcome.NotReplicated;
        }
        Redis.Snapshot(isConfirmed: true);
        return note;
    }

    private void Tell(RecordKey name)
    {
        foreach (var process in Processes)
        {
            for (
                var copies =
                    IsFaulty && Pump.Chance(losses * 0.05) ? 0
                    : Pump.Chance(0.1) ? 2
                    : 1;
                copies > 0;
                copies--
            )
            {
                Pump.After(Pump.Between(0.1, 20), () => process.Run(() => process.Tokens.Hear(name)));
            }
        }
    }

    private void Snapshots()
    {
        Redis.Snapshot();
        Pump.After(Pump.Between(100, 2000), Snapshots);
    }

    private void Plan(double much, Action strike)
    {
        if (much > 0)
        {
            Pump.After(Pump.Between(0, 40_000 / much), () =>
            {
                if (IsFaulty)
                {
                    strike();
                    Plan(much, strike);
                }
            });
        }
    }

    private void StrikeRedis()
    {
        if (Redis.IsDown)
        {
            return;
        }
        var away = Pump.Between(
            5,
            !Pump.Chance(0.3) ? 500
                : isLong ? 25_000
                : 9000
        );
        away = away < Faults - Pump.Time ? away : Faults - Pump.Time;
        var what = Pump.Random.Next(4);
        Trace(
            null,
            "Redis goes away",
            $"for {away}",
            what switch
            {
                0 => "only",
                1 => "and restarts empty",
                2 => "and goes back",
                _ => "and restarts",
            }
        );
        RedisWasThere = (RedisBackAt, Pump.Time);
        (Redis.IsDown, RedisWentAt) = (true, Pump.Time);
        foreach (var process in Processes)
        {
            Pump.After(Pump.Between(1, 1000), () => process.Run(() =>
                {
                    if (Redis.IsDown)
                    {
                        process.Tokens.Lose();
                    }
                }));
        }
        Pump.After(away, () => ReturnRedis(what));
    }

    private void ReturnRedis(int what)
    {
        (Redis.IsDown, RedisBackAt) = (false, Pump.Time);
        if (what > 0)
        {
            var jump = hasWrongClock ? Pump.Between(-5000, 5000) : TimeSpan.Zero;
            if (hasWrongClock)
            {
                Redis.JumpClock(jump);
            }
            var counts = Accounts
                .Select(account => account.Identity)
                .Append(SimulatedAccount.Endpoint)
                .Distinct()
                .ToDictionary(budget => budget, Redis.CountOf);
            Redis.Restart(isEmpty: what == 1 && !isReplicated, back: what == 3 ? 0 : Pump.Random.Next(1, 8));
            Budgets.Restarted(Redis, budget => counts[budget], hasWrongClock);
            Hold();
        }
        Trace(null, "Redis is back:", Redis.Run);
        foreach (var process in Processes)
        {
            process.TroubleAt = Pump.Time;
            if (what > 0)
            {
                // a server that restarts has closed its connections
                Pump.After(Pump.Between(1, 200), () => process.Run(process.Tokens.Lose));
            }
        }
    }

    private void Cut()
    {
        var process = Pump.Random.GetItems(processes, 1)[0];
        var away = Pump.Between(50, 6000);
        process.CutUntil = process.TroubleAt = Pump.Time + away;
        Trace(process, "is cut off until", $"{process.CutUntil}");
        Pump.After(Pump.Between(1, 1000), () => process.Run(() =>
            {
                if (process.CutUntil > Pump.Time)
                {
                    process.Tokens.Lose();
                }
            }));
    }

    /// <summary>The config changes, and each process learns of it when it does.</summary>
    private void Revise()
    {
        Revision++;
        foreach (var account in Accounts)
        {
            account.Upstream.Revise();
        }
        Trace(null, "the config changes:", ChangesSecret ? "another secret, and the old one is refused" : "other scopes");
        foreach (var process in Processes)
        {
            Pump.After(Pump.Between(0, 8000), () => process.Run(() =>
                {
                    Trace(process, "has the new config");
                    process.Configure(Revision);
                }));
        }
    }
}
