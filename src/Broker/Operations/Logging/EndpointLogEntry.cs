namespace Broker.Operations;

/// <summary>A request that the broker answered itself, at an endpoint of its own: what its log line says of it.</summary>
internal sealed class EndpointLogEntry(string route)
{
    /// <summary>Stands where a forwarded request has its route's name.</summary>
    public string Route { get; } = route;

    /// <summary>Who asked, once known; never a name that was only claimed.</summary>
    public string? Caller { get; set; }

    /// <summary>What became of it, in a word.</summary>
    public string Decision { get; set; } = "not-decided";
}
