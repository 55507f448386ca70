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
    private bool isAway;
    private long awaySince;

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
            isAway = away;
        }
    }

    public long Known(RecordName budget)
    {
        lock (gate)
        {
            return budgets.GetValueOrDefault(budget);
        }
    }

    public void Know(RecordName budget, long count)
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
