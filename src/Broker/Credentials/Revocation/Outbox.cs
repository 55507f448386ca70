using System.Collections.Concurrent;

namespace Broker.Credentials;

/// <summary>Facts that are known here and not known to stand in Redis.</summary>
internal sealed class Outbox
{
    private readonly ConcurrentDictionary<(RevocationEventKind Kind, string Name), RevocationEvent> facts = new();
    private Dictionary<(RevocationEventKind Kind, string Name), RevocationEvent>? read;

    public void Put(RevocationEvent fact) =>
        facts.AddOrUpdate((fact.Kind, fact.Name), fact, (_, there) => Covers(there, fact) ? there : fact);

    public bool Has(RevocationEventKind kind, string name) => facts.ContainsKey((kind, name));

    public void Said(RevocationEvent fact) => facts.TryRemove(new((fact.Kind, fact.Name), fact));

    /// <summary>From here on everything that stands in Redis is read.</summary>
    public void BeginReading() => read = [];

    /// <summary>It stands there: this replica or another one said it.</summary>
    public void Saw(RevocationEvent fact)
    {
        var key = (fact.Kind, fact.Name);
        if (facts.TryGetValue(key, out var mine) && Covers(fact, mine))
        {
            Said(mine);
        }

        if (read is not null && (!read.TryGetValue(key, out var there) || Covers(fact, there)))
        {
            read[key] = fact;
        }
    }

    /// <summary>All was read: what is known here and did not stand there is to be said. False when no reading had begun.</summary>
    public bool EndReading(Func<IEnumerable<RevocationEvent>> known)
    {
        if (read is not { } there)
        {
            return false;
        }

        read = null;
        foreach (var fact in known())
        {
            var key = (fact.Kind, fact.Name);
            if (!there.TryGetValue(key, out var stored) || !Covers(stored, fact))
            {
                facts.TryAdd(key, fact);
            }
        }

        return true;
    }

    /// <summary>Some of them; what is over by then is forgotten.</summary>
    public List<RevocationEvent> Some(int most, DateTimeOffset over)
    {
        foreach (var fact in facts.Values.Where(fact => fact.Until <= over))
        {
            Said(fact);
        }

        return [.. facts.Values.Take(most)];
    }

    // A generation's number says all: two replicas that give the same one do so for the same reason.
    private static bool Covers(RevocationEvent one, RevocationEvent other) =>
        one.Number >= other.Number && (one.Kind == RevocationEventKind.Generation || one.Until >= other.Until);
}
