using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens.Simulation;

/// <summary>One account in one process: its cell, who asks for its token, and what the promises go by.</summary>
internal sealed class AccountUse(World world, Process process, SimulatedAccount account)
{
    private static readonly CancellationToken NoPatience = new(canceled: true);

    private TokenCell cell = null!;
    private UpstreamToken? last;
    private string lastValue = "";
    private bool isNew;

    public SimulatedAccount Account => account;

    /// <summary>What has been done so far, as far as a promise is about it.</summary>
    public Conduct Conduct { get; } = new();

    public bool IsUsable => cell.Held is { IsOver: false } token && account.Upstream.IsLive(Value(token));

    /// <summary>The config of this revision from now on.</summary>
    public void Configure(TokenCellRegistry vault, int revision)
    {
        var name = account.CellName(revision);
        if (cell?.Name != name)
        {
            isNew = true;
            cell = vault.Find(name, revision + 1, () => account.Plan(process, revision));
        }
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
        world.Pump.After(world.Pump.Between(50, 1500), () => process.Run(Serve));
    }

    private static void Forget(ValueTask<TokenResult> wait)
    {
        if (!wait.IsCompleted)
        {
            throw new InvalidOperationException("a wait without patience waits");
        }
        _ = wait.AsTask().Exception;
    }

    private void Send(UpstreamToken token)
    {
        var value = Value(token);
        account.Promises.HandedOut(process, value, isNew);
        isNew = false;
        var (sent, from) = (process.Clock.GetTimestamp(), cell);
        world.Pump.After(world.Pump.Between(5, 60), () =>
        {
            var isTaken = account.Upstream.IsLive(value);
            process.Run(() =>
            {
                if (isTaken)
                {
                    token.Succeeded(sent);
                }
                else
                {
                    world.Trace(process, "is told 401 for", value);
                    Forget(from.Replace(token, sent, "s", NoPatience));
                }
            });
        });
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
}

/// <summary>What a process has done so far for an account, as far as a promise is about it.</summary>
internal sealed class Conduct
{
    /// <summary>The highest generation that it was shown or committed.</summary>
    public long Known { get; set; }

    /// <summary>The highest generation that Redis showed it or stored for it.</summary>
    public long Shown { get; set; }

    /// <summary>The attempt that it took last.</summary>
    public Attempt Attempt { get; set; }

    /// <summary>When it asked for the lease, within the last second.</summary>
    public Queue<TimeSpan> Takes { get; } = [];

    /// <summary>What it read before it took the lease.</summary>
    public StoredState LastRead { get; set; }

    /// <summary>What was stored really when it took the lease; and the generation it knew before.</summary>
    public StoredState Taken { get; set; }

    public long KnownBefore { get; set; }

    /// <summary>What its wall clock said then.</summary>
    public DateTimeOffset TakenAt { get; set; }

    /// <summary>Whether the last step was not answered: what it does now, it does alone.</summary>
    public bool IsAlone { get; set; }

    /// <summary>When the last step was sent.</summary>
    public TimeSpan StepSent { get; set; }

    public bool IsCalling { get; set; }

    public TimeSpan CallBegan { get; set; }

    /// <summary>Whether that call began after a pause in which the lease had ended.</summary>
    public bool IsStray { get; set; }

    /// <summary>The refresh token of that call.</summary>
    public string? Sends { get; set; }

    /// <summary>What the upstream said last in this attempt, in truth.</summary>
    public TokenAnswerKind? Answer { get; set; }

    /// <summary>When it last told Redis what it holds.</summary>
    public TimeSpan ToldAt { get; set; } = TimeSpan.MinValue;
}
