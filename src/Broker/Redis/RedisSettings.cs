using Broker.Configuration;
using StackExchange.Redis;

namespace Broker.Redis;

/// <summary>How Redis is reached.</summary>
internal sealed record RedisSettings
{
    /// <summary>host:port, each.</summary>
    public required IReadOnlyList<string> Endpoints { get; init; }

    /// <summary>Null: Redis's own default.</summary>
    public string? User { get; init; }

    public string? Password { get; init; }

    public RedisProtocol Protocol { get; init; } = RedisProtocol.Resp3;

    public bool Tls { get; init; }

    /// <summary>The name in the server's certificate, where it is not the host's.</summary>
    public string? TlsHost { get; init; }

    /// <summary>Whose certificate Redis may show.</summary>
    public RedisTrust Trust { get; init; } = new(null);

    /// <summary>The longest that anything waits for an answer.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A node that had replicas so lately still has them, though it sees none at the moment.</summary>
    public TimeSpan ReplicasReturn { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>The channel on which changes are told.</summary>
    public required string Channel { get; init; }

    /// <summary>As the config says it.</summary>
    public static RedisSettings Of(RedisOptions options) =>
        new()
        {
            Endpoints = options.Endpoints,
            User = options.User,
            Password = options.Password?.Reveal(),
            Protocol = options.Protocol == RespVersion.Resp2 ? RedisProtocol.Resp2 : RedisProtocol.Resp3,
            Tls = options.Tls,
            TlsHost = options.TlsHost,
            Trust = new(options.TlsCa?.Reveal()),
            CallTimeout = options.CallTimeout,
            Channel = ChannelOf(options.KeyPrefix),
        };

    /// <summary>The channel of the brokers that share a prefix.</summary>
    public static string ChannelOf(string prefix) => prefix + ":changed";

    public override string ToString() => "***";
}
