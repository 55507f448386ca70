namespace Broker.Credentials;

/// <summary>The ledger cannot be read, though Redis answers: that is told once until it can be, and it is tried more seldom.</summary>
internal sealed class ReadTrouble(ILogger log)
{
    private const int MostDoublings = 5;
    private int times;
    private int doubtful;

    /// <summary>So many times longer is the pause until the next try.</summary>
    public int Slower => 1 << Math.Min(times, MostDoublings);

    public void Met(Exception problem)
    {
        if (times++ == 0)
        {
            ReplicationLog.NotRead(log, problem.GetType().Name);
        }
    }

    /// <summary>So many entries were taken out.</summary>
    public void Doubts(int entries) => doubtful += entries;

    /// <summary>All was read: what was taken out meanwhile is told, in one line.</summary>
    public void AllRead()
    {
        if (doubtful > 0)
        {
            ReplicationLog.Doubtful(log, doubtful);
        }

        doubtful = 0;
    }

    public void IsOver()
    {
        if (times > 0)
        {
            ReplicationLog.ReadAgain(log);
        }

        times = 0;
    }
}
