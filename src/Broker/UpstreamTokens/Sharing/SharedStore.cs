using Broker.Configuration;

namespace Broker.UpstreamTokens;

/// <summary>The shared tokens as a vault uses them: the store, the times, and what this process knows of Redis's absence.</summary>
/// <param name="Tokens">The store.</param>
/// <param name="Times">The times of the protocol.</param>
/// <param name="Chance">Where attempt ids come from.</param>
/// <param name="Replica">This replica's name, as other replicas' operators see it.</param>
/// <param name="Time">The clock.</param>
internal sealed record SharedStore(ISharedTokens Tokens, SharedTimes Times, Chance Chance, string Replica, TimeProvider Time)
{
    /// <summary>When this process may log in alone.</summary>
    public Seat Seat { get; } = new(Tokens, Times, Chance, Time);

    private readonly Lock gate = new();
    private readonly HashSet<string> runs = [];
    private readonly HashSet<(string Before, string Now)> epochs = [];
    private Action? epoch;
    private bool isAway;
    private long awaySince;
    private long? lastAnswer;
    private long? silentSince;
    private int returns;
    private (long At, TimeSpan Silent, TimeSpan Absence)? back;
    private readonly OutageHistory absences = new(Time);

    /// <summary>Redis is reached again, or another one answers in its place.</summary>
    public event Action? Returned
    {
        add
        {
            Tokens.Returned += value;
            epoch += value;
        }
        remove
        {
            Tokens.Returned -= value;
            epoch -= value;
        }
    }

    /// <summary>Whether the last step that ended was not answered.</summary>
    public bool IsAway
    {
        get
        {
            lock (gate)
            {
                return isAway;
            }
        }
    }

    /// <summary>How long Redis is away; zero when it is not.</summary>
    public TimeSpan AwayFor
    {
        get
        {
            lock (gate)
            {
                return isAway ? Time.GetElapsedTime(awaySince) : TimeSpan.Zero;
            }
        }
    }

    /// <summary>How often Redis came back; what was not answered before says nothing of now.</summary>
    public int Returns => Volatile.Read(ref returns);

    public Attempt NewAttempt() => new(Chance(), Chance());

    /// <summary>Remembers from when on Redis did not answer.</summary>
    public void Saw(StoreOutcome outcome)
    {
        lock (gate)
        {
            var away = outcome == StoreOutcome.Unknown;
            if (away && !isAway)
            {
                awaySince = Time.GetTimestamp();
                silentSince ??= awaySince;
            }
            if (!away && isAway)
            {
                // The first answer may come before the word that Redis is back.
                if (Tokens.IsSpread)
                {
                    absences.Ended(lastAnswer);
                }
                else
                {
                    Back(isEpoch: false);
                }
            }
            isAway = away;
            lastAnswer = away ? lastAnswer : Time.GetTimestamp();
        }
    }

    /// <summary>Any step was answered.</summary>
    public void Heard() => Saw(StoreOutcome.Done);

    /// <summary>Redis answers again: a single step that is lost later does not make one long absence of two short ones.</summary>
    public void Back()
    {
        Back(isEpoch: false);
        lock (gate)
        {
            silentSince = null;
            returns++;
            foreach (var budget in budgets.Values)
            {
                budget.SilentSince = null;
            }
        }
    }

    /// <summary>Which Redis answers for a record; another one than before is an epoch, and this process tells what it holds.</summary>
    public void Met(string? before, string run)
    {
        lock (gate)
        {
            var isAnother = before is null ? !runs.Contains(run) && runs.Count > 0 : before != run && epochs.Add((before, run));
            runs.Add(run);
            if (!isAnother)
            {
                return;
            }
        }
        Back(isEpoch: true);
        epoch?.Invoke();
    }

    /// <summary>
    /// How long a login waits for others to tell what they know: only where Redis may have lost its memory, or they may have logged in
    /// alone.
    /// </summary>
    public TimeSpan StillToBeTold(IReadOnlyList<LoginWindowOptions> windows)
    {
        lock (gate)
        {
            return back is not { } now || windows.All(window => now.Silent < window.Per)
                ? TimeSpan.Zero
                : Times.RecoveryDelay
                    + (windows.Any(window => now.Absence >= window.Per) ? Times.Reconnect : TimeSpan.Zero)
                    - Time.GetElapsedTime(now.At);
        }
    }

