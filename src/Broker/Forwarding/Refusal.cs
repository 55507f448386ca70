namespace Broker.Forwarding;

/// <summary>One way in which the broker says no: status, code, a message for a person, and when to ask again.</summary>
/// <param name="Status">HTTP status; it says whose fault it is.</param>
/// <param name="Code">Stable, kebab-case.</param>
/// <param name="Message">What to do; never a secret, never an exception's text.</param>
/// <param name="RetryAfter">When to ask again.</param>
internal sealed record Refusal(int Status, string Code, string Message, TimeSpan? RetryAfter = null)
{
    public static readonly Refusal NotFound = new(404, "not-found", "No route serves this path.");
    public static readonly Refusal MethodNotAllowed = new(405, "method-not-allowed", "No route serves this method here.");
    public static readonly Refusal AmbiguousCredential = new(400, "ambiguous-credential", "The request shows more than one credential: send exactly one.");
    public static readonly Refusal CredentialMissing = new(401, "credential-missing", "Unauthorized");
    public static readonly Refusal CredentialInvalid = new(401, "credential-invalid", "Unauthorized");

    /// <summary>DeviceHive's clients renew when they read exactly this message.</summary>
    public static readonly Refusal TokenExpired = new(401, "token-expired", "Token expired");

    public static readonly Refusal CredentialUnverified =
        new(503, "credential-unverified", "The credential cannot be verified at the moment: send the request again.", TimeSpan.FromSeconds(1));

    public static readonly Refusal Denied = Forbidden("denied");
    public static readonly Refusal ActionNotGranted = Forbidden("action-not-granted");
    public static readonly Refusal NetworkNotGranted = Forbidden("network-not-granted");
    public static readonly Refusal DeviceTypeNotGranted = Forbidden("device-type-not-granted");
    public static readonly Refusal DeviceNotGranted = Forbidden("device-not-granted");
    public static readonly Refusal UpstreamDenied = Forbidden("upstream-denied");

    /// <summary>The limit that was reached, for <c>X-RateLimit-Limit</c>.</summary>
    public int? Limit { get; private init; }

    public static readonly Refusal UpstreamRefusedLogin = new(502, "upstream-refused-login", "The upstream refuses the broker's account.");
    public static readonly Refusal UpstreamRefusedToken = new(502, "upstream-refused-token", "The upstream refuses the token that it issued.");
    public static readonly Refusal UpstreamUnreachable = new(502, "upstream-unreachable", "The upstream cannot be reached.");
    public static readonly Refusal UpstreamTimeout = new(504, "upstream-timeout", "The upstream did not answer in time.");

    public static readonly Refusal UpstreamTokenReplaced =
        new(503, "upstream-token-replaced", "The upstream's token was replaced while the body streamed away: send the request again.", TimeSpan.FromSeconds(1));

    public static readonly Refusal BodyTooLarge = new(413, "body-too-large", "The body is over the limit of this broker.");
    public static readonly Refusal Failed = new(500, "broker-failed", "The broker failed; its log says why, under this request's trace id.");

    public static readonly Refusal AddressLimited =
        new(429, "rate-limited", "Too many requests of unknown senders at the same time from this address.", TimeSpan.FromSeconds(1));

    public static readonly Refusal Busy =
        new(503, "busy", "Too many requests of unknown senders at the same time: send the request again.", TimeSpan.FromSeconds(1));

    public static Refusal BadRequest(string message) => new(400, "bad-request", message);

    public static Refusal BadPath(string message) => new(400, "bad-path", message);

    public static Refusal AmbiguousId(string message) => new(400, "ambiguous-id", message);

    public static Refusal NotAllowedHere(string message) => new(400, "not-allowed-here", message);

    public static Refusal RateLimited(int limit) =>
        new(429, "rate-limited", "Too many requests of this caller at the same time.", TimeSpan.FromSeconds(1)) { Limit = limit };

    public static Refusal TokenUnavailable(TimeSpan? retryAfter) =>
        new(503, "upstream-token-unavailable", "There is no token for the upstream at the moment.", retryAfter ?? TimeSpan.FromSeconds(1));

    public static Refusal BudgetSpent(TimeSpan? retryAfter) =>
        new(503, "login-budget-spent", "The broker may not log in at the upstream again yet.", retryAfter ?? TimeSpan.FromSeconds(1));

    public static Refusal LoginWaits(TimeSpan wait) => new(429, "rate-limited", "Too many wrong passwords: wait before the next one.", wait);

    private static Refusal Forbidden(string code) => new(403, code, "Access is denied");
}
