using Broker.Tokens;
using Broker.Tokens.Sources;
using Broker.Tokens.Store;
using Microsoft.Extensions.Logging;

namespace Broker.Tests.Tokens.Simulation;

/// <summary>One broker process from its start to its crash: its continuations, timers and answers run on the pump, and only while it lives and is not paused.</summary>
internal sealed class Process : SynchronizationContext, ILogger<TokenVault>, IDisposable
{
    private static readonly CancellationToken NoPatience = new(canceled: true);
    private static readonly NameKey Names = new("the name key of the simulation");
    private static readonly HttpMessageInvoker NoNetwork = new(new HttpClientHandler());

    private readonly World world;
    private readonly TokenVault vault;
    private readonly TokenCell cell;
    private UpstreamToken? last;
    private string lastValue = "";

    public Process(World world, string name)
    {
        (this.world, Name) = (world, name);
        Clock = new(world.Pump, Run) { Booted = world.Pump.Between(0, 1_000_000), Wrong = world.Pump.Between(-100, 100) };
        Tokens = new(this, world);
        vault = new(Clock, this, NoNetwork);
        vault.NameBy(Names);
        vault.Share(new(Tokens, World.Times, () => (ulong)world.Pump.Random.NextInt64(), name, Clock));
        cell = vault.Find(Names.Name("cell"), 1, () => new CellPlan
        {
            Upstream = "up",
            Account = "one",
            Source = new SimulatedUpstream.Source(world.Upstream, this),
            Times = World.CellTimes,
            Logins = [World.Window],
            Endpoint = Names.Name("endpoint"),
            Identity = Names.Name("identity"),
            Fingerprint = Names.Name("secret"),
            IsOnlyOne = true,
            Keep = null,
            Version = 1,
        });
    }

    public static StoreName Record { get; } = new(Names.Name("identity"), Names.Name("identity"));

    public string Name { get; }

    public SimulatedClock Clock { get; }

    public SimulatedTokens Tokens { get; }

    /// <summary>What the promises go by.</summary>
    public Conduct Conduct { get; } = new();

    public bool IsDead { get; private set; }

    public TimeSpan PausedUntil { get; set; }

    public bool IsPaused => PausedUntil > world.Pump.Time;

    /// <summary>Redis cannot be reached from here until then.</summary>
    public TimeSpan CutUntil { get; set; }

    public bool IsUsable => !IsDead && cell.Held is { IsOver: false } token && world.Upstream.IsLive(Value(token));

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
        world.Trace(this, "crashes");
    }

    /// <summary>A caller, again and again.</summary>
    public void Serve()
    {
        if (cell.TryGet(out var token))
        {
            Send(token);
        }
        else
        {
            Forget(cell.Get(NoPatience)); // starts the renewal; who waits is somebody else
        }
        world.Pump.After(world.Pump.Between(50, 1500), () => Run(Serve));
    }

    private void Send(UpstreamToken token)
    {
        var value = Value(token);
        world.Promises.HandedOut(this, value);
        var sent = Clock.GetTimestamp();
        world.Pump.After(world.Pump.Between(5, 60), () =>
        {
            var isTaken = world.Upstream.IsLive(value);
            Run(() =>
            {
                if (isTaken)
                {
                    token.Succeeded(sent);
                }
                else
                {
                    world.Trace(this, "is told 401 for", value);
                    Forget(cell.Replace(token, sent, "s", NoPatience));
                }
            });
        });
    }

    private static void Forget(ValueTask<TokenResult> wait)
    {
        if (!wait.IsCompleted)
        {
            throw new InvalidOperationException("a wait without patience waits");
        }
        _ = wait.AsTask().Exception;
    }

    private string Value(UpstreamToken token)
    {
        if (!ReferenceEquals(token, last))
        {
            using var request = new HttpRequestMessage();
            token.PutOn(request);
            (last, lastValue) = (token, request.Headers.Authorization!.Parameter!);
        }
        return lastValue;
    }

    public void Dispose() => IsDead = true;

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;

    bool ILogger.IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        world.Fail($"{Name} logs an error: {formatter(state, exception)}");
}

/// <summary>What a process has done so far, as far as a promise is about it.</summary>
internal sealed class Conduct
{
    /// <summary>The highest generation that it was shown or committed.</summary>
    public long Known { get; set; }

    /// <summary>The highest generation that Redis showed it or stored for it.</summary>
    public long Shown { get; set; }

    /// <summary>The attempt that it took last.</summary>
    public Attempt Attempt { get; set; }

    /// <summary>What was stored really when it took the lease; and the generation it knew before.</summary>
    public Seen Taken { get; set; }

    public long KnownBefore { get; set; }

    /// <summary>What its wall clock said then.</summary>
    public DateTimeOffset TakenAt { get; set; }

    /// <summary>Whether the last step was not answered: what it does now, it does alone.</summary>
    public bool IsAlone { get; set; }

    /// <summary>When the last step was sent.</summary>
    public TimeSpan StepSent { get; set; }

    public TimeSpan PermitSent { get; set; }

    public bool IsCalling { get; set; }

    public TimeSpan CallBegan { get; set; }

    /// <summary>Whether that call began after a pause in which the lease had ended.</summary>
    public bool IsStray { get; set; }

    /// <summary>The refresh token of that call.</summary>
    public string? Sends { get; set; }

    /// <summary>What the upstream said last in this attempt, in truth.</summary>
    public AnswerKind? Answer { get; set; }

    /// <summary>When it was last paused.</summary>
    public TimeSpan PausedAt { get; set; } = TimeSpan.MinValue;

    /// <summary>When it last lost a command or an answer, was cut off or paused.</summary>
    public TimeSpan TroubleAt { get; set; } = TimeSpan.MinValue;
}
