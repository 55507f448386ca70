using Broker.Configuration;

namespace Broker.Credentials;

/// <summary>Revocations: of this process alone, or of all replicas that share a Redis.</summary>
/// <remarks>Every answer comes from memory. What another replica ends is here within a second; where nothing was heard for too long, what
/// is not known to be ended is not known to be good either.</remarks>
internal sealed class RevocationList(TimeProvider time) : IRevocations
{
    /// <summary>No config lets a token live longer (TokenServiceChecks, SigningKeyCompiler).</summary>
    public static readonly TimeSpan LongestOfAll = TimeSpan.FromDays(3650);

    // 'token new' gives no token for longer, whatever the config says.
    private static readonly TimeSpan LongestByHand = TimeSpan.FromDays(1);

    private static readonly TimeSpan EndedAgain = TimeSpan.FromHours(1);

    private readonly LocalRevocations memory = new(time);
    private volatile RevocationReplicator? watch;
    private volatile Rule rule = new(TimeSpan.FromSeconds(30), false);

    /// <summary>
    /// The longest that a token lives which any config of these brokers gave, in milliseconds: one that was made shorter since may still
    /// stand.
    /// </summary>
    public HighWaterMark Life { get; } = new((long)LongestByHand.TotalMilliseconds);

    /// <summary>From when on nothing is left of what was issued up to now.</summary>
    public DateTimeOffset AllOver => time.GetUtcNow() + TimeSpan.FromMilliseconds(Life.Value);

    /// <summary>Among whose revocations one counts.</summary>
    public Func<string, string?> OwnerOf { private get; init; } = static _ => null;

    /// <summary>Shares from now on; before that nobody has asked.</summary>
    public void Share(RevocationReplicator with) => watch = with;

    /// <summary>Takes the rule for a Redis that is away from a config.</summary>
    public void Heed(TokenServiceOptions options)
    {
        rule = new(options.UnknownAfter, options.WhenUnknown == WhenUnknown.Serve);
        Heed(options.SessionLifetime);
    }

    /// <summary>A config lets tokens live so long.</summary>
    public void Heed(TimeSpan life) => Life.Saw((long)life.TotalMilliseconds);

    public long Version => (memory.Version << 1) + (IsUnknown() ? 1 : 0);

    public RevocationStatus Of(TokenClaims claims)
    {
        var standing = memory.Of(claims);
        return standing == RevocationStatus.Good && IsUnknown() ? RevocationStatus.Unknown : standing;
    }

    public long GenerationOf(string identity) => memory.GenerationOf(identity);

    public async ValueTask<bool> Revoke(string id, DateTimeOffset until, CancellationToken cancellation)
    {
        // Whoever ends the same again and again fills no log. Of a session all is over when it would be by the first time.
        var isKnown = memory.IsEnded(id, until - EndedAgain);
        await memory.Revoke(id, until, cancellation);
        return watch is not { } shared || (isKnown && !shared.IsToSay(RevocationEventKind.Ended, id)) || await shared.Say(Ended(id, until));
    }

    public async ValueTask<bool> RevokeAllOf(string identity, CancellationToken cancellation)
    {
        // Above what other replicas have given: what they issued under that is to end as well. Not known when they cannot be asked.
        var isCurrent = watch is not { } shared || await CaughtUp(shared, cancellation);
        // Whether the caller was disabled meanwhile is not known then either: a broker whose config disables them says so again.
        var fact = Raise(identity, Next(identity, isCurrent || IsDisabled(identity) ? KindOf(identity) : Kind.StartedEnabled));
        return watch is null || (await watch.Say(fact) && isCurrent);
    }

    /// <summary>
    /// A config disables the caller, or no longer has them. Everything issued to them is revoked, until a config enables them.
    /// </summary>
    public void Disable(string identity)
    {
        if (!IsDisabled(identity))
        {
            Say(
                Raise(
                    identity,
                    IsEnabledInDoubt(identity) ? After(memory.GenerationOf(identity), Kind.Disabled) : Next(identity, Kind.Disabled)
                )
            );
        }
    }

