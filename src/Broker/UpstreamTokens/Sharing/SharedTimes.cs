namespace Broker.UpstreamTokens;

/// <summary>The times of the protocol; settings, so that a test with real processes runs in seconds.</summary>
internal sealed record SharedTimes
{
    /// <summary>How long a lease lives that is not extended.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often who waits for another's renewal looks for itself.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long nobody spends a refresh token after Redis came back as another.</summary>
    public TimeSpan RecoveryDelay { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How much later than another a replica may find that Redis is back: so much longer nobody logs in after an absence in which logins
    /// alone were allowed.
    /// </summary>
    public TimeSpan Reconnect { get; init; }

    /// <summary>How long a pair is kept for its refresh token; one of an account that can only refresh has no end.</summary>
    public TimeSpan RefreshTokenTtl { get; init; } = TimeSpan.FromDays(30);

    /// <summary>What the budget is divided by where Redis is away.</summary>
    public int MaxReplicas { get; init; } = 8;

    /// <summary>How long a seat is kept for a replica that no longer says that it is there.</summary>
    public TimeSpan SeatLives { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// How far Redis's clock may be off, as a replica counts it on: how long the answer may take that tells it, and what differs between
    /// Redis's own machines.
    /// </summary>
    public TimeSpan ClocksDiffer { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often a commit that was not answered is tried at once; after that when Redis is back.</summary>
    public int CommitTries { get; init; } = 3;
}
