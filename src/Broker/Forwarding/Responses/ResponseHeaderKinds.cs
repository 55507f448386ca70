using System.Collections.Frozen;

namespace Broker.Forwarding;

/// <summary>What becomes of an answer's header of some name.</summary>
internal enum ResponseHeaderKind
{
    Plain,
    Drop,
    Cookie,

    /// <summary>One address.</summary>
    Address,

    /// <summary>Addresses in angle brackets (RFC 8288).</summary>
    Link,

    /// <summary>Seconds, and an address behind <c>url=</c>.</summary>
    Refresh,
}

/// <summary>
/// The categories of an answer's headers (docs/security.md): what is for whoever stands before the broker, what is between it and the
/// upstream, and addresses.
/// </summary>
internal static class ResponseHeaderKinds
{
    // csharpier-ignore
    private static readonly string[] DropNames =
    [
        // credentials, and what asks for them
        "Set-Cookie2", "Cookie", "Cookie2", "Authorization", "WWW-Authenticate", "Authentication-Info", "Authentication-Control",
        "Optional-WWW-Authenticate", "X-Token", "Token", "Private-Token", "Api-Key", "X-ApiKey", "DPoP-Nonce",
        // what speaks for the broker's own origin to a browser
        "Clear-Site-Data", "Alt-Svc", "Strict-Transport-Security", "Public-Key-Pins", "Public-Key-Pins-Report-Only", "Expect-CT",
        "Service-Worker-Allowed", "Report-To", "NEL", "Reporting-Endpoints", "Timing-Allow-Origin", "Speculation-Rules",
        "Set-Login", "Origin-Trial", "Activate-Storage-Access", "P3P", "X-Frame-Options-Origin",
        // the connection
        "Keep-Alive", "HTTP2-Settings", "Upgrade", "Close",
        // what asks a cache or a proxy before the broker for something
        "CDN-Cache-Control", "Edge-Control", "Edge-Cache-Tag", "Cache-Tag", "Cache-Tags", "X-Cache-Tags", "X-Key", "xkey",
        "X-HTTP-Method-Override", "X-Envoy", "X-Proxy-Cache-Control",
    ];

    // csharpier-ignore
    private static readonly string[] DropFirstWords =
    [
        "Access-Control", "Proxy", "X-Accel", "X-Sendfile", "X-LiteSpeed", "X-Lighttpd", "X-LIGHTTPD", "X-Reproxy", "X-Rewrite",
        "X-Original", "X-Override", "X-Forwarded", "Surrogate", "X-Envoy", "X-Varnish-Ttl", "X-Traefik", "X-Pingora",
        "Cloudflare-CDN", "Fastly", "Akamai-Cache", "Vercel-CDN", "Netlify-CDN", "X-Internal-Redirect",
    ];

    private static readonly FrozenDictionary<string, ResponseHeaderKind> Names = new (string[] Names, ResponseHeaderKind Kind)[]
    {
        (DropNames, ResponseHeaderKind.Drop),
        (["Set-Cookie"], ResponseHeaderKind.Cookie),
        (
            [
                "Location",
                "Content-Location",
                "Operation-Location",
                "Azure-AsyncOperation",
                "SourceMap",
                "X-SourceMap",
                "X-Pingback",
                "URI",
                "Destination",
                "X-Location",
            ],
            ResponseHeaderKind.Address
        ),
        (["Link"], ResponseHeaderKind.Link),
        (["Refresh"], ResponseHeaderKind.Refresh),
        (
            [
                "Content-Type",
                "Content-Length",
                "Content-Encoding",
                "Content-Disposition",
                "Content-Language",
                "Content-Range",
                "Date",
                "Server",
                "ETag",
                "Vary",
                "Last-Modified",
                "Cache-Control",
                "Expires",
                "Pragma",
                "Age",
                "Accept-Ranges",
                "Allow",
                "Retry-After",
                "Transfer-Encoding",
                "grpc-status",
                "grpc-message",
                "X-Request-ID",
            ],
            ResponseHeaderKind.Plain
        ),
    }
        .SelectMany(row => row.Names.Select(name => (name, row.Kind)))
        .ToFrozenDictionary(pair => pair.name, pair => pair.Kind, StringComparer.OrdinalIgnoreCase);

    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> FirstWords = DropFirstWords
        .ToFrozenSet(StringComparer.OrdinalIgnoreCase)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    public static ResponseHeaderKind Of(string name)
    {
        if (Names.TryGetValue(name, out var known))
        {
            return known;
        }

        for (var dash = name.IndexOf('-', StringComparison.Ordinal); ; dash = name.IndexOf('-', dash + 1))
        {
            if (FirstWords.Contains(dash < 0 ? name : name.AsSpan(0, dash)))
            {
                return ResponseHeaderKind.Drop;
            }

            if (dash < 0)
            {
                return RequestHeaderKinds.IsCredential(name) || name.EndsWith("-CDN-Cache-Control", StringComparison.OrdinalIgnoreCase)
                    ? ResponseHeaderKind.Drop
                    : ResponseHeaderKind.Plain;
            }
        }
    }
}
