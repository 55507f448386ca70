using System.ComponentModel;

namespace Broker.Configuration;

/// <summary>The section <c>Broker</c> of the config, as written. Names of properties are the keys.</summary>
internal sealed record BrokerOptions
{
    [Description(
        "The systems behind the broker, by name. A cluster names its upstream in its metadata (\"Upstream\": "
            + "\"damoov\"); a cluster that names none belongs to the upstream of its own name."
    )]
    [WhenMissing("no upstream")]
    public IReadOnlyDictionary<string, UpstreamOptions> Upstreams { get; init; } = new Dictionary<string, UpstreamOptions>();

    [Description("The callers, by name: their credentials and their permissions. In identities the caller 'dashboard' is 'key:dashboard'.")]
    [WhenMissing("no caller")]
    public IReadOnlyDictionary<string, CallerOptions> Callers { get; init; } = new Dictionary<string, CallerOptions>();

    [Description("External issuers whose bearer tokens are accepted, by name. The name is the source in an identity: 'corp:alice'.")]
    [WhenMissing("no external issuer")]
    public IReadOnlyDictionary<string, IssuerOptions> Issuers { get; init; } = new Dictionary<string, IssuerOptions>();

    [Description("The broker's own tokens: what they say, and the keys that sign and verify them.")]
    [WhenMissing("the broker neither issues nor accepts tokens of its own")]
    public IssuingOptions? Issuing { get; init; }

    [Description("The endpoints at which callers get tokens of the broker's own: DeviceHive's /token family and OAuth2. Needs Issuing.")]
    [WhenMissing("no such endpoints")]
    public TokenServiceOptions? TokenService { get; init; }

    [Description(
        "The Redis in which replicas share upstream tokens, revocations and failed logins. User, Password, TlsCa and "
            + "Encryption take effect while the broker runs, every other key at start."
    )]
    [WhenMissing("each process keeps these to itself")]
    public RedisOptions? Redis { get; init; }

    [Description("Actions besides DeviceHive's own, by name. A bare number is the action's Number.")]
    [WhenMissing("DeviceHive's actions alone")]
    [Example("""{ "Unlock": 1000, "GetWeather": { "Number": 1001, "HasReach": false } }""")]
    public IReadOnlyDictionary<string, ActionOptions> Actions { get; init; } = new Dictionary<string, ActionOptions>();

    [Description("CORS policies, by name. A route names one in its CorsPolicy, the token service in its own.")]
    [WhenMissing("no policy")]
    public IReadOnlyDictionary<string, CorsOptions> Cors { get; init; } = new Dictionary<string, CorsOptions>();

    [Description("How requests are forwarded.")]
    public ForwardingOptions Forwarding { get; init; } = new();

    [Description("Limits on what comes in.")]
    public LimitOptions Limits { get; init; } = new();

    [Description("The listener of health and readiness. It is a listener of its own, never the public one.")]
    public ManagementOptions Management { get; init; } = new();

    [Description("Where metrics and traces are sent.")]
    [WhenMissing("nothing is sent")]
    public TelemetryOptions? Telemetry { get; init; }

    [Description(
        "Allows Kestrel and Management to listen in cleartext on addresses other than loopback. Set it where something "
            + "before the broker ends TLS."
    )]
    public bool AllowInsecure { get; init; }

    [Description(
        "Proxies before the broker, as addresses or networks. Their X-Forwarded-For says which address a request comes "
            + "from; failed logins and anonymous requests are counted by that address, and it is passed on to the upstream."
    )]
    [WhenMissing("no proxy is trusted: the address of the connection counts, so all clients behind one proxy count as one address")]
    [Example("""[ "10.0.0.0/8", "192.0.2.7" ]""")]
    public IReadOnlyList<string> TrustedProxies { get; init; } = [];

    [Description("How often the config files, the secrets and the certificates are checked for changes. From 0.1 s to a day.")]
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(5);

