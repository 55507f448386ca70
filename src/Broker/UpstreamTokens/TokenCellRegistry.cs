using System.Collections.Concurrent;
using Broker.Configuration;
using Microsoft.Extensions.Logging;

namespace Broker.UpstreamTokens;

/// <summary>
/// Every token cell of this process, by record name; and what outlives a cell: login budgets, refusals, kept refresh tokens.
/// </summary>
internal sealed class TokenCellRegistry : IDisposable
{
    /// <summary>
    /// Cells of template accounts are as many as there are users; beyond this the one unused longest of a few makes room.
    /// </summary>
    private const int MostCells = 200_000;

    private readonly Lock gate = new();
    private readonly ConcurrentDictionary<OpaqueName, TokenCell> cells = new();
    private readonly Dictionary<OpaqueName, LoginIdentity> identities = [];
    private readonly ConcurrentDictionary<RecordKey, string> lackedKeys = new();
    private readonly ILogger log;
    private readonly HttpMessageInvoker http;
    private int count;
    private int sweepAt = 1024;

    public TokenCellRegistry(TimeProvider time, ILogger<TokenCellRegistry> log, HttpMessageInvoker? http = null)
    {
        (Time, this.log) = (time, log);
        this.http = http ?? TokenHttp.NewInvoker();
        (Budget, AwayBudget, Subjects) = (new(time), new(time, TimeSpan.FromDays(3650)), new(time));
        TokenMetrics.Watch(this);
    }

    public TimeProvider Time { get; }

    /// <summary>The tokens that all replicas share; null when there is one replica, and tokens live in this process only.</summary>
    public SharedStore? Shared { get; private set; }

    /// <summary>The encryption key without which stored tokens cannot be read; null when there is none such.</summary>
    public string? LackedKey => lackedKeys.Values.FirstOrDefault();

    public NamingKey Names { get; private set; } = new();

    public LoginBudget Budget { get; }

    /// <summary>This process's share of the logins while Redis is away.</summary>
    public LoginBudget AwayBudget { get; }

    public RefusedSubjects Subjects { get; }

    public RefreshKeeps Keeps { get; } = new();

    public IEnumerable<TokenCell> Cells => cells.Values;

    /// <summary>The one way that sources have to the network.</summary>
    public TokenHttp Http => field ??= new TokenHttp(http, Time);

    /// <summary>The cell of this name; made, or told of a newer config, when it must be.</summary>
    public TokenCell Find(OpaqueName name, long version, Func<CellPlan> plan)
    {
        if (cells.TryGetValue(name, out var cell) && cell.Renewer!.Plan.Version >= version)
        {
            return cell;
        }
        var newer = plan();
        lock (gate)
        {
            if (!cells.TryGetValue(name, out cell))
            {
                MakeRoom();
                cell = new TokenCell(Time, new Renewer(newer, IdentityOf(newer), this, log), this, name);
                Put(cell);
            }
            cell.Renewer!.Adopt(newer);
            cell.Renewer.Identity.Claim(cell, version);
        }
        cell.Watch();
        return cell;
    }

    /// <summary>A cell that was let go and is used all the same comes back; or its successor, when there is one.</summary>
    public TokenCell? Return(TokenCell cell)
    {
        if (!cell.IsGone)
        {
            return null;
        }
        lock (gate)
        {
            if (cells.TryGetValue(cell.Name, out var other) && !ReferenceEquals(other, cell))
            {
                return other;
            }
            if (cell.IsGone)
            {
                // Its identity may have been forgotten meanwhile, and made anew by a newer cell.
                cell.Renewer!.Identity = IdentityOf(cell.Renewer.Plan);
                Put(cell);
            }
        }
        cell.Watch();
        return null;
    }

    /// <summary>Called by a cell that nobody has used for long.</summary>
    public void LetGo(TokenCell cell)
    {
        lock (gate)
        {
            Remove(cell);
        }
    }

    /// <summary>Names records as all replicas do; before there is a cell.</summary>
    public void NameBy(NamingKey names) => Names = names;

    /// <summary>
    /// Takes the names' key from the config; once it is in use, another one takes effect at the next start, and the poller says so.
    /// </summary>
    public void NameAs(RedisOptions? redis)
    {
        if (Shared is null && cells.IsEmpty && redis is not null)
        {
            NameBy(new(redis.NamingKey.Reveal()));
        }
    }

    /// <summary>Shares tokens from now on.</summary>
    public void Share(SharedStore shared)
    {
        Shared = shared;
        shared.Tokens.Answered += shared.Heard;
        shared.Tokens.Returned += shared.Back;
        shared.Returned += new EpochRecovery(this, shared).Start;
    }

    /// <summary>Remembers which encryption key a record needs and this replica lacks; null when it lacks none.</summary>
    public void LacksKey(RecordKey name, string? key)
    {
        if (key is null)
        {
            if (!lackedKeys.IsEmpty)
            {
                lackedKeys.TryRemove(name, out _);
            }
        }
        else if (lackedKeys.TryAdd(name, key))
        {
            TokenLog.LacksKey(log, key);
        }
    }

    /// <summary>Tells that an upstream refuses what it issues, and how long no other token is asked for because of that.</summary>
    public void RefusedAtFirstUse(CellPlan plan, TimeSpan pause) =>
        TokenLog.RefusedAtFirstUse(log, plan.Upstream, plan.Account, pause.TotalSeconds);

    /// <summary>There are other encryption keys: what is lacking shows at the next look.</summary>
    public void HasOtherKeys() => lackedKeys.Clear();

    public void Dispose() => http.Dispose();

    private void Put(TokenCell cell)
    {
        cell.Mark(gone: false);
        cells[cell.Name] = cell;
        cell.Renewer!.Identity.Cells++;
        count++;
    }

    private void Remove(TokenCell cell)
    {
        if (!cells.TryRemove(new(cell.Name, cell)))
        {
            return;
        }
        cell.Mark(gone: true);
        count--;
        var identity = cell.Renewer!.Identity;
        identity.Cells--;
        if (identity.IsForgettable)
        {
            identities.Remove(identity.Name);
        }
    }

    /// <summary>Forgets identities without cells whose pauses are over, at doubling sizes, so that it costs little.</summary>
    private LoginIdentity IdentityOf(CellPlan plan)
    {
        if (identities.Count >= sweepAt)
        {
            identities.Values.Where(identity => identity.IsForgettable).ToList().ForEach(identity => identities.Remove(identity.Name));
            sweepAt = Math.Max(1024, identities.Count * 2);
        }
        return identities.TryGetValue(plan.Identity, out var known) ? known : identities[plan.Identity] = new(plan.Identity, Time);
    }

    private void MakeRoom()
    {
        if (count >= MostCells)
        {
            Remove(cells.Take(32).MinBy(pair => pair.Value.LastUsed).Value);
        }
    }
}
