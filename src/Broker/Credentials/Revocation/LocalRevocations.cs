using System.Collections.Concurrent;

namespace Broker.Credentials;

/// <summary>Revocations of one process; they are gone when it is.</summary>
/// <remarks>Bounded: an entry goes with the last that it ends, looked for once a minute by whoever ends something.</remarks>
internal sealed class LocalRevocations(TimeProvider time) : IRevocations
{
    private static readonly TimeSpan SweepAfter = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, long> ended = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Generation> generations = new(StringComparer.Ordinal);
    private readonly Lock sweeping = new();
    private long sweepAt;
    private long version;

    // Whether there ever was one: an empty dictionary takes all of its locks to say that it is.
    private volatile bool anyEnded;
    private volatile bool anyGeneration;

    /// <summary>How many tokens and sessions stand here.</summary>
    public int Count => ended.Count;

    public long Version => Volatile.Read(ref version);

    public RevocationStatus Of(TokenClaims claims)
    {
        if (anyEnded && (ended.ContainsKey(claims.Id) || ended.ContainsKey(claims.Session)))
        {
            return RevocationStatus.Revoked;
        }

        return !anyGeneration || IsOfThePresentGeneration(claims) ? RevocationStatus.Good : RevocationStatus.Revoked;
    }

    public long GenerationOf(string identity) => generations.GetValueOrDefault(identity).Number;

    /// <summary>Whether an id is ended at least until then.</summary>
    public bool IsEnded(string id, DateTimeOffset until) => ended.TryGetValue(id, out var there) && there >= until.UtcTicks;

    /// <summary>Every id that was ended, and until when (UTC ticks).</summary>
    public IEnumerable<KeyValuePair<string, long>> AllEnded => ended;

    /// <summary>Every identity of which all was ended, and its generation.</summary>
    public IEnumerable<KeyValuePair<string, Generation>> AllGenerations => generations;

    public ValueTask<bool> Revoke(string id, DateTimeOffset until, CancellationToken cancellation)
    {
        Put(id, until);
        return new(true);
    }

    public ValueTask<bool> RevokeAllOf(string identity, CancellationToken cancellation)
    {
        Raise(identity, GenerationOf(identity) + 1, DateTimeOffset.MaxValue);
        return new(true);
    }

    /// <summary>Ends an id.</summary>
    public void Put(string id, DateTimeOffset until)
    {
        Sweep();
        ended.AddOrUpdate(id, until.UtcTicks, (_, there) => Math.Max(there, until.UtcTicks));
        anyEnded = true;
        Interlocked.Increment(ref version); // last: who sees the number sees the entry
    }

    /// <summary>Ends all of an identity that came before this generation; never goes back.</summary>
    public void Raise(string identity, long generation, DateTimeOffset until)
    {
        Sweep();
        generations.AddOrUpdate(identity, new Generation(generation, until), (_, there) =>
            there.Number < generation ? new(generation, until) : there
        );
        anyGeneration = true;
        Interlocked.Increment(ref version);
    }

    private bool IsOfThePresentGeneration(TokenClaims claims)
    {
        if (claims.GenerationAt(0) < GenerationOf(claims.Subject))
        {
            return false;
        }

        for (var i = 0; i < claims.Creators.Count; i++)
        {
            if (claims.GenerationAt(i + 1) < GenerationOf(claims.Creators[i]))
            {
                return false;
            }
        }

        return true;
    }

    private void Sweep()
    {
        lock (sweeping)
        {
            // A token is read a little past its end by a clock that is behind: the skew is on top.
            var now = (time.GetUtcNow() - TokenReader.Skew).UtcTicks;
            if (now < sweepAt && sweepAt - now <= SweepAfter.Ticks) // else the clock was set back
            {
                return;
            }

            sweepAt = now + SweepAfter.Ticks;
            foreach (var (id, until) in ended)
            {
                if (until <= now)
                {
                    ended.TryRemove(id, out _);
                }
            }

            foreach (var pair in generations)
            {
                if (pair.Value.Until.UtcTicks <= now)
                {
                    generations.TryRemove(pair);
                }
            }
        }
    }
}

/// <summary>How often all of an identity was ended, and until when anything is left of before.</summary>
internal readonly record struct Generation(long Number, DateTimeOffset Until);
