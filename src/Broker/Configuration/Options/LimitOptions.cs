using System.ComponentModel;

namespace Broker.Configuration;

/// <summary>Limits on what comes in.</summary>
internal sealed record LimitOptions
{
    [Description("The size of all headers of one request, in bytes. From 1 KB to 1 MB.")]
    public int RequestHeaderBytes { get; init; } = 32 * 1024;

    [Description("The size of the request line (method, target and version), in bytes. From 256 to 1 MB.")]
    public int RequestLineBytes { get; init; } = 8 * 1024;

    [Description("The size of a request body, in bytes. A larger one is answered 413. A route's MaxRequestBodySize overrides it.")]
    [WhenMissing("no limit")]
    [Example("10485760")]
    public long? RequestBodyBytes { get; init; }

    [Description("The least rate of a request body, in bytes a second. A slower one is answered 408.")]
    [WhenMissing("no least rate")]
    [Example("240")]
    public double? MinRequestBodyBytesPerSecond { get; init; }

    [Description(
        "How long the broker waits for bytes before it knows who sends them: for a TLS handshake, for a request's "
            + "headers, and for the body of a request to the token service. From 0.1 s to 10 minutes."
    )]
    public TimeSpan AnonymousTimeout { get; init; } = TimeSpan.FromSeconds(10);

    [Description(
        "How many requests whose sender is not known may be open at once: requests to the token service, requests whose "
            + "credential is still being verified, and requests on public routes. A further one is answered 503."
    )]
    public int AnonymousRequests { get; init; } = 1000;

    [Description("The same for one address (for IPv6, for one /64), as TrustedProxies tells it. A further one is answered 429.")]
    public int AnonymousRequestsPerAddress { get; init; } = 100;

    [Description(
        "How many request lines a second are logged for senders who are not known, and for callers who gave their "
            + "request up. Further lines are counted, and event 531 says how many they were."
    )]
    public int AnonymousLogLinesPerSecond { get; init; } = 100;

    [Description("How many requests of one caller may be open at once. A further one is answered 429.")]
    public int ConcurrentRequestsPerCaller { get; init; } = 1000;

    [Description("How many password hashes are computed at once, so that a flood of wrong passwords cannot take all of the processor.")]
    public int ConcurrentPasswordHashes { get; init; } = 1;

    [Description("How many verified credentials are remembered, so that a token's signature is not verified for each request.")]
    public int RememberedCredentials { get; init; } = 100_000;
}
