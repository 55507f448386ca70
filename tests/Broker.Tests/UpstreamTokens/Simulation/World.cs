using System.Globalization;
using Broker.Configuration;
using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens.Simulation;

/// <summary>Two or three processes, one Redis, one upstream, and what happens to them: all of it out of one seed.</summary>
internal sealed partial class World
{
    private static readonly TimeSpan Faults = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan Calm = TimeSpan.FromSeconds(120);

    private readonly List<string> trace = [];
    private readonly double strikes;
    private readonly double losses;
    private readonly double delays;
    private readonly double restarts;
    private readonly double cuts;
    private readonly double forgets;
    private readonly bool isReplicated;
    private readonly bool isLong;
    private readonly bool hasWrongClock;
    private readonly Process[] processes;

    public World(int seed, Defect defect = Defect.None, bool isTracing = false)
    {
        (Seed, Defect, IsTracing) = (seed, defect, isTracing);
        Pump = new(seed);
        Redis = new(Pump, defect);
        operators = new(seed ^ 0x0b0e);
        Budgets = new(this);
        // Not every world knows every trouble: where all happens at once, much hides behind something else.
        double[] much = [0, 0.3, 1, 3];
        double Draw() => much[Pump.Random.Next(much.Length)];
        (strikes, losses, delays, restarts, cuts, forgets) = (Draw(), Draw(), Draw(), Draw(), Draw(), Pump.Chance(0.3) ? Draw() : 0);
        (isReplicated, isLong, hasWrongClock, ChangesSecret) = (Pump.Chance(0.3), Pump.Chance(0.2), Pump.Chance(0.1), Pump.Chance(0.5));
        var windows = Pump.Chance(0.5) ? Roomy : Tight;
        Windows = seed % 5 == 3 ? Scarce : windows;
        Accounts = [.. DrawAccounts()];
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
        Plan(forgets, () => Pump.Random.GetItems([.. Accounts], 1)[0].Upstream.Forget());
        if (Pump.Chance(0.2))
        {
            Pump.After(Pump.Between(4_000, 35_000), Revise);
        }
        PlanForgetting();
    }

    public static CellTimes CellTimes { get; } =
        new(
            RenewBefore: TimeSpan.FromSeconds(3),
            CallDeadline: TimeSpan.FromSeconds(4),
            TokenWaitTimeout: TimeSpan.FromSeconds(15),
            RetryDelay: TimeSpan.FromMilliseconds(500),
            MaxRetryDelay: TimeSpan.FromSeconds(4),
            IdleTimeout: TimeSpan.FromHours(1)
        )
        {
            BackOffMax = TimeSpan.FromSeconds(8),
        };

    public static SharedTimes Times { get; } =
        new()
        {
            Lease = TimeSpan.FromSeconds(3),
            Poll = TimeSpan.FromMilliseconds(500),
            MaxReplicas = 3,
            SeatLives = TimeSpan.FromSeconds(3),
            ClocksDiffer = TimeSpan.FromMilliseconds(100),
        };

    private static IReadOnlyList<LoginWindowOptions> Roomy { get; } = [new() { Permit = 6, Per = TimeSpan.FromSeconds(20) }];

    private static IReadOnlyList<LoginWindowOptions> Tight { get; } =
    [
        new() { Permit = 3, Per = TimeSpan.FromSeconds(6) },
        new()
        {
            Permit = 4,
            Per = TimeSpan.FromSeconds(8),
            Scope = LoginScope.Endpoint,
        },
    ];

    /// <summary>Fewer than there are replicas: alone they have to take turns.</summary>
    private static IReadOnlyList<LoginWindowOptions> Scarce { get; } = [new() { Permit = 2, Per = TimeSpan.FromSeconds(2) }];

    public IReadOnlyList<LoginWindowOptions> Windows { get; }

    public int Seed { get; }

    public Defect Defect { get; }

    public bool IsTracing { get; }

    public Pump Pump { get; }

    public SimulatedRedis Redis { get; }

    public Budgets Budgets { get; }

    public IReadOnlyList<SimulatedAccount> Accounts { get; }

    /// <summary>The newest config.</summary>
    public int Revision { get; private set; }

    /// <summary>Whether a change of the config is one of the secrets: else of the scopes.</summary>
    public bool ChangesSecret { get; }

    /// <summary>When Redis went away last, and when it came back.</summary>
    public TimeSpan RedisWentAt { get; private set; } = TimeSpan.MinValue;

    public TimeSpan RedisBackAt { get; private set; } = TimeSpan.MinValue;

    /// <summary>From when to when it was there before it went away last.</summary>
    public (TimeSpan From, TimeSpan To) RedisWasThere { get; private set; }

    /// <summary>Those that live.</summary>
    public IReadOnlyCollection<Process> Processes => [.. processes.Where(process => !process.IsDead)];

    public bool IsFaulty => Pump.Time < Faults;

    public string? Failure { get; private set; }

    /// <summary>Until a promise is broken, or all is well again after the faults.</summary>
    public string? Run()
    {
        while (Failure is null && Pump.Step(Faults)) { }
        while (Failure is null && !processes.All(process => process.IsUsable) && Pump.Step(Faults + Calm)) { }
        if (!processes.All(process => process.IsUsable))
        {
            Fail("the account is lost: long after all faults ended somebody has no token that the upstream takes");
        }
        Array.ForEach(processes, process => process.Dispose());
        return Failure;
    }

    public SimulatedAccount Of(RecordKey name) => Accounts.Count == 1 || Accounts[0].Record == name ? Accounts[0] : Accounts[1];

    public int IndexOf(SimulatedAccount account) => ReferenceEquals(account, Accounts[0]) ? 0 : 1;

    /// <summary>After each step of Redis.</summary>
    public void Hold()
    {
        foreach (var account in Accounts)
        {
            account.Promises.Hold();
        }
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
            trace.Add(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Pump.Steps, 6} {Pump.Time.TotalSeconds, 10:0.000000} {process?.Name, -5} {step} {result} {more}"
                )
            );
        }
    }

    private void Start(int at, int life)
    {
        var process = processes[at] = new Process(this, $"{(char)('A' + at)}.{life}", Revision);
        Trace(process, "starts");
        Pump.After(Pump.Between(0, 500), () => process.Run(process.Serve));
    }

    private IEnumerable<SimulatedAccount> DrawAccounts()
    {
        AccountKind Kind() =>
            Pump.Random.Next(20) switch
            {
                < 3 => AccountKind.LoginOnly,
                < 5 => AccountKind.Refreshing,
                < 8 => AccountKind.RefreshOnly,
                < 9 => AccountKind.KeptRefresh,
                _ => AccountKind.Rotating,
            };
        switch (Pump.Random.Next(20))
        {
            case < 13:
                yield return new(this, "one", Kind(), "one", isOnlyOne: true);
                break;
            case < 18:
                yield return new(this, "one", Kind(), "one", isOnlyOne: true);
                yield return new(this, "two", Kind(), "two", isOnlyOne: true);
                break;
            default:
                yield return new(this, "one", AccountKind.LoginOnly, "both", isOnlyOne: false);
                yield return new(this, "two", AccountKind.LoginOnly, "both", isOnlyOne: false);
                break;
        }
    }

    private void Jump()
    {
        var process = Pump.Random.GetItems(processes, 1)[0];
        process.Clock.Wrong += Pump.Between(-20_000, 20_000);
        Trace(process, "has its clock wrong by", $"{process.Clock.Wrong}");
    }
}