    /// <summary>For how much of the last so long Redis was there, whichever of it.</summary>
    public TimeSpan ThereFor(TimeSpan age) => absences.ThereFor(age);

    private void Back(bool isEpoch)
    {
        lock (gate)
        {
            // Who was never answered before cannot tell what was forgotten meanwhile, nor who logged in alone.
            var absence = lastAnswer is { } last ? Time.GetElapsedTime(last) : TimeSpan.MaxValue;
            // Of a Cluster one node may be away while the others answer.
            absence = Tokens.IsSpread && silentSince is { } since ? Longer(absence, Time.GetElapsedTime(since)) : absence;
            var silent = isEpoch ? TimeSpan.MaxValue : absence;
            if (!isEpoch)
            {
                absences.Ended(lastAnswer);
            }
            var before = back is { } earlier && Time.GetElapsedTime(earlier.At) < Times.RecoveryDelay + Times.Reconnect ? earlier : default;
            back =
                before.Silent > silent
                    ? before with
                    {
                        Absence = Longer(before.Absence, absence),
                    }
                    : (Time.GetTimestamp(), silent, Longer(before.Absence, absence));
            isAway = false;
            lastAnswer = Time.GetTimestamp();
        }
    }

    private static TimeSpan Longer(TimeSpan a, TimeSpan b) => a > b ? a : b;

    // The login budgets as far as this process knows them: the count seen there, and logins that Redis has not been told
    // of.

    private readonly Dictionary<OpaqueName, Counted> budgets = [];

    /// <summary>Every budget that was asked or used.</summary>
    public IReadOnlyList<OpaqueName> Budgets
    {
        get
        {
            lock (gate)
            {
                return [.. budgets.Keys];
            }
        }
    }

    /// <summary>How long this budget is not answered for; zero when it was, or was not asked since Redis came back.</summary>
    public TimeSpan SilenceOf(OpaqueName budget)
    {
        lock (gate)
        {
            return budgets.TryGetValue(budget, out var known) && known.SilentSince is { } since
                ? Time.GetElapsedTime(since)
                : TimeSpan.Zero;
        }
    }

    /// <summary>A login while Redis is away: within the local share, and told as soon as Redis is back.</summary>
    public void LogsInAlone(OpaqueName budget, bool isRejection)
    {
        lock (gate)
        {
            Of(budget).Untold.Add((NewAttempt(), Time.GetTimestamp(), isRejection));
        }
    }

    /// <summary>Asks for a login; what was done alone is told first.</summary>
    public Task<Permission> Permit(OpaqueName budget, Attempt attempt, IReadOnlyList<BudgetWindow> windows, bool isRejection) =>
        Ask(new(budget, attempt, windows, isRejection, Known: 0));

    /// <summary>Says what is known and what was done alone.</summary>
    public async Task<StoreOutcome> Remind(OpaqueName budget) =>
        (await Ask(new(budget, NewAttempt(), [], IsRejection: false, Known: 0, IsReminder: true))).Outcome;

    private async Task<Permission> Ask(BudgetAsk ask)
    {
        Counted mine;
        lock (gate)
        {
            mine = Of(ask.Budget);
            ask = ask with
            {
                Known = mine.Known,
                KnownFrom = mine.From,
                Alone = [.. mine.Untold.Select(login => new LoneLogin(login.Attempt, Time.GetElapsedTime(login.At), login.IsRejection))],
            };
        }
        var permission = await Tokens.Permit(ask);
        lock (gate)
        {
            mine.SilentSince = permission.Outcome == StoreOutcome.Unknown ? mine.SilentSince ?? Time.GetTimestamp() : null;
            if (permission.Outcome != StoreOutcome.Unknown)
            {
                (mine.Known, mine.From) = (Math.Max(mine.Known, permission.Count), permission.Run);
                mine.Untold.RemoveAll(login => ask.Alone.Any(told => told.Attempt == login.Attempt));
            }
        }
        return permission;
    }

    private Counted Of(OpaqueName budget) => budgets.TryGetValue(budget, out var known) ? known : budgets[budget] = new();

    private sealed class Counted
    {
        /// <summary>The highest count of permits seen.</summary>
        public long Known { get; set; }

        /// <summary>The run id of the Redis that said so.</summary>
        public string From { get; set; } = "";

        public long? SilentSince { get; set; }

        public List<(Attempt Attempt, long At, bool IsRejection)> Untold { get; } = [];
    }
}
