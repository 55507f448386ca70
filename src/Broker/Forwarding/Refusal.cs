using Broker.Credentials;
using Policies;

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
    public static readonly Refusal AmbiguousCredential = new(
        400,
        "ambiguous-credential",
        "The request shows more than one credential: send exactly one."
    );
    public static readonly Refusal CredentialMissing = new(401, "credential-missing", "Unauthorized");
    public static readonly Refusal CredentialInvalid = new(401, "credential-invalid", "Unauthorized");

    /// <summary>DeviceHive's clients renew when they read exactly this message.</summary>
    public static readonly Refusal TokenExpired = new(401, "token-expired", "Token expired");

    public static readonly Refusal CredentialUnverified = new(
        503,
        "credential-unverified",
        "The credential cannot be verified at the moment: send the request again.",
        TimeSpan.FromSeconds(1)
    );

    public static readonly Refusal Denied = Forbidden("denied");
    public static readonly Refusal ActionNotGranted = Forbidden("action-not-granted");
    public static readonly Refusal NetworkNotGranted = Forbidden("network-not-granted");
    public static readonly Refusal DeviceTypeNotGranted = Forbidden("device-type-not-granted");
    public static readonly Refusal DeviceNotGranted = Forbidden("device-not-granted");
    public static readonly Refusal UpstreamDenied = Forbidden("upstream-denied");

    /// <summary>The limit that was reached, for <c>X-RateLimit-Limit</c>.</summary>
    public int? Limit { get; private init; }

    // Whose fault, and which: docs/operations.md has the table.
    public static readonly Refusal UpstreamUnreachable = new(502, "upstream-unreachable", "The upstream cannot be reached.");
    public static readonly Refusal UpstreamNameUnknown = new(502, "upstream-name-unknown", "The upstream's name cannot be resolved.");
    public static readonly Refusal UpstreamTlsName = new(502, "upstream-tls-name", "The upstream's certificate is for another name.");
    public static readonly Refusal UpstreamTlsTrust = new(502, "upstream-tls-trust", "The upstream's certificate is not trusted.");
    public static readonly Refusal UpstreamTlsExpired = new(
        502,
        "upstream-tls-expired",
        "The upstream's certificate is expired, or not valid yet."
    );
    public static readonly Refusal UpstreamTlsFailed = new(502, "upstream-tls-failed", "There is no TLS connection to the upstream.");
    public static readonly Refusal UpstreamVersion = new(
        502,
        "upstream-version",
        "The upstream does not speak the HTTP version that it is asked in."
    );
    public static readonly Refusal UpstreamClosed = new(502, "upstream-closed", "The upstream closed the connection before its answer.");
    public static readonly Refusal UpstreamAnswerCut = new(502, "upstream-answer-cut", "The upstream's answer broke off.");
    public static readonly Refusal UpstreamAnswerMalformed = new(
        502,
        "upstream-answer-malformed",
        "The upstream's answer cannot be understood."
    );
    public static readonly Refusal RequestUnsendable = new(502, "request-not-sendable", "The request cannot be written for the upstream.");
    public static readonly Refusal UpstreamUnhealthy = new(
        503,
        "upstream-unhealthy",
        "No destination of the upstream is healthy.",
        TimeSpan.FromSeconds(1)
    );
    public static readonly Refusal UpstreamConnectTimeout = new(504, "upstream-connect-timeout", "The upstream cannot be reached in time.");
    public static readonly Refusal UpstreamUnaskedUpgrade = new(
        502,
        "upstream-unasked-upgrade",
        "The upstream switched protocols although the request did not ask for it."
    );

    public static readonly Refusal UpstreamTimeout = new(504, "upstream-timeout", "The upstream did not answer in time.");
    public static readonly Refusal UpstreamForeign = new(
        502,
        "upstream-foreign",
        "The request would have left for another address than the upstream's."
    );

    /// <summary>Only the log reads it.</summary>
    public static readonly Refusal CallerLeft = new(499, "caller-left", "The caller left before it had its answer.");

    public static readonly Refusal UpstreamTokenReplaced = new(
        503,
        "upstream-token-replaced",
        "The upstream's token was replaced while the body streamed away: send the request again.",
        TimeSpan.FromSeconds(1)
    );

    public static readonly Refusal BodyTooLarge = new(413, "body-too-large", "The body is over the limit of this broker.");
    public static readonly Refusal BodyTooSlow = new(408, "body-too-slow", "The body did not come in time.");
    public static readonly Refusal Failed = new(
        500,
        "broker-failed",
        "The broker failed; its log says why, under this request's trace id."
    );

    public static readonly Refusal AddressLimited = new(
        429,
        "rate-limited",
        "Too many requests of unknown senders at the same time from this address.",
        TimeSpan.FromSeconds(1)
    );

    public static readonly Refusal Busy = new(
        503,
        "busy",
        "Too many requests of unknown senders at the same time: send the request again.",
        TimeSpan.FromSeconds(1)
    );

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

    public static Refusal UpstreamRefusedLogin(TimeSpan? retryAfter) =>
        new(502, "upstream-refused-login", "The upstream refuses the broker's account.", retryAfter ?? TimeSpan.FromSeconds(1));

    public static Refusal UpstreamRefusedToken(TimeSpan? retryAfter) =>
        new(502, "upstream-refused-token", "The upstream refuses the token that it issued.", retryAfter ?? TimeSpan.FromSeconds(1));

    public static Refusal LoginWaits(TimeSpan wait) =>
        new(429, "rate-limited", "Too many wrong passwords: wait before the next one.", wait);

    /// <summary>Why a credential gave no caller.</summary>
    public static Refusal Of(in CredentialResult credential) =>
        credential.Problem switch
        {
            CredentialProblem.Missing => CredentialMissing,
            CredentialProblem.Expired => TokenExpired,
            CredentialProblem.Ambiguous => AmbiguousCredential,
            CredentialProblem.Unknown => CredentialUnverified,
            CredentialProblem.Throttled => LoginWaits(credential.Wait),
            _ => CredentialInvalid,
        };

    /// <summary>Why the policy said no.</summary>
    public static Refusal Of(Decision decision) =>
        decision switch
        {
            Decision.ActionNotGranted => ActionNotGranted,
            Decision.NetworkNotGranted => NetworkNotGranted,
            Decision.DeviceTypeNotGranted => DeviceTypeNotGranted,
            Decision.DeviceNotGranted => DeviceNotGranted,
            _ => Denied,
        };

    private static Refusal Forbidden(string code) => new(403, code, "Access is denied");
}
