using System.ComponentModel;

namespace Broker.Configuration;

/// <summary>
/// The Redis in which replicas share their upstream tokens. Takes effect at start; what <see cref="IsStartedAs"/> leaves out does at once.
/// </summary>
internal sealed record RedisOptions
{
    private static readonly IReadOnlyDictionary<string, Secret> None = new Dictionary<string, Secret>();
    private static readonly IReadOnlyList<string> Nowhere = [];

    [Description("host:port of the server, of the primary and its replicas, or of some nodes of a Cluster.")]
    public required IReadOnlyList<string> Endpoints { get; init; }

    [Description("The user of Redis's ACL; what it must be allowed stands in docs/redis.md. Redis's own 'default' where this is not said.")]
    public string? User { get; init; }

    [Description("The password. Needed off loopback, or AllowInsecure.")]
    public Secret? Password { get; init; }

    [Description("Resp2 for a proxy before Redis that does not know HELLO.")]
    public RespVersion Protocol { get; init; } = RespVersion.Resp3;

    [Description("Talks TLS to Redis. Needed off loopback, or AllowInsecure.")]
    public bool Tls { get; init; }

    [Description("The name in Redis's certificate, where it is not the endpoint's host.")]
    public string? TlsHost { get; init; }

    [Description(
        "The certificates of the authorities (PEM) that Redis's certificate must come from, and no other; the machine's own where "
            + "this is not said."
    )]
    public Secret? TlsCa { get; init; }

    [Description("Lets a Redis off loopback be without TLS or without a password: something else keeps others away from it.")]
    public bool AllowInsecure { get; init; }

    [Description("Lets tokens stand unencrypted in a Redis on loopback.")]
    public bool AllowPlaintext { get; init; }

    [Description(
        "Keys that encrypt the tokens, by id: 32 bytes in Base64 each ('openssl rand -base64 32'). The first encrypts, all decrypt: "
            + "to replace one, add the new key last everywhere, then put it first, then take the old one out."
    )]
    public IReadOnlyDictionary<string, Secret> Encryption { get; init; } = None;

    [Description(
        "Names the records, in all replicas alike: 32 random characters or more. Another one is a flush; it is no part of the ring."
    )]
    public required Secret NamingKey { get; init; }

    [Description("Stands before every key, so that several brokers can use one Redis.")]
    public string KeyPrefix { get; init; } = "broker";

    [Description("The longest that anything waits for an answer of Redis.")]
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(1);

    [Description("How long the right to renew lives when its holder dies.")]
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(10);

    [Description("How often who waits for another replica's renewal looks for itself, in case the word was lost.")]
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(1);

    [Description("How long no refresh token is spent after Redis restarted or failed over.")]
    public TimeSpan RecoveryDelay { get; init; } = TimeSpan.FromSeconds(2);

    [Description("How long a stored pair is kept for its refresh token.")]
    public TimeSpan RefreshTokenTtl { get; init; } = TimeSpan.FromDays(30);

    [Description(
        "The most replicas there may be: while Redis is away, each has this share of the login budget, and its turn where there are "
            + "fewer logins than replicas."
    )]
    public int MaxReplicas { get; init; } = 8;

    /// <summary>How much later than another a replica may find that Redis is back, or another one.</summary>
    /// <remarks>An attempt to connect that began while it was away has to run out first, then the probe behind it, then comes the word.
    /// There is room for more.</remarks>
    public TimeSpan Reconnect => (CallTimeout * 6) + TimeSpan.FromSeconds(1) + Poll;

    /// <summary>
    /// Whether all is the same that is read at start only: not the user, the password, the authorities and the ring of keys, which are
    /// replaced while it runs.
    /// </summary>
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
