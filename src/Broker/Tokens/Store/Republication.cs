namespace Broker.Tokens.Store;

/// <summary>After Redis was away or restarted: tells it every pair, note and count of logins that this process holds.</summary>
internal sealed class Republication(TokenVault vault, SharedStore store)
{
    private const int Enough = 3;

    /// <summary>Many accounts must be told within the epoch's pause.</summary>
    private const int AtOnce = 32;

    private int asked;

    /// <summary>Begins, or has the running one begin anew when it is through.</summary>
    public void Start()
    {
        if (Interlocked.Increment(ref asked) == 1)
        {
            _ = Run();
        }
    }

    private async Task Run()
    {
        while (true)
        {
            var begun = Volatile.Read(ref asked);
            if (!await Tell())
            {
                await Task.Delay(store.Times.Poll / 2, store.Time);
            }
            else if (Interlocked.CompareExchange(ref asked, 0, begun) == begun)
            {
                return;
            }
        }
    }

    /// <summary>Whether all was answered; after a few that were not, the rest is not asked.</summary>
    private async Task<bool> Tell()
    {
        var unanswered = 0;
        foreach (var budget in store.Budgets)
        {
            unanswered += await store.Remind(budget) == StoreOutcome.Unknown ? 1 : 0;
        }
        foreach (var cells in vault.Cells.Where(cell => cell.Renewer?.Shared is not null).Chunk(AtOnce))
        {
            if (unanswered >= Enough)
            {
                return false;
            }
            var outcomes = await Task.WhenAll(cells.Select(cell => cell.Renewer!.Shared!.Republish(cell.Renewer.Plan)));
            unanswered += outcomes.Count(outcome => outcome == StoreOutcome.Unknown);
        }
        return unanswered == 0;
    }
}
