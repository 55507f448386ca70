using Broker.Configuration;
using Broker.Credentials.Ledgers;

namespace Broker.Credentials;

/// <summary>Revocations: of this process alone, or of all replicas that share a Redis.</summary>
/// <remarks>Every answer comes from memory. What another replica ends is here within a second; where nothing was heard for too long, what is not
/// known to be ended is not known to be good either.</remarks>
internal sealed class SharedRevocations(TimeProvider time) : IRevocations
{
    // No token of any config lives longer, so no token of an earlier generation does (TokenServiceChecks).
    public static readonly TimeSpan LongestLife = TimeSpan.FromDays(3650);

    private readonly RevocationMemory memory = new(time);
    private volatile LedgerWatch? watch;
    private volatile Rule rule = new(TimeSpan.FromSeconds(30), false);

    /// <summary>Counts up with what is ended; a number that is a time to begin with never counts backwards, whatever is forgotten.</summary>
    private long Next(string identity) => Math.Max(memory.GenerationOf(identity) + 1, time.GetUtcNow().ToUnixTimeMilliseconds());

    /// <summary>Shares from now on; before that nobody has asked.</summary>
    public void Share(LedgerWatch with) => watch = with;

    /// <summary>Takes the rule for a Redis that is away from a config.</summary>
    public void Heed(TokenServiceOptions options) => rule = new(options.UnknownAfter, options.WhenUnknown == WhenUnknown.Serve);

    public Standing Of(TokenClaims claims)
    {
        var standing = memory.Of(claims);
        if (standing != Standing.Good || watch is not { } shared)
        {
            return standing;
        }

        var now = rule;
        return now.Serves || shared.HasHeardWithin(now.UnknownAfter) ? Standing.Good : Standing.Unknown;
    }

    public long GenerationOf(string identity) => memory.GenerationOf(identity);

    public async ValueTask<bool> End(string id, DateTimeOffset until, CancellationToken cancellation)
    {
        await memory.End(id, until, cancellation);
        return watch is not { } shared || await shared.Say(new(FactKind.Ended, id, 0, until));
    }

    public async ValueTask<bool> EndAllOf(string identity, CancellationToken cancellation)
    {
        if (watch is not { } shared)
        {
            memory.Raise(identity, Next(identity));
            return true;
        }

        // Above what other replicas have given: what they issued under that is to end as well. Not known when they cannot be asked.
        var isCurrent = await shared.CatchUp();
        var generation = Next(identity);
        memory.Raise(identity, generation);
        return await shared.Say(new(FactKind.Generation, identity, generation, time.GetUtcNow() + LongestLife)) && isCurrent;
    }

    /// <summary>Takes what another replica ended.</summary>
    public void Hear(Fact fact)
    {
        if (fact.Kind == FactKind.Ended)
        {
            memory.Put(fact.Name, fact.Until);
        }
        else if (fact.Kind == FactKind.Generation)
        {
            memory.Raise(fact.Name, fact.Number);
        }
    }

    /// <summary>All that stands here, to be said again.</summary>
    public IEnumerable<Fact> Known() =>
    [
        .. memory.AllEnded.Select(pair => new Fact(FactKind.Ended, pair.Key, 0, new DateTimeOffset(pair.Value, TimeSpan.Zero))),
        .. memory.AllGenerations.Select(pair => new Fact(FactKind.Generation, pair.Key, pair.Value, time.GetUtcNow() + LongestLife)),
    ];

    private sealed record Rule(TimeSpan UnknownAfter, bool Serves);
}
