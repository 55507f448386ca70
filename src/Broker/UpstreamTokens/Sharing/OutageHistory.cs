namespace Broker.UpstreamTokens;

/// <summary>When Redis was away, as far as a process noticed, or a record in it.</summary>
internal sealed class OutageHistory(TimeProvider time)
{
    private const int Most = 16;

    private readonly Lock gate = new();
    private readonly List<(long? From, long To)> known = [];

    /// <summary>One that ends now.</summary>
    /// <param name="from">The last answer before it: since then nobody knows. Null when there was none.</param>
    public void Ended(long? from)
    {
        lock (gate)
        {
            while (known is [.., var last] && (from is not { } begin || begin <= last.To))
            {
                from = from is null || last.From is null ? null : Math.Min(from.Value, last.From.Value);
                known.RemoveAt(known.Count - 1);
            }
            known.Add((from, time.GetTimestamp()));
            if (known.Count > Most)
            {
                known[1] = (known[0].From, known[1].To); // away for longer rather than for less
                known.RemoveAt(0);
            }
        }
    }

    /// <summary>For how much of the last so long it was there.</summary>
    public TimeSpan ThereFor(TimeSpan age)
    {
        lock (gate)
        {
            var (there, until) = (TimeSpan.Zero, TimeSpan.Zero); // so long ago; from the newest on
            for (var i = known.Count - 1; i >= 0 && until < age && time.GetElapsedTime(known[i].To) is var to && to < age; i--)
            {
                there += to - until;
                until = known[i].From is { } from ? time.GetElapsedTime(from) : TimeSpan.MaxValue;
            }
            return until < age ? there + age - until : there;
        }
    }
}
