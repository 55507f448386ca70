using Broker.Configuration;
using Broker.Credentials;
using Policies;

namespace Broker.TokenService;

/// <summary>Makes tokens under one snapshot; what may be in them was decided before, and is bounded once more when they are used.</summary>
internal sealed class Issuance(
    Snapshot snapshot,
    TokenServiceOptions options,
    TokenServiceState ledgers,
    IUserLogins? logins,
    TimeProvider time
)
{
    private readonly CredentialTable table = snapshot.Part<CredentialTable>();

    public CredentialTable Credentials => table;

    public TokenServiceOptions Options => options;

    public TokenServiceState Ledgers => ledgers;

    public ActionNames Actions => snapshot.Actions;

    public SigningKeys Keys => table.Keys!;

    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>For how long something takes.</summary>
    public long Timestamp => time.GetTimestamp();

    public Snapshot Snapshot => snapshot;

    /// <summary>Users of an upstream, where there are any.</summary>
    public IUserLogins? Logins => logins;

    public TimeSpan Since(long timestamp) => time.GetElapsedTime(timestamp);

    /// <summary>A user's number; null for a caller without one.</summary>
    public long? NumberOf(Caller caller) => table.Tokens!.Find(caller.Identity)?.UserId;

    /// <summary>The end of an access token that nobody asked to be otherwise.</summary>
    public DateTimeOffset AccessEnd => Now + Keys.AccessLifetime;

    /// <summary>No access token lives longer, whatever was asked for.</summary>
    private DateTimeOffset LongestEnd => Now + options.MaxLifetime;

    /// <summary>
    /// Until when a session has to be remembered as ended: a token knows its own bound, and others of its session may live longer.
    /// </summary>
    public DateTimeOffset EndOfSession(TokenClaims token) =>
        ledgers.AllOver is var longest && longest > token.SessionEnd ? longest : token.SessionEnd;

    public Origin OriginOf(Caller caller) => Origin.Of(caller, options.SessionLifetime, ledgers.Revocations, Now);

    /// <summary>
    /// An access and a refresh token; of neither comes anything that outlives both. Null when nobody could tell one use of the refresh
    /// token from the next.
    /// </summary>
    public async ValueTask<IssuedTokenPair?> Pair(
        Origin origin,
        Caller subject,
        Permissions held,
        DateTimeOffset accessEnd,
        DateTimeOffset refreshEnd,
        string? client = null,
        string? scope = null,
        string? topic = null
    )
    {
        accessEnd = Earlier(Earlier(accessEnd, LongestEnd), origin.End);
        refreshEnd = Earlier(refreshEnd, origin.End);
        var bound = accessEnd > refreshEnd ? accessEnd : refreshEnd;
        var claims = Claims(origin, subject, held, bound) with { Client = client, Scope = scope, Topic = topic };
        var rotates = options.RefreshTokens == RefreshTokens.Rotating;
        var line = rotates ? await ledgers.Rotation.Begin(refreshEnd, CancellationToken.None) : null;
        return rotates && line is null
            ? null
            : new(
                TokenIssuer.Sign(claims with { End = accessEnd }, Keys),
                TokenIssuer.Sign(claims with { Id = TokenIssuer.NewId(), End = refreshEnd, Use = TokenUse.Refresh, Line = line }, Keys)
            );
    }

    /// <summary>A pair for a plugin's topic. It reaches nothing but that.</summary>
    public ValueTask<IssuedTokenPair?> PluginPair(
        Origin origin,
        Caller creator,
        Selection actions,
        string topic,
        DateTimeOffset accessEnd,
        DateTimeOffset refreshEnd
    ) => Pair(origin, creator, default(Permissions) with { Actions = actions }, accessEnd, refreshEnd, topic: topic);

    /// <summary>An access token alone: nothing that comes of it outlives it.</summary>
    public string Access(Origin origin, Caller subject, Permissions held, DateTimeOffset end, string? client, string? scope)
    {
        end = Earlier(Earlier(end, LongestEnd), origin.End);
        return TokenIssuer.Sign(Claims(origin, subject, held, end) with { End = end, Client = client, Scope = scope }, Keys);
    }

    /// <summary>A new access token for a refresh token; what it holds may be narrowed.</summary>
    public string Renewed(TokenClaims refresh, Permissions? held, string? scope, out DateTimeOffset end)
    {
        var narrowed = held is { } less ? TokenIssuer.Holding(less, Actions) : refresh;
        end = Earlier(AccessEnd, refresh.End);
        return TokenIssuer.Sign(
            refresh with
            {
                Actions = narrowed.Actions,
                Networks = narrowed.Networks,
                DeviceTypes = narrowed.DeviceTypes,
                Devices = narrowed.Devices,
                Id = TokenIssuer.NewId(),
                IssuedAt = Now,
                End = end,
                Use = TokenUse.Access,
                Scope = scope,
                Line = null,
                Place = 0,
            },
            Keys
        );
    }

    /// <summary>Whether a token can stand for this identity in the present config, its caller disabled or not.</summary>
    public bool CanBe(string identity) =>
        identity.StartsWith(ConfigCaller.SubjectPrefix, StringComparison.Ordinal)
            ? table.IsNamed(identity[ConfigCaller.SubjectPrefix.Length..])
        : identity.StartsWith(UpstreamUser.SubjectPrefix, StringComparison.Ordinal)
            ? options.UsersOf is { } upstream && UpstreamUser.IsNameAt(upstream, identity[UpstreamUser.SubjectPrefix.Length..])
        : table.Tokens!.Find(identity) is not null;

    /// <summary>Whether a token of ours counts now: within its end, of callers who are there, and not ended.</summary>
    public async ValueTask<RevocationStatus> StandingOf(TokenClaims claims) =>
        claims.End <= Now ? RevocationStatus.Revoked
        : !await table.Tokens!.Recall(claims) ? RevocationStatus.Unknown
        : table.Tokens.Present(claims) is null ? RevocationStatus.Revoked
        : ledgers.Revocations.Of(claims);

    private TokenClaims Claims(Origin origin, Caller subject, Permissions held, DateTimeOffset bound)
    {
        var others = origin.Generations.Where(pair => pair.Key != subject.Identity).ToList();
        var own = origin.Generations.TryGetValue(subject.Identity, out var generation)
            ? generation
            : ledgers.Revocations.GenerationOf(subject.Identity);
        return TokenIssuer.Holding(held, Actions) with
        {
            Subject = subject.Identity,
            UserId = NumberOf(subject),
            Creators = [.. others.Select(pair => pair.Key)],
            Generations = [own, .. others.Select(pair => pair.Value)],
            Id = TokenIssuer.NewId(),
            IssuedAt = Now,
            Session = origin.Session,
            SessionEnd = bound,
        };
    }

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;
}

/// <summary>An access token and the refresh token that goes with it. Prints as <c>***</c>.</summary>
internal sealed record IssuedTokenPair(string Access, string Refresh)
{
    public override string ToString() => "***";
}
