namespace Broker.Configuration;

/// <summary>Keys of a cluster.</summary>
internal sealed record ClusterShape
{
    public string? LoadBalancingPolicy { get; init; }

    public SessionAffinityShape? SessionAffinity { get; init; }

    public HealthCheckShape? HealthCheck { get; init; }

    public HttpClientShape? HttpClient { get; init; }

    public HttpRequestShape? HttpRequest { get; init; }

    public IReadOnlyDictionary<string, DestinationShape>? Destinations { get; init; }

    [AnyNames]
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}

/// <summary>Keys of a destination.</summary>
internal sealed record DestinationShape
{
    public string? Address { get; init; }

    public string? Health { get; init; }

    [AnyNames]
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    public string? Host { get; init; }
}

/// <summary>Keys of session affinity.</summary>
internal sealed record SessionAffinityShape
{
    public bool? Enabled { get; init; }

    public string? Policy { get; init; }

    public string? FailurePolicy { get; init; }

    public string? AffinityKeyName { get; init; }

    public AffinityCookieShape? Cookie { get; init; }
}

/// <summary>Keys of the cookie of session affinity.</summary>
internal sealed record AffinityCookieShape
{
    public string? Path { get; init; }

    public string? Domain { get; init; }

    public bool? HttpOnly { get; init; }

    public string? SecurePolicy { get; init; }

    public string? SameSite { get; init; }

    public TimeSpan? Expiration { get; init; }

    public TimeSpan? MaxAge { get; init; }

    public bool? IsEssential { get; init; }
}

/// <summary>Keys of health checks.</summary>
internal sealed record HealthCheckShape
{
    public PassiveHealthShape? Passive { get; init; }

    public ActiveHealthShape? Active { get; init; }

    public string? AvailableDestinationsPolicy { get; init; }
}

/// <summary>Keys of the passive health check.</summary>
internal sealed record PassiveHealthShape
{
    public bool? Enabled { get; init; }

    public string? Policy { get; init; }

    public TimeSpan? ReactivationPeriod { get; init; }
}

/// <summary>Keys of the active health check.</summary>
internal sealed record ActiveHealthShape
{
    public bool? Enabled { get; init; }

    public TimeSpan? Interval { get; init; }

    public TimeSpan? Timeout { get; init; }

    public string? Policy { get; init; }

    public string? Path { get; init; }

    public string? Query { get; init; }
}

/// <summary>Keys of the client.</summary>
internal sealed record HttpClientShape
{
    public IReadOnlyList<string>? SslProtocols { get; init; }

    public bool? DangerousAcceptAnyServerCertificate { get; init; }

    public int? MaxConnectionsPerServer { get; init; }

    public bool? EnableMultipleHttp2Connections { get; init; }

    public string? RequestHeaderEncoding { get; init; }

    public string? ResponseHeaderEncoding { get; init; }

    public WebProxyShape? WebProxy { get; init; }
}

/// <summary>Keys of the client's own proxy.</summary>
internal sealed record WebProxyShape
{
    public string? Address { get; init; }

    public bool? BypassOnLocal { get; init; }

    public bool? UseDefaultCredentials { get; init; }
}

/// <summary>Keys of the request.</summary>
internal sealed record HttpRequestShape
{
    public TimeSpan? ActivityTimeout { get; init; }

    public string? Version { get; init; }

    public string? VersionPolicy { get; init; }

    public bool? AllowResponseBuffering { get; init; }
}
