namespace Broker.Configuration;

/// <summary>The keys of Kestrel's section. Source: ASP.NET Core, Kestrel's ConfigurationReader; a test holds them together.</summary>
internal sealed record KestrelShape
{
    public IReadOnlyDictionary<string, EndpointShape>? Endpoints { get; init; }

    public EndpointDefaultsShape? EndpointDefaults { get; init; }

    public IReadOnlyDictionary<string, CertificateShape>? Certificates { get; init; }
}

/// <summary>Keys of what holds for every endpoint.</summary>
internal sealed record EndpointDefaultsShape
{
    public EndpointProtocols? Protocols { get; init; }

    public IReadOnlyList<string>? SslProtocols { get; init; }

    public ClientCertificates? ClientCertificateMode { get; init; }
}

/// <summary>Keys of an endpoint.</summary>
internal sealed record EndpointShape
{
    public required string Url { get; init; }

    public EndpointProtocols? Protocols { get; init; }

    public IReadOnlyList<string>? SslProtocols { get; init; }

    public ClientCertificates? ClientCertificateMode { get; init; }

    public CertificateShape? Certificate { get; init; }

    public IReadOnlyDictionary<string, SniShape>? Sni { get; init; }
}

/// <summary>Keys of one host name's own TLS.</summary>
internal sealed record SniShape
{
    public EndpointProtocols? Protocols { get; init; }

    public IReadOnlyList<string>? SslProtocols { get; init; }

    public ClientCertificates? ClientCertificateMode { get; init; }

    public CertificateShape? Certificate { get; init; }
}

/// <summary>Keys of a certificate.</summary>
internal sealed record CertificateShape
{
    public string? Path { get; init; }

    public string? KeyPath { get; init; }

    public string? Password { get; init; }

    public string? Subject { get; init; }

    public string? Store { get; init; }

    public string? Location { get; init; }

    public bool? AllowInvalid { get; init; }
}

/// <summary>Kestrel's HttpProtocols, as the config writes them.</summary>
internal enum EndpointProtocols
{
    None,
    Http1,
    Http2,
    Http1AndHttp2,
    Http3,
    Http1AndHttp2AndHttp3,
}

/// <summary>Kestrel's ClientCertificateMode, as the config writes it.</summary>
internal enum ClientCertificates
{
    NoCertificate,
    AllowCertificate,
    RequireCertificate,
    DelayCertificate,
}
