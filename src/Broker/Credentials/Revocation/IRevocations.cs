namespace Broker.Credentials;

/// <summary>Whether a token that verifies still counts; the default says that nobody knows.</summary>
internal enum RevocationStatus
{
    /// <summary>Who would know cannot be asked: neither yes nor no.</summary>
    Unknown,

    /// <summary>Nothing it came of was ended.</summary>
    Good,

    /// <summary>It, its session or one of its callers was ended.</summary>
    Revoked,
}

/// <summary>What was ended before its time: tokens, sessions, and all that came of a caller.</summary>
/// <remarks>In memory for one replica; for several, what they share. Asked on each request, so the answer waits for nobody and allocates
/// nothing.
/// A change answers false when it is not known to hold everywhere: then it is to be asked for again.</remarks>
internal interface IRevocations
{
    /// <summary>Whether this token, verified now or long ago, still counts.</summary>
    RevocationStatus Of(TokenClaims claims);

    /// <summary>Another number whenever an answer may have become another.</summary>
    long Version { get; }

    /// <summary>How often all of this identity was ended: a number, not a time, for clocks differ.</summary>
    long GenerationOf(string identity);

    /// <summary>Ends a token or a session by its id; remembered until then, when it is over anyway.</summary>
    ValueTask<bool> Revoke(string id, DateTimeOffset until, CancellationToken cancellation);

    /// <summary>Ends all that came of an identity so far.</summary>
    ValueTask<bool> RevokeAllOf(string identity, CancellationToken cancellation);
}
