namespace Broker.Configuration;

/// <summary>The keys of YARP's section, so that a misspelt one is a mistake: YARP itself takes it silently.</summary>
/// <remarks>Source: YARP 2.3.0, ConfigurationConfigProvider. A test holds these records and YARP's own together. Only the keys count
/// here.</remarks>
internal sealed record ReverseProxyShape
{
    public IReadOnlyDictionary<string, RouteShape>? Routes { get; init; }

    public IReadOnlyDictionary<string, ClusterShape>? Clusters { get; init; }
}

/// <summary>Keys of a route.</summary>
internal sealed record RouteShape
{
    public int? Order { get; init; }

    public long? MaxRequestBodySize { get; init; }

    public string? ClusterId { get; init; }

    public string? AuthorizationPolicy { get; init; }

    public string? RateLimiterPolicy { get; init; }

    public string? OutputCachePolicy { get; init; }

    public string? TimeoutPolicy { get; init; }

    public TimeSpan? Timeout { get; init; }

    public string? CorsPolicy { get; init; }

    public MatchShape? Match { get; init; }

    [AnyNames]
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    public IReadOnlyList<IReadOnlyDictionary<string, string>>? Transforms { get; init; }
}

/// <summary>Keys of a route's match.</summary>
internal sealed record MatchShape
{
    public IReadOnlyList<string>? Methods { get; init; }

    public IReadOnlyList<string>? Hosts { get; init; }

    public string? Path { get; init; }

    public IReadOnlyList<HeaderMatchShape>? Headers { get; init; }

    public IReadOnlyList<QueryMatchShape>? QueryParameters { get; init; }
}

/// <summary>Keys of a match by header.</summary>
internal sealed record HeaderMatchShape
{
    public string? Name { get; init; }

    public IReadOnlyList<string>? Values { get; init; }

    public HeaderMatchModeShape? Mode { get; init; }

    public bool? IsCaseSensitive { get; init; }
}

/// <summary>Keys of a match by query parameter.</summary>
internal sealed record QueryMatchShape
{
    public string? Name { get; init; }

    public IReadOnlyList<string>? Values { get; init; }

    public QueryMatchModeShape? Mode { get; init; }

    public bool? IsCaseSensitive { get; init; }
}

/// <summary>How a header is matched.</summary>
internal enum HeaderMatchModeShape
{
    ExactHeader,
    HeaderPrefix,
    Exists,
    Contains,
    NotContains,
    NotExists,
}

/// <summary>How a query parameter is matched.</summary>
internal enum QueryMatchModeShape
{
    Exact,
    Contains,
    NotContains,
    Prefix,
    Exists,
}
