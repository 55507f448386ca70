namespace Broker.Credentials.Ledgers;

/// <summary>The ledger cannot be read, though Redis answers: that is told once until it can be, and it is tried more seldom.</summary>
internal sealed class ReadTrouble(ILogger log)
{
    private const int MostDoublings = 5;
    private int times;

    /// <summary>So many times longer is the pause until the next try.</summary>
    public int Slower => 1 << Math.Min(times, MostDoublings);

    public void Met(Exception problem)
    {
        if (times++ == 0)
        {
            LedgerLog.NotRead(log, problem.GetType().Name);
        }
    }

    public void IsOver()
    {
        if (times > 0)
        {
            LedgerLog.ReadAgain(log);
        }

        times = 0;
    }
}
