namespace Broker.UpstreamTokens;

/// <content>The login budgets as far as this process knows them: the count seen there, and logins that Redis has not been told
/// of.</content>
internal sealed partial record SharedStore
{
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
