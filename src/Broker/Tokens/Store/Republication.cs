namespace Broker.Tokens.Store;

/// <summary>After Redis was away or restarted: tells it every pair, note and count of logins that this process holds, one after the other.</summary>
internal sealed class Republication(TokenVault vault, SharedStore store)
{
    private const int Enough = 3;

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
        foreach (var cell in vault.Cells)
        {
            if (unanswered >= Enough)
            {
                return false;
            }
            if (cell.Renewer is { Shared: { } shared } renewer && await shared.Republish(renewer.Plan) == StoreOutcome.Unknown)
            {
                unanswered++;
            }
        }
        return unanswered == 0;
    }
}
