using System.ComponentModel;

namespace Broker.Configuration;

/// <summary>The Redis that replicas share. It takes effect at start, but for the keys that <see cref="IsStartedAs"/> leaves out.</summary>
[ExampleKeys("Encryption")]
internal sealed record RedisOptions
{
    private static readonly IReadOnlyDictionary<string, Secret> None = new Dictionary<string, Secret>();
    private static readonly IReadOnlyList<string> Nowhere = [];

    [Description("host:port of the server, of the primary and its replicas, or of some nodes of a Cluster.")]
    [Example("""[ "redis.internal:6379" ]""")]
    public required IReadOnlyList<string> Endpoints { get; init; }

    [Description("The user of Redis's ACL. docs/redis.md says which rights it needs.")]
    [WhenMissing("Redis's own user 'default'")]
    [Example("\"broker\"")]
    public string? User { get; init; }

    [Description("The user's password. A Redis that is not on loopback needs one, unless AllowInsecure is true.")]
    [WhenMissing("no password")]
    public Secret? Password { get; init; }

    [Description("The version of Redis's protocol. Resp2 is for a proxy before Redis that does not know HELLO.")]
    public RespVersion Protocol { get; init; } = RespVersion.Resp3;

    [Description("Uses TLS. A Redis that is not on loopback needs it, unless AllowInsecure is true.")]
    public bool Tls { get; init; }

    [Description("The name that Redis's certificate must hold.")]
    [WhenMissing("the endpoint's host")]
    [Example("\"redis.example\"")]
    public string? TlsHost { get; init; }

    [Description("The certificates (PEM) of the authorities that Redis's certificate must come from; no others are trusted then.")]
    [WhenMissing("the machine's own authorities")]
    public Secret? TlsCa { get; init; }

    [Description(
        "Allows a Redis that is not on loopback to have no TLS or no password. Set it where something else keeps others " + "away from it."
    )]
    public bool AllowInsecure { get; init; }

    [Description("Allows tokens to be stored without encryption. Only for a Redis on loopback.")]
    public bool AllowPlaintext { get; init; }

    [Description(
        "The keys that encrypt what is stored, by id: 32 bytes in Base64 each ('openssl rand -base64 32'). The first "
            + "key encrypts, all of them decrypt. To replace a key: add the new one last in every replica, then put it first, "
            + "then remove the old one."
    )]
    [WhenMissing("none; needed unless AllowPlaintext is true")]
    [Example("""{ "k1": { "File": "/run/secrets/redis-k1" } }""")]
    public IReadOnlyDictionary<string, Secret> Encryption { get; init; } = None;

    [Description(
        "The key of the HMAC that names the records: at least 32 random characters, the same in all replicas. Another "
            + "NamingKey makes everything stored unreachable. It is not part of Encryption."
    )]
    public required Secret NamingKey { get; init; }

    [Description(
        "What every key in Redis begins with, so that several brokers can use one Redis: 1 to 64 letters, digits, '-', "
            + "'_', '.' or ':'."
    )]
    [Example("\"broker-eu\"")]
    public string KeyPrefix { get; init; } = "broker";

    [Description("How long anything waits for an answer of Redis. From 0.05 s to 30 s.")]
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(1);

    [Description(
        "How long the right to renew an account's token lasts when the replica that holds it dies. From 0.2 s to 10 "
            + "minutes; at least three times CallTimeout."
    )]
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(10);

    [Description(
        "How often a replica that waits for another's renewal reads Redis itself, in case the message was lost. From "
            + "0.05 s to a minute."
    )]
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(1);

    [Description("How long no refresh token is spent after Redis restarted or failed over. At most a minute.")]
    public TimeSpan RecoveryDelay { get; init; } = TimeSpan.FromSeconds(2);

    [Description("How long a stored token pair is kept for its refresh token. From a minute to 3650 days.")]
    public TimeSpan RefreshTokenTtl { get; init; } = TimeSpan.FromDays(30);

    [Description("The most replicas that run. While Redis is away, each has this share of the login budget. From 1 to 10000.")]
    public int MaxReplicas { get; init; } = 8;

    /// <summary>How much later than another a replica may find that Redis is back, or was replaced.</summary>
    /// <remarks>An attempt to connect that began while it was away has to run out first. The probe and the message follow.</remarks>
    public TimeSpan Reconnect => (CallTimeout * 6) + TimeSpan.FromSeconds(1) + Poll;

    /// <summary>Whether all keys are the same that are read at start only.</summary>
    public static bool IsStartedAs(RedisOptions? started, RedisOptions? now) =>
        started is null || now is null
            ? started is null && now is null
            : started.Endpoints.SequenceEqual(now.Endpoints) && Blank(started) == Blank(now);

    private static RedisOptions Blank(RedisOptions options) =>
        options with
        {
            Endpoints = Nowhere,
            User = null,
            Password = null,
            TlsCa = null,
            Encryption = None,
        };
}

/// <summary>How clients and Redis talk.</summary>
internal enum RespVersion
{
    Resp2,
    Resp3,
}
