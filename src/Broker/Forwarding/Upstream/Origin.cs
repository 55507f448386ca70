namespace Broker.Forwarding;

/// <summary>One destination as a request must name it: scheme, host and port of its address, and its own Host, if it has one.</summary>
internal sealed class Origin
{
    private readonly string scheme;
    private readonly string host;
    private readonly int port;
    private readonly string? ownHost;

    /// <param name="address">The destination's address.</param>
    /// <param name="ownHost">The destination's own <c>Host</c>; where there is none, Host is the address's.</param>
    public Origin(Uri address, string? ownHost)
    {
        (scheme, host, port) = (address.Scheme, address.IdnHost, address.Port);
        this.ownHost = string.IsNullOrEmpty(ownHost) ? null : ownHost;
    }

    /// <summary>
    /// Whether a request leads there and says so. The client takes SNI and the certificate's name from a Host, if there is one.
    /// </summary>
    public bool IsOf(HttpRequestMessage request) =>
        request.RequestUri is { IsAbsoluteUri: true } address
        && address.Port == port
        && address.Scheme == scheme
        && address.IdnHost.Equals(host, StringComparison.OrdinalIgnoreCase)
        && HasOwnHost(request);

    private bool HasOwnHost(HttpRequestMessage request)
    {
        // As it would stand on the wire: a value that the client cannot parse is sent all the same.
        return request.Headers.NonValidated.TryGetValues("Host", out var values)
            ? values.Count == 1 && values.ToString().Equals(ownHost, StringComparison.Ordinal)
            : ownHost is null;
    }
}
