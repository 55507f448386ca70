namespace Broker.UpstreamTokens;

/// <summary>After Redis was away or restarted: tells it every pair, note and count of logins that this process holds.</summary>
internal sealed class EpochRecovery(TokenCellRegistry vault, SharedStore store)
{
    private const int Enough = 3;

    /// <summary>Many accounts must be told within the epoch's pause.</summary>
    private const int AtOnce = 32;

    private int asked;

    /// <summary>Begins anew: what an earlier one still waits for was asked of another Redis, and must not take this one's time.</summary>
    public void Start() => _ = Run(Interlocked.Increment(ref asked));

    private async Task Run(int mine)
    {
        while (IsLast(mine) && !await Tell(mine))
        {
            await Task.Delay(store.Times.Poll / 2, store.Time);
        }
    }

    private bool IsLast(int mine) => Volatile.Read(ref asked) == mine;

    /// <summary>Whether all was answered; after a few that were not, the rest is not asked.</summary>
    private async Task<bool> Tell(int mine)
    {
        var steps = vault
            .Cells.Where(cell => cell.Renewer?.Shared is not null)
            .Select<TokenCell, Func<Task<StoreOutcome>>>(cell => () => cell.Renewer!.Shared!.Republish(cell.Renewer.Plan))
            .Concat(store.Budgets.Select<OpaqueName, Func<Task<StoreOutcome>>>(budget => () => store.Remind(budget)));
        var unanswered = 0;
        foreach (var some in steps.Chunk(AtOnce))
        {
            if (unanswered >= Enough || !IsLast(mine))
            {
                return false;
            }
            var outcomes = await Task.WhenAll(some.Select(step => step()));
            unanswered += outcomes.Count(outcome => outcome == StoreOutcome.Unknown);
        }
        return unanswered == 0;
    }
}