    [Description(
        "After SIGTERM: how long the broker fails readiness and still takes requests, before it closes its listeners. " + "At most a day."
    )]
    public TimeSpan DrainDelay { get; init; } = TimeSpan.FromSeconds(5);

    [Description("After the drain: how long requests in flight may take to finish. At most a day.")]
    public TimeSpan ShutdownTimeout { get; init; } = TimeSpan.FromSeconds(30);
}

/// <summary>An action that the config adds.</summary>
[Shorthand(nameof(Number))]
internal sealed record ActionOptions
{
    [Description("The action's number, from 1000. It stands in the claim 'a' of the broker's own tokens.")]
    [Example("1000")]
    public required int Number { get; init; }

    [Description(
        "Whether the action touches devices, networks, device types or commands. Only where it is false may a route say "
            + "\"Reach\": \"none\" with it."
    )]
    public bool HasReach { get; init; } = true;
}

/// <summary>A CORS policy.</summary>
[ExampleKeys("Headers")]
internal sealed record CorsOptions
{
    [Description("The origins allowed, exactly as a browser sends them; \"*\" for any, then without Credentials.")]
    [Example("""[ "https://app.example" ]""")]
    public required IReadOnlyList<string> Origins { get; init; }

    [Description("The methods allowed.")]
    [Example("""[ "GET", "POST", "DELETE" ]""")]
    public IReadOnlyList<string> Methods { get; init; } = ["GET", "HEAD", "POST"];

    [Description("The request headers that a page may send, such as Authorization, X-Api-Key and Content-Type.")]
    [WhenMissing("none: a page can send simple requests only")]
    [Example("""[ "Authorization", "Content-Type" ]""")]
    public IReadOnlyList<string> Headers { get; init; } = [];

    [Description("The response headers that a page may read besides the simple ones.")]
    [WhenMissing("none")]
    [Example("""[ "X-Total-Count" ]""")]
    public IReadOnlyList<string> ExposedHeaders { get; init; } = [];

    [Description("Whether a page may send cookies and client certificates.")]
    public bool Credentials { get; init; }

    [Description("How long a browser may remember the answer to a preflight request.")]
    public TimeSpan MaxAge { get; init; } = TimeSpan.FromMinutes(10);
}

/// <summary>How requests are forwarded.</summary>
internal sealed record ForwardingOptions
{
    [Description(
        "How many bytes of a request body are kept, to send the request again after the upstream refused its token. At "
            + "most 16 MB; 0 keeps none."
    )]
    public int ReplayBodyLimit { get; init; } = 64 * 1024;

    [Description(
        "Where the upstream answers 401 while the body is still arriving: how long the broker waits for the rest of the "
            + "body, to send the request again. At most 5 minutes."
    )]
    public TimeSpan ReplayWait { get; init; } = TimeSpan.FromSeconds(5);

    [Description(
        "A request or stream on which no byte moves for this long is ended. A cluster's HttpRequest:ActivityTimeout "
            + "overrides it. At most a day."
    )]
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(10);
}

/// <summary>The management listener.</summary>
internal sealed record ManagementOptions
{
    [Description("The address of health and readiness (/healthz/live and /healthz/ready).")]
    [Example("\"http://127.0.0.1:9081\"")]
    public string Url { get; init; } = "http://127.0.0.1:8081";
}

/// <summary>Where metrics and traces go.</summary>
internal sealed record TelemetryOptions
{
    [Description("The address of the OTLP collector.")]
    [Example("\"http://collector:4317\"")]
    public required string OtlpEndpoint { get; init; }

    [Description("How the collector is spoken to.")]
    public OtlpProtocol Protocol { get; init; } = OtlpProtocol.Grpc;

    [Description("Headers for the collector, such as an API key, in the form name=value,name=value.")]
    [WhenMissing("no headers")]
    public Secret? Headers { get; init; }

    [Description("The service.name of everything that is exported.")]
    [Example("\"broker-eu\"")]
    public string ServiceName { get; init; } = "broker";
}