    /// <summary>
    /// A config that was loaded enables the caller again. What a replica with an older config issued meanwhile is revoked too.
    /// </summary>
    /// <param name="identity">Whose.</param>
    /// <param name="isCertain">Whether the caller was disabled even if no event said so.</param>
    public void Enable(string identity, bool isCertain)
    {
        if (KindOf(identity) != Kind.Enabled)
        {
            Say(Raise(identity, After(memory.GenerationOf(identity), Kind.Enabled)));
        }
        else if (isCertain)
        {
            Say(Raise(identity, Next(identity, Kind.Enabled)));
        }
    }

    /// <summary>
    /// A broker starts with the caller enabled. What was issued while they were disabled is revoked, unless they are known to be enabled.
    /// </summary>
    public void StartEnabled(string identity)
    {
        if (IsDisabled(identity))
        {
            Say(Raise(identity, After(memory.GenerationOf(identity), Kind.StartedEnabled)));
        }
    }

    /// <summary>
    /// Whether only a broker that started with the caller enabled says so, or one that could not ask: its config may be older than the one
    /// that disabled them.
    /// </summary>
    public bool IsEnabledInDoubt(string identity) => KindOf(identity) == Kind.StartedEnabled;

    /// <summary>Takes what another replica ended.</summary>
    public void Hear(RevocationEvent fact)
    {
        if (fact.Kind == RevocationEventKind.Ended)
        {
            memory.Put(fact.Name, fact.Until);
        }
        else if (fact.Kind == RevocationEventKind.Generation)
        {
            memory.Raise(fact.Name, fact.Number, fact.Until);
        }
    }

    /// <summary>All that stands here, to be said again.</summary>
    public IEnumerable<RevocationEvent> Known() =>
        [
            .. memory.AllEnded.Select(pair => Ended(pair.Key, new DateTimeOffset(pair.Value, TimeSpan.Zero))),
            .. memory.AllGenerations.Select(pair => new RevocationEvent(
                RevocationEventKind.Generation,
                pair.Key,
                pair.Value.Number,
                pair.Value.Until
            )),
        ];

    // Whoever asked for it and does not wait gets it all the same.
    private static async ValueTask<bool> CaughtUp(RevocationReplicator shared, CancellationToken cancellation)
    {
        try
        {
            return await shared.CatchUp(cancellation);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private bool IsUnknown()
    {
        var now = rule;
        return watch is { } shared && !now.Serves && !shared.HasHeardWithin(now.UnknownAfter);
    }

    private Kind KindOf(string identity) => (Kind)(memory.GenerationOf(identity) & 3);

    private bool IsDisabled(string identity) => long.IsOddInteger(memory.GenerationOf(identity));

    /// <summary>
    /// Counts up with what is ended; a number that is a time to begin with never counts backwards, whatever is forgotten.
    /// </summary>
    private long Next(string identity, Kind kind) =>
        After(Math.Max(memory.GenerationOf(identity), time.GetUtcNow().ToUnixTimeMilliseconds() - 1), kind);

    // Follows from the number before: replicas that see that one all give the same.
    private static long After(long generation, Kind kind) => generation + 1 + (((long)kind - generation - 1) & 3);

    private RevocationEvent Ended(string id, DateTimeOffset until) => new(RevocationEventKind.Ended, id, 0, until) { Client = OwnerOf(id) };

    private void Say(RevocationEvent fact) => watch?.SayLater(fact);

    private RevocationEvent Raise(string identity, long generation)
    {
        var until = AllOver;
        memory.Raise(identity, generation, until);
        return new(RevocationEventKind.Generation, identity, generation, until);
    }

    /// <summary>What a generation's number says beside its place: its remainder by four.</summary>
    private enum Kind
    {
        Enabled = 0,
        Disabled = 1,
        StartedEnabled = 2,
        AlsoDisabled = 3,
    }

    private sealed record Rule(TimeSpan UnknownAfter, bool Serves);
}
