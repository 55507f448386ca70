using System.Collections.Frozen;

namespace Broker.Forwarding;

/// <summary>What becomes of a request header of some name.</summary>
internal enum RequestHeaderKind
{
    /// <summary>It crosses.</summary>
    Plain,

    /// <summary>It is about the connection, or is made anew: the server and the proxy see to it, and it never crosses as it came.</summary>
    Held,

    /// <summary>It crosses only where the config lists it: some upstreams take it for more than it is.</summary>
    Listed,

    /// <summary>It could change the method: the request is refused.</summary>
    Method,

    /// <summary>It never crosses.</summary>
    Never,
}

/// <summary>
/// The categories of request headers (docs/security.md): what a caller may not say about itself, its connection or its target.
/// </summary>
/// <remarks>A name is looked up whole, then by its first words up to each '-', then by its last one and two words. The strictest answer
/// counts.</remarks>
internal static class RequestHeaderKinds
{
    // csharpier-ignore
    private static readonly string[] HeldNames =
    [
        "Connection", "Keep-Alive", "TE", "Transfer-Encoding", "Content-Length", "Upgrade", "Host", "Expect", "Cookie",
        "Upgrade-Insecure-Requests", "traceparent", "tracestate", "baggage", "Correlation-Context", "Request-Id",
    ];

    // csharpier-ignore
    private static readonly string[] NeverNames =
    [
        // the connection, besides what is held
        "HTTP2-Settings", "Trailer", "Alt-Used", "ALPN", "Close", "Security-Scheme",
        "X-Content-Length", // what Kestrel makes of a Content-Length beside Transfer-Encoding
        // credentials
        "Authorization", "Cookie2", "DPoP", "Sec-Token-Binding", "Authentication", "X-Token", "Token", "Api-Key", "ApiKey",
        "X-ApiKey", "Access-Key", "Access-Token", "Auth-Token", "Private-Token", "Job-Token", "Deploy-Token",
        // who asks
        "From", "X-User", "X-UserId", "X-User-Id", "X-UserName", "X-User-Name", "X-User-Email", "X-User-Groups", "X-User-Group",
        "X-User-Roles", "X-User-Role", "X-Login", "X-Email", "X-Mail", "X-Groups", "X-Group", "X-Roles", "X-Role", "X-Subject",
        "X-Sub", "X-Principal", "X-Identity", "X-Account-Id", "X-Admin", "X-Is-Admin", "Sudo", "X-Sudo", "Api-Username", "Run-As",
        "X-Run-As", "RunAs", "X-RunAs", "Act-As", "X-Act-As", "Acting-As", "X-Acting-As", "As-User", "X-As-User", "Effective-User",
        "X-Effective-User", "X-Scope-OrgID", "X-Anonymous-Consumer", "X-Permissions", "X-Scopes", "X-Claims",
        // where they ask from
        "Client-IP", "ClientIP", "X-ClientIP", "X-IP", "X-IP-Address", "X-Source-IP", "X-Trusted-IP", "X-Peer", "X-Coming-From",
        "X-BlueCoat-Via", "X-NginX-Proxy", "CDN-Src-IP",
        // what they ask for
        "X-Host", "X-HTTP-Host", "X-HTTP-Host-Override", "X-Scheme", "X-Proto", "X-Protocol", "X-Port", "X-URL", "X-URI", "X-Path",
        "X-URL-Scheme", "Front-End-Https", "X-HTTPS", "X-Base-URL", "Base-URL", "X-Base-Path", "X-Script-Name", "Script-Name",
        "X-Path-Info", "Path-Info", "X-Request-URI", "X-Request-URL", "X-Request-Path", "Request-URI", "X-HTTP-DestinationURL",
        "X-HTTP-Path-Override", "X-HTTP-URL-Override", "X-Prefix", "X-Server-Name",
    ];

