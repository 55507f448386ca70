using System.Globalization;
using Broker.Configuration;
using Broker.Tokens;
using Broker.Tokens.Store;

namespace Broker.Tests.Tokens.Simulation;

internal enum AccountKind
{
    /// <summary>The refresh token dies at its use.</summary>
    Rotating,

    /// <summary>The refresh token can be used again.</summary>
    Refreshing,

    LoginOnly,
}

/// <summary>Two or three processes, one Redis, one upstream, and what happens to them: all of it out of one seed.</summary>
internal sealed class World
{
    private static readonly TimeSpan Faults = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(120);

    private readonly List<string> trace = [];
    private readonly double strikes;
    private readonly double losses;
    private readonly double delays;
    private readonly double restarts;
    private readonly double cuts;
    private readonly bool isReplicated;
    private readonly Process[] processes;

    public World(int seed, Defect defect = Defect.None, bool isTracing = false)
    {
        (Seed, Defect, IsTracing) = (seed, defect, isTracing);
        Pump = new(seed);
        Redis = new(Pump, defect);
        Upstream = new(this);
        Promises = new(this);
        Kind = Pump.Random.Next(10) switch { 0 => AccountKind.LoginOnly, 1 => AccountKind.Refreshing, _ => AccountKind.Rotating };
        // Not every world knows every trouble: where all happens at once, much hides behind something else.
        double[] much = [0, 0.3, 1, 3];
        double Draw() => much[Pump.Random.Next(much.Length)];
        (strikes, losses, delays, restarts, cuts) = (Draw(), Draw(), Draw(), Draw(), Draw());
        isReplicated = Pump.Chance(0.3);
        Redis.Told += Tell;
        processes = new Process[2 + Pump.Random.Next(2)];
        for (var i = 0; i < processes.Length; i++)
        {
            Start(i, 1);
        }
        Pump.After(TimeSpan.FromMilliseconds(200), Snapshots);
        Plan(restarts, StrikeRedis);
        Plan(cuts, Cut);
        Plan(cuts, Jump);
    }

    public static CellTimes CellTimes { get; } = new(
        RenewBefore: TimeSpan.FromSeconds(3),
        CallDeadline: TimeSpan.FromSeconds(4),
        Patience: TimeSpan.FromSeconds(15),
        QuietTime: TimeSpan.FromMilliseconds(500),
        QuietTimeMax: TimeSpan.FromSeconds(4),
        UnusedAfter: TimeSpan.FromHours(1));

    public static SharedTimes Times { get; } = new() { Lease = TimeSpan.FromSeconds(3), Poll = TimeSpan.FromMilliseconds(500) };

    public static LoginWindowOptions Window { get; } = new() { Permit = 6, Per = TimeSpan.FromSeconds(20) };

    public int Seed { get; }

    public Defect Defect { get; }

    public bool IsTracing { get; }

    public Pump Pump { get; }

    public SimulatedRedis Redis { get; }

    public SimulatedUpstream Upstream { get; }

    public Promises Promises { get; }

    public AccountKind Kind { get; }

    /// <summary>Those that live.</summary>
    public IReadOnlyCollection<Process> Processes => [.. processes.Where(process => !process.IsDead)];

    public bool IsFaulty => Pump.Time < Faults;

    public string? Failure { get; private set; }

    /// <summary>Until a promise is broken, or all is well again after the faults.</summary>
    public string? Run()
    {
        while (Failure is null && Pump.Step(Faults))
        {
        }
        while (Failure is null && !processes.All(process => process.IsUsable) && Pump.Step(Faults + Calm))
        {
        }
        if (!processes.All(process => process.IsUsable))
        {
            Fail("the account is lost: long after all faults ended somebody has no token that the upstream takes");
        }
        Array.ForEach(processes, process => process.Dispose());
        return Failure;
    }

    /// <summary>What happened, step by step.</summary>
    public string Interleaving => string.Join('\n', trace);

