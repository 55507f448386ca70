namespace Broker.Tokens.Store;

/// <summary>The shared tokens as a vault uses them: the store, the times, and what this process knows of Redis's absence.</summary>
/// <param name="Tokens">The store.</param>
/// <param name="Times">The times of the protocol.</param>
/// <param name="Chance">Where attempt ids come from.</param>
/// <param name="Replica">This replica's name, as other replicas' operators see it.</param>
/// <param name="Time">The clock.</param>
internal sealed record SharedStore(ISharedTokens Tokens, SharedTimes Times, Chance Chance, string Replica, TimeProvider Time)
{
    private readonly Lock gate = new();
    private readonly Dictionary<RecordName, long> budgets = [];
    private readonly Dictionary<RecordName, int> alone = [];
    private bool isAway;
    private long awaySince;
    private TimeSpan lastAbsence;
    private long returnedAt;

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

    /// <summary>Every budget that was asked, and the highest count seen there.</summary>
    public IReadOnlyList<KeyValuePair<RecordName, long>> Budgets
    {
        get
        {
            lock (gate)
            {
                return [.. budgets];
            }
        }
    }

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
            }
            else if (isAway && !away)
            {
                (lastAbsence, returnedAt) = (Time.GetElapsedTime(awaySince), Time.GetTimestamp());
            }
            isAway = away;
        }
    }

    /// <summary>How long still nobody takes a permit: after an absence in which replicas may have logged in alone, they say so first.</summary>
    public TimeSpan PauseAfterAbsence(TimeSpan alonePast)
    {
        lock (gate)
        {
            var pause = Times.EpochPause - Time.GetElapsedTime(returnedAt);
            return lastAbsence >= alonePast && lastAbsence > TimeSpan.Zero && pause > TimeSpan.Zero ? pause : TimeSpan.Zero;
        }
    }

    /// <summary>Remembers a login that the store does not know of.</summary>
    public void LoggedInAlone(RecordName budget)
    {
        lock (gate)
        {
            alone[budget] = Alone(budget) + 1;
            budgets.TryAdd(budget, 0);
        }
    }

    /// <summary>How many logins of a budget the store was not told of.</summary>
    public int Alone(RecordName budget)
    {
        lock (gate)
        {
            return alone.GetValueOrDefault(budget);
        }
    }

    /// <summary>Asks, or reminds, and tells of logins that were made alone.</summary>
    public async Task<Permission> Permit(BudgetAsk ask)
    {
        var untold = Alone(ask.Budget);
        var permission = await Tokens.Permit(ask with { LoggedInAlone = untold > 0 });
        Know(ask.Budget, permission.Count);
        if (untold > 0 && permission.Outcome != StoreOutcome.Unknown)
        {
            lock (gate)
            {
                alone[ask.Budget] = Alone(ask.Budget) - untold;
            }
        }
        return permission;
    }

    public long Known(RecordName budget)
    {
        lock (gate)
        {
            return budgets.GetValueOrDefault(budget);
        }
    }

    private void Know(RecordName budget, long count)
    {
        lock (gate)
        {
            if (count > budgets.GetValueOrDefault(budget))
            {
                budgets[budget] = count;
            }
        }
    }
}