    // csharpier-ignore
    private static readonly string[] NeverFirstWords =
    [
        // who asks
        "Remote", "X-Remote", "X-Auth", "X-Authenticated", "X-WebAuth", "X-Authentik", "X-Authelia", "X-Consumer", "X-Credential",
        "X-Impersonate", "Impersonate", "X-ClickHouse", "X-Shib", "Shib", "X-OIDC", "OIDC", "X-SSO", "SSO", "SM", "IV",
        "X-Pomerium", "X-Vouch", "Tailscale", "X-Hasura", "X-UserInfo", "X-JWT", "JWT", "X-MS-Client", "X-MS-Token", "CF-Access",
        "X-Goog-Authenticated", "X-Goog-IAP", "X-Amzn-Oidc", "X-Amzn-Mtls", "X-Identity", "X-Saml", "X-Ldap", "X-Kerberos",
        // their certificate
        "X-SSL", "SSL", "X-TLS", "TLS", "Client-Cert", "X-Client-Cert", "X-Client-Certificate", "X-Cert", "X-Certificate",
        "X-Peer-Cert", "X-ARR", "X-MTLS", "MTLS",
        // where they ask from
        "Forwarded", "X-Forwarded", "X-Forwarder", "X-Forward", "X-Real", "X-Original", "X-Originating", "X-Cluster", "X-ProxyUser",
        "X-Proxy", "Proxy", "WL-Proxy", "X-Azure", "X-Envoy", "CF-Connecting", "X-AppEngine", "X-Sucuri", "Incap",
        // what they ask for
        "X-Rewrite", "X-Override", "X-Accel", "X-Sendfile", "X-LiteSpeed", "X-Lighttpd", "X-Reproxy",
    ];

    // csharpier-ignore
    private static readonly string[] ListedFirstWords =
    [
        "X-Client", "X-User", "X-Amzn", "X-Amz", "X-Goog", "CF", "CloudFront", "Fastly", "Akamai", "X-Akamai", "Ali", "X-Server",
        "X-CDN", "X-Edge", "X-FD", "X-Geo", "GeoIP", "X-Session",
        "Destination", // of WebDAV's COPY and MOVE: a path that nobody looked at
    ];

    // csharpier-ignore
    private static readonly string[] NeverLastWords =
    [
        "Authorization", "ApiKey", "Secret", "Password", "JWT", "Assertion", "Cookie", "Credentials", "Credential", "ClientIP",
        "ClientCert", "SocketIP", "Api-Key", "Access-Key", "Secret-Key", "Subscription-Key", "Auth-Key", "Access-Token",
        "Auth-Token", "Api-Token", "ID-Token", "Refresh-Token", "Session-Token", "Security-Token", "Vault-Token", "Bearer-Token",
        "Identity-Token", "User-Token", "Subject-Token", "Client-Token", "Client-IP", "Real-IP", "Connecting-IP", "Socket-IP",
        "Source-IP", "Peer-IP", "Viewer-Address", "Client-Cert", "Client-DN", "Client-Verify", "Remote-User", "Remote-Addr",
        "Forwarded-For", "Switch-User", "Runas-User", "Run-As", "RunAs", "Act-As", "As-User", "Trino-User", "Presto-User",
        "Behalf-Of", "Impersonate-User", "Impersonated-User", "Effective-User", "Proxy-User", "Sudo", "Impersonate",
        "Impersonation",
    ];

    // csharpier-ignore
    private static readonly string[] ListedLastWords =
    [
        "Token",
        // another tenant, or another place, than the path names
        "Namespace", "Org", "OrgId", "Org-Id", "Organization", "Organisation", "Organization-Id", "Organisation-Id", "Tenant",
        "TenantId", "Tenant-Id", "Tenant-Name", "Workspace", "WorkspaceId", "Workspace-Id", "Project-Id", "Account", "AccountId",
        "Account-Id",
        // an object that nobody looked at
        "Copy-Source", "Rename-Source", "Move-Source", "Copy-From", "Rename-From", "Move-From", "Rename-To", "Move-To", "Copy-To",
    ];

