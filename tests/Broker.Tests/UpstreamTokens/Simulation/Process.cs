using Broker.UpstreamTokens;
using Microsoft.Extensions.Logging;

namespace Broker.Tests.UpstreamTokens.Simulation;

/// <summary>
/// One broker process from its start to its crash: its continuations, timers and answers run on the pump, and only while it lives and is
/// not paused.
/// </summary>
internal sealed class Process : SynchronizationContext, ILogger<TokenCellRegistry>, IDisposable
{
    private static readonly HttpMessageInvoker NoNetwork = new(new HttpClientHandler());

    private readonly World world;
    private readonly TokenCellRegistry vault;
    private readonly AccountUse[] uses;

    public Process(World world, string name, int revision)
    {
        (this.world, Name, Revision, Born) = (world, name, revision, world.Pump.Time);
        Clock = new(world.Pump, Run) { Booted = world.Pump.Between(0, 1_000_000), Wrong = world.Pump.Between(-100, 100) };
        Tokens = new(this, world);
        vault = new(Clock, this, NoNetwork);
        vault.NameBy(SimulatedAccount.Key);
        vault.Share(new(Tokens, World.Times, () => (ulong)world.Pump.Random.NextInt64(), name, Clock));
        uses = [.. world.Accounts.Select(account => new AccountUse(world, this, account))];
        Configure(revision);
    }

    public string Name { get; }

    public SimulatedClock Clock { get; }

    public SimulatedTokens Tokens { get; }

    /// <summary>Which config it has.</summary>
    public int Revision { get; private set; }

    public TimeSpan Born { get; }

    public bool IsDead { get; private set; }

    public TimeSpan PausedUntil { get; set; }

    public bool IsPaused => PausedUntil > world.Pump.Time;

    /// <summary>Redis cannot be reached from here until then.</summary>
    public TimeSpan CutUntil { get; set; }

    /// <summary>When it was last paused: until when.</summary>
    public TimeSpan PausedAt { get; set; } = TimeSpan.MinValue;

    /// <summary>When it last lost a command or an answer, was cut off or paused.</summary>
    public TimeSpan TroubleAt { get; set; } = TimeSpan.MinValue;

    /// <summary>When it last sent a command that was lost or late on the way, whatever Redis did.</summary>
    public TimeSpan LostAt { get; set; } = TimeSpan.MinValue;

    public bool IsUsable => !IsDead && Array.TrueForAll(uses, use => use.IsUsable || use.Account.IsForgiven);

    public IReadOnlyList<AccountUse> Uses => uses;

    public AccountUse this[SimulatedAccount account] => uses[world.IndexOf(account)];

    /// <summary>Whether it renews something just now.</summary>
    public bool IsRenewing => Array.Exists(uses, use => world.Redis.Lease(use.Account.Record)?.Attempt == use.Conduct.Attempt);

    /// <summary>Whether it has been away from Redis, or paused, since.</summary>
    public bool HadTroubleSince(TimeSpan from) => IsDead || PausedAt >= from || CutUntil >= from || LostAt >= from;

    public void Configure(int revision)
    {
        Revision = revision;
        Array.ForEach(uses, use => use.Configure(vault, revision));
    }

    /// <summary>Callers of every account.</summary>
    public void Serve() => Array.ForEach(uses, use => world.Pump.After(world.Pump.Between(0, 300), () => Run(use.Serve)));

    public override void Post(SendOrPostCallback d, object? state)
    {
        if (world.IsFaulty && world.Pump.Chance(0.01))
        {
            world.Pump.After(world.Pump.Between(0, 30), () => Run(() => d(state)));
        }
        else
        {
            world.Pump.Soon(() => Run(() => d(state)));
        }
    }

    public void Run(Action action)
    {
        if (!IsDead && !IsPaused)
        {
            world.MaybeStrike(this);
        }
        if (IsDead)
        {
            return;
        }
        if (IsPaused)
        {
            world.Pump.After(PausedUntil - world.Pump.Time, () => Run(action));
            return;
        }
        var before = Current;
        SetSynchronizationContext(this);
        try
        {
            action();
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }

    public void Crash()
    {
        IsDead = true;
        world.Budgets.Crashed(this);
        world.Trace(this, "crashes");
    }

    public void Dispose() => IsDead = true;

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    bool ILogger.IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    void ILogger.Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter
    ) => world.Fail($"{Name} logs an error: {formatter(state, exception)}");
}
