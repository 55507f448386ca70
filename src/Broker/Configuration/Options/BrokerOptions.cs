using System.ComponentModel;

namespace Broker.Configuration;

/// <summary>The section <c>Broker</c> of the config, as written. Names of properties are the keys.</summary>
internal sealed record BrokerOptions
{
    [Description("The systems behind the broker, by name. A cluster names its upstream in its metadata, else by its own name.")]
    public IReadOnlyDictionary<string, UpstreamOptions> Upstreams { get; init; } = new Dictionary<string, UpstreamOptions>();

    [Description("Who may call, by name: credentials and permissions.")]
    public IReadOnlyDictionary<string, CallerOptions> Callers { get; init; } = new Dictionary<string, CallerOptions>();

    [Description("External issuers whose bearer tokens are accepted, by name. The name is the source in an identity: corp:alice.")]
    public IReadOnlyDictionary<string, IssuerOptions> Issuers { get; init; } = new Dictionary<string, IssuerOptions>();

    [Description("Tokens of the broker's own: who issues them, and the keys that sign and verify them.")]
    public IssuingOptions? Issuing { get; init; }

    [Description("Endpoints at which callers get narrow tokens of the broker's own: DeviceHive's /token family and OAuth2. Needs Issuing.")]
    public TokenServiceOptions? TokenService { get; init; }

    [Description(
        "The Redis in which replicas share their upstream tokens; without it tokens live in this process. Password, TlsCa and "
            + "Encryption are taken over while it runs, all else at start."
    )]
    public RedisOptions? Redis { get; init; }

    [Description("Actions besides DeviceHive's: a number from 1000, or an object that says as well whether it reaches anything.")]
    public IReadOnlyDictionary<string, ActionOptions> Actions { get; init; } = new Dictionary<string, ActionOptions>();

    [Description("Policies that a route's CorsPolicy names.")]
    public IReadOnlyDictionary<string, CorsOptions> Cors { get; init; } = new Dictionary<string, CorsOptions>();

    [Description("How requests are forwarded.")]
    public ForwardingOptions Forwarding { get; init; } = new();

    [Description("Limits on what comes in.")]
    public LimitOptions Limits { get; init; } = new();

    [Description("The listener of health and readiness; never the public one.")]
    public ManagementOptions Management { get; init; } = new();

    [Description("Where metrics and traces go.")]
    public TelemetryOptions? Telemetry { get; init; }

    [Description("Lets Kestrel listen in cleartext off loopback: something before the broker ends TLS.")]
    public bool AllowInsecure { get; init; }

    [Description(
        "Proxies before the broker, as addresses or networks such as 10.0.0.0/8, whose X-Forwarded-For says where a request comes from: "
            + "failed logins are counted by that, and it goes on to the upstream with -Proto and -Host. Without it logins count by "
            + "the connection's own address, all behind one proxy together."
    )]
    public IReadOnlyList<string> TrustedProxies { get; init; } = [];

    [Description("How often the config files and the secrets are looked at for changes.")]
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(5);

    [Description("After SIGTERM: how long the broker says 'not ready' before it takes no more connections.")]
    public TimeSpan DrainDelay { get; init; } = TimeSpan.FromSeconds(5);

    [Description("After the drain: how long what is in flight may take to finish.")]
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>An action that the config adds.</summary>
[Shorthand(nameof(Number))]
internal sealed record ActionOptions
{
    [Description("From 1000; what stands in 'a' of a token.")]
    public required int Number { get; init; }

    [Description("False when it touches no device, network, type or command: only then may a route say \"Reach\": \"none\" with it.")]
    public bool HasReach { get; init; } = true;
}

/// <summary>A CORS policy.</summary>
internal sealed record CorsOptions
{
    [Description("Origins allowed, exactly; \"*\" for any, then without credentials.")]
    public required IReadOnlyList<string> Origins { get; init; }

    [Description("Methods allowed.")]
    public IReadOnlyList<string> Methods { get; init; } = ["GET", "HEAD", "POST"];

    [Description("Request headers allowed.")]
    public IReadOnlyList<string> Headers { get; init; } = [];

    [Description("Response headers that a page may read.")]
    public IReadOnlyList<string> ExposedHeaders { get; init; } = [];

    [Description("Whether a page may send cookies or client certificates.")]
    public bool Credentials { get; init; }

    [Description("How long a browser may remember a preflight.")]
    public TimeSpan MaxAge { get; init; } = TimeSpan.FromMinutes(10);
}

/// <summary>How requests are forwarded.</summary>
internal sealed record ForwardingOptions
{
    [Description("Bytes of a request body kept to send it again after the upstream refused our token.")]
    public int ReplayBodyLimit { get; init; } = 64 * 1024;

    [Description("How long an early 401 waits for the rest of the body.")]
    public TimeSpan ReplayWait { get; init; } = TimeSpan.FromSeconds(5);

    [Description(
        "A request or stream on which nothing moves for this long is ended. A cluster's HttpRequest:ActivityTimeout goes before it."
    )]
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(10);
}

/// <summary>Limits on what comes in.</summary>
internal sealed record LimitOptions
{
    [Description("Bytes of all headers of a request.")]
    public int RequestHeaderBytes { get; init; } = 32 * 1024;

    [Description("Bytes of the request line: method, target, version.")]
    public int RequestLineBytes { get; init; } = 8 * 1024;

    [Description("Bytes of a request body; no limit when missing.")]
    public long? RequestBodyBytes { get; init; }

    [Description("Bytes a second below which a request body is given up; no limit when missing.")]
    public double? MinRequestBodyBytesPerSecond { get; init; }

    [Description(
        "How long may take what is read before it is known who asks: a TLS handshake, a request's headers, "
            + "and the body of a request to the token service."
    )]
    public TimeSpan AnonymousTimeout { get; init; } = TimeSpan.FromSeconds(10);

    [Description(
        "Requests at the same time whose sender is not known: those to the token service, those whose credential is still "
            + "being verified, and those on public routes. A further one is answered 503."
    )]
    public int AnonymousRequests { get; init; } = 1000;

    [Description("The same of one address, as TrustedProxies has it; of IPv6, of one /64. A further one is answered 429.")]
    public int AnonymousRequestsPerAddress { get; init; } = 100;

    [Description(
        "Request lines a second that are logged of senders who are not known, or who gave their request up. "
            + "Further ones are counted, and their number is logged."
    )]
    public int AnonymousLogLinesPerSecond { get; init; } = 100;

    [Description("Requests of one caller at the same time.")]
    public int ConcurrentRequestsPerCaller { get; init; } = 1000;

    [Description("Password hashes computed at the same time: a flood of bad passwords cannot take the processor.")]
    public int ConcurrentPasswordHashes { get; init; } = 1;

    [Description("Verified credentials that are remembered.")]
    public int RememberedCredentials { get; init; } = 100_000;
}

/// <summary>The management listener.</summary>
internal sealed record ManagementOptions
{
    [Description("Where health and readiness are served, such as http://127.0.0.1:8081.")]
    public string Url { get; init; } = "http://127.0.0.1:8081";
}

/// <summary>Where metrics and traces go.</summary>
internal sealed record TelemetryOptions
{
    [Description("The OTLP collector, such as http://collector:4317.")]
    public required string OtlpEndpoint { get; init; }

    [Description("Grpc or HttpProtobuf.")]
    public OtlpProtocol Protocol { get; init; } = OtlpProtocol.Grpc;

    [Description("Headers for the collector, such as an API key, in the form name=value,name=value.")]
    public Secret? Headers { get; init; }

    [Description("service.name of what is exported.")]
    public string ServiceName { get; init; } = "broker";
}
