namespace Broker.Tokens.Store;

/// <summary>After Redis was away or restarted: tells it every pair, note and count of logins that this process holds, one after the other.</summary>
internal sealed class Republication(TokenVault vault, SharedStore store)
{
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
        int begun;
        do
        {
            begun = Volatile.Read(ref asked);
            try
            {
                await Tell();
            }
            catch (Exception)
            {
                // A fault of ours must not end it for good: what was not told is told when the record is looked at.
            }
        }
        while (Interlocked.CompareExchange(ref asked, 0, begun) != begun);
    }

    private async Task Tell()
    {
        foreach (var (budget, count) in store.Budgets)
        {
            await store.Tokens.Permit(new(budget, store.NewAttempt(), [], IsRejection: false, count, IsReminder: true));
        }
        foreach (var cell in vault.Cells)
        {
            if (cell.Renewer is { Shared: { } shared } renewer)
            {
                await shared.Republish(renewer.Plan);
            }
        }
    }
}