    public void Fail(string what)
    {
        Trace(null, "BROKEN:", what);
        Failure ??= $"seed {Seed}, step {Pump.Steps}, {Pump.Time}: {what}";
    }

    public void Trace(Process? process, string step, string result = "", string more = "")
    {
        if (IsTracing && Failure is null)
        {
            trace.Add(string.Create(CultureInfo.InvariantCulture, $"{Pump.Steps,6} {Pump.Time.TotalSeconds,10:0.000000} {process?.Name,-5} {step} {result} {more}"));
        }
    }

    /// <summary>A process may crash or stop for a while at each of its steps, most likely while it renews.</summary>
    public void MaybeStrike(Process process)
    {
        if (!IsFaulty || strikes == 0 || !Pump.Chance(strikes * (Redis.Lease(Process.Record)?.Attempt == process.Conduct.Attempt ? 0.01 : 0.0003)))
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
            process.Conduct.PausedAt = process.Conduct.TroubleAt = process.PausedUntil;
            Trace(process, "is paused until", $"{process.PausedUntil}");
        }
    }

    /// <summary>How long a command takes to get to Redis, and its answer back; null when it is lost.</summary>
    public (TimeSpan? There, TimeSpan? Back) Network(Process process)
    {
        TimeSpan? Way() => IsFaulty && Pump.Chance(losses * 0.01) ? null : Pump.Between(0.1, !IsFaulty ? 2 : Pump.Chance(delays * 0.02) ? 3000 : 10);
        var ways = (There: Way(), Back: Way());
        if (ways.There is null || ways.Back is null || ways.There + ways.Back > TimeSpan.FromMilliseconds(100))
        {
            process.Conduct.TroubleAt = Pump.Time + TimeSpan.FromSeconds(1);
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

    private void Start(int at, int life)
    {
        var process = processes[at] = new Process(this, $"{(char)('A' + at)}.{life}");
        Trace(process, "starts");
        Pump.After(Pump.Between(0, 500), () => process.Run(process.Serve));
    }

    private void Tell(StoreName name)
    {
        foreach (var process in Processes)
        {
            for (var copies = IsFaulty && Pump.Chance(losses * 0.05) ? 0 : Pump.Chance(0.1) ? 2 : 1; copies > 0; copies--)
            {
                Pump.After(Pump.Between(0.1, 20), () => process.Run(process.Tokens.Wake));
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
        var away = Pump.Between(5, Pump.Chance(0.3) ? 9000 : 500);
        away = away < Faults - Pump.Time ? away : Faults - Pump.Time;
        var what = Pump.Random.Next(4);
        Trace(null, "Redis goes away", $"for {away}", what switch { 0 => "only", 1 => "and restarts empty", 2 => "and goes back", _ => "and restarts" });
        Redis.IsDown = true;
        Pump.After(away, () =>
        {
            Redis.IsDown = false;
            if (what > 0)
            {
                Redis.Restart(isEmpty: what == 1 && !isReplicated, back: what == 3 ? 0 : Pump.Random.Next(1, 8));
                Promises.Hold();
            }
            Trace(null, "Redis is back:", Redis.Run);
            foreach (var process in Processes)
            {
                process.Conduct.TroubleAt = Pump.Time;
                Pump.After(Pump.Between(1, 200), () => process.Run(process.Tokens.Return));
            }
        });
    }

    private void Cut()
    {
        var process = Pump.Random.GetItems(processes, 1)[0];
        var away = Pump.Between(50, 6000);
        process.CutUntil = Pump.Time + away;
        process.Conduct.TroubleAt = process.CutUntil;
        Trace(process, "is cut off until", $"{process.CutUntil}");
        Pump.After(away, () => process.Run(process.Tokens.Return));
    }

    private void Jump()
    {
        var process = Pump.Random.GetItems(processes, 1)[0];
        process.Clock.Wrong += Pump.Between(-20_000, 20_000);
        Trace(process, "has its clock wrong by", $"{process.Clock.Wrong}");
    }
}