    // What the rules above would take, and is no claim: x-user-agent is gRPC-Web's, and these tokens are about pages and forms.
    private static readonly string[] PlainNames = ["X-User-Agent"];
    private static readonly string[] PlainLastWords =
    [
        "Continuation-Token",
        "Page-Token",
        "Next-Token",
        "Sync-Token",
        "Skip-Token",
        "CSRF-Token",
        "XSRF-Token",
        "Idempotency-Token",
    ];

    private static readonly FrozenDictionary<string, RequestHeaderKind> Names = Table(
        (NeverNames, RequestHeaderKind.Never),
        (HeldNames, RequestHeaderKind.Held),
        (PlainNames, RequestHeaderKind.Plain)
    );

    private static readonly FrozenDictionary<string, RequestHeaderKind>.AlternateLookup<ReadOnlySpan<char>> FirstWords = Table(
            (NeverFirstWords, RequestHeaderKind.Never),
            (ListedFirstWords, RequestHeaderKind.Listed)
        )
        .GetAlternateLookup<ReadOnlySpan<char>>();

    private static readonly FrozenDictionary<string, RequestHeaderKind>.AlternateLookup<ReadOnlySpan<char>> LastWords = Table(
            (NeverLastWords, RequestHeaderKind.Never),
            (ListedLastWords, RequestHeaderKind.Listed),
            (PlainLastWords, RequestHeaderKind.Plain)
        )
        .GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>What becomes of a header of this name, in any spelling.</summary>
    public static RequestHeaderKind Of(string name)
    {
        if (IsMethodOverride(name))
        {
            return RequestHeaderKind.Method;
        }

        if (name.Contains('_', StringComparison.Ordinal))
        {
            return RequestHeaderKind.Never; // another spelling of '-' to many upstreams
        }

        if (Names.TryGetValue(name, out var known))
        {
            return known;
        }

        var last = OfLastWords(name);
        var kind = last ?? RequestHeaderKind.Plain;
        for (var dash = name.IndexOf('-', StringComparison.Ordinal); ; dash = name.IndexOf('-', dash + 1))
        {
            if (FirstWords.TryGetValue(dash < 0 ? name : name.AsSpan(0, dash), out var first) && first > kind)
            {
                kind = first;
            }

            if (dash < 0)
            {
                return kind;
            }
        }
    }

    /// <summary>Whether an answer's header of this name hands out a credential.</summary>
    public static bool IsCredential(string name) =>
        OfLastWords(name) == RequestHeaderKind.Never || name.StartsWith("X-Auth-", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether some frameworks take the method from this header, in any spelling.</summary>
    public static bool IsMethodOverride(string name)
    {
        if (!name.Contains("method", StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        var plain = name.Replace('_', '-');
        return plain.Contains("Method-Override", StringComparison.OrdinalIgnoreCase)
            || plain.Contains("Override-Method", StringComparison.OrdinalIgnoreCase)
            || plain.Contains("MethodOverride", StringComparison.OrdinalIgnoreCase)
            || plain.TrimStart('-').ToUpperInvariant()
                is "X-HTTP-METHOD"
                    or "HTTP-METHOD"
                    or "X-METHOD"
                    or "METHOD"
                    or "X-REQUEST-METHOD"
                    or "REQUEST-METHOD";
    }

    private static RequestHeaderKind? OfLastWords(string name)
    {
        var end = name.LastIndexOf('-');
        if (end <= 0)
        {
            return null;
        }

        var start = name.LastIndexOf('-', end - 1);
        return LastWords.TryGetValue(name.AsSpan(start + 1), out var kind) || LastWords.TryGetValue(name.AsSpan(end + 1), out kind)
            ? kind
            : null;
    }

    private static FrozenDictionary<string, RequestHeaderKind> Table(params (string[] Names, RequestHeaderKind Kind)[] rows) =>
        rows.SelectMany(row => row.Names.Select(name => (name, row.Kind)))
            .ToFrozenDictionary(pair => pair.name, pair => pair.Kind, StringComparer.OrdinalIgnoreCase);
}
