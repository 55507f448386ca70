namespace Broker.Credentials;

/// <summary>The bounded memory of verified credentials: sets of eight places, read without a lock or an allocation.</summary>
/// <remarks>Only what was verified gets in, so a flood of bad credentials changes nothing here. When a set is full, one of it goes: work
/// and space stay the same however many there are.</remarks>
internal sealed class VerifiedCredentialCache
{
    private readonly VerifiedCredential?[] places;
    private readonly int ways;
    private readonly uint sets;

    public VerifiedCredentialCache(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capacity);
        Capacity = capacity;
        ways = Math.Min(8, capacity);
        sets = ways == 0 ? 0 : (uint)(capacity / ways);
        places = new VerifiedCredential?[sets * ways];
    }

    public int Capacity { get; }

    /// <summary>How many are remembered.</summary>
    public int Count => places.Count(place => place is not null);

    public VerifiedCredential? Find(in Digest digest)
    {
        foreach (ref var place in SetOf(digest))
        {
            var found = Volatile.Read(ref place);
            if (found is not null && found.Digest.Equals(digest))
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>Remembers; an own older entry, an empty place, an ended one or else any other of the set makes room.</summary>
    public void Keep(VerifiedCredential credential, DateTimeOffset now)
    {
        var set = SetOf(credential.Digest);
        if (set.IsEmpty)
        {
            return;
        }

        var chosen = -1;
        for (var i = 0; i < set.Length; i++)
        {
            var there = Volatile.Read(ref set[i]);
            if (there is not null && there.Digest.Equals(credential.Digest))
            {
                chosen = i;
                break;
            }

            if (chosen < 0 && (there is null || there.EndTicks <= now.UtcTicks))
            {
                chosen = i;
            }
        }

        Volatile.Write(ref set[chosen < 0 ? (int)(credential.Digest.Choice % (uint)set.Length) : chosen], credential);
    }

    private Span<VerifiedCredential?> SetOf(in Digest digest) => sets == 0 ? [] : places.AsSpan((int)(digest.Place % sets) * ways, ways);
}
