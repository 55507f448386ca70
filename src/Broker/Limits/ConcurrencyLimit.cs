using System.Collections.Concurrent;
using Broker.Credentials;

namespace Broker.Limits;

/// <summary>How many requests of one identity are under way at the same time.</summary>
internal sealed class ConcurrencyLimit
{
    // Beyond this many identities, those with nothing under way are forgotten.
    private const int Remembered = 100_000;

    private readonly ConcurrentDictionary<string, Slot> slots = new(StringComparer.Ordinal);
    private int count;

    /// <summary>Takes a place; false when the caller has none left. The slot is left once.</summary>
    public bool TryEnter(Caller caller, int limit, out Slot? slot) =>
        TryEnter(caller.Identity, caller.ConcurrentRequests ?? limit, out slot);

    /// <summary>The same for whatever the requests are counted by.</summary>
    public bool TryEnter(string identity, int limit, out Slot? slot)
    {
        while (true)
        {
            slot = slots.TryGetValue(identity, out var known) ? known : Added(identity);
            switch (slot.Enter(limit))
            {
                case true:
                    return true;
                case false:
                    slot = null;
                    return false;
                case null:
                    continue; // forgotten at this very moment: take the one that is there now
            }
        }
    }

    private Slot Added(string identity)
    {
        var slot = slots.GetOrAdd(identity, static _ => new());
        if (Interlocked.Increment(ref count) > Remembered)
        {
            Forget();
        }

        return slot;
    }

    private void Forget()
    {
        Interlocked.Exchange(ref count, 0);
        foreach (var (identity, slot) in slots)
        {
            if (slot.Close())
            {
                slots.TryRemove(new(identity, slot));
            }
            else
            {
                Interlocked.Increment(ref count);
            }
        }
    }

    /// <summary>One identity's count.</summary>
    internal sealed class Slot
    {
        private const int Closed = -1;

        private int underWay;

        /// <summary>Null when the slot was forgotten.</summary>
        public bool? Enter(int limit)
        {
            var seen = Volatile.Read(ref underWay);
            while (true)
            {
                if (seen == Closed)
                {
                    return null;
                }

                if (seen >= limit)
                {
                    return false;
                }

                var before = Interlocked.CompareExchange(ref underWay, seen + 1, seen);
                if (before == seen)
                {
                    return true;
                }

                seen = before;
            }
        }

        public void Leave() => Interlocked.Decrement(ref underWay);

        public bool Close() => Interlocked.CompareExchange(ref underWay, Closed, 0) == 0;
    }
}
