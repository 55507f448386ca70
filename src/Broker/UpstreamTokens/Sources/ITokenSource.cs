namespace Broker.UpstreamTokens;

/// <summary>One vendor's HTTP for tokens, and nothing else: time, concurrency and failure are the cell's.</summary>
internal interface ITokenSource
{
    /// <summary>Whether <see cref="Login"/> can get a token from nothing but the config.</summary>
    bool CanLogin { get; }

    /// <summary>Whether a refresh token dies at its use.</summary>
    bool Rotates { get; }

    /// <summary>The refresh token that stands in the config, for an account whose way in it is.</summary>
    string? FirstRefreshToken { get; }

    Task<TokenAnswer> Refresh(TokenPair pair, CancellationToken cancellation);

    Task<TokenAnswer> Login(CancellationToken cancellation);
}

/// <summary>What an upstream issued: an access token, and what gets the next one. Prints as <c>***</c>.</summary>
internal sealed class TokenPair(string? access, string? refresh)
{
    public string? Access { get; } = access;

    public string? Refresh { get; } = refresh;

    public override string ToString() => "***";
}

/// <summary>The four answers of a token endpoint.</summary>
internal enum TokenAnswerKind
{
    /// <summary>Nobody knows what the upstream did: timed out, cut, 5xx, not understood.</summary>
    Unknown,

    Token,

    /// <summary>
    /// The upstream says no to this refresh token, or to these credentials: by a word that means it, or by any 4xx but 408, 425 and 429.
    /// </summary>
    Refused,

    /// <summary>The upstream did nothing: 429, 503 with Retry-After, or it was not reached at all.</summary>
    NotNow,
}

/// <summary>A token endpoint's answer; the default is unknown.</summary>
/// <param name="Kind">Which of the four.</param>
/// <param name="Pair">With <see cref="TokenAnswerKind.Token"/>.</param>
/// <param name="Life">How long the access token lives, counted from when it was asked for.</param>
/// <param name="Reason">A word of ours that says why, safe to log: never the upstream's.</param>
/// <param name="RetryAfter">When to ask again, if the upstream said so.</param>
internal readonly record struct TokenAnswer(
    TokenAnswerKind Kind,
    TokenPair? Pair,
    TimeSpan Life,
    string? Reason,
    TimeSpan? RetryAfter = null
)
{
    /// <summary>A token with less is over before it is used.</summary>
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);

    /// <summary>What is said to live longer is renewed after a year all the same.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromDays(365);

    /// <summary>
    /// With <see cref="TokenAnswerKind.Refused"/>: whether it is the word that the kind has for it. Such a one is tried three times and no
    /// more.
    /// </summary>
    public bool IsDefinite { get; private init; }

    /// <summary>
    /// With <see cref="TokenAnswerKind.Unknown"/>: whether the upstream answered in full, and there is no token in it that can be used.
    /// </summary>
    public bool IsWithoutToken { get; private init; }

    public static TokenAnswer Unknown(string reason) => new(TokenAnswerKind.Unknown, null, default, reason);

    /// <summary>An answer without a token, such as a page, a redirect, or an empty body.</summary>
    public static TokenAnswer WithoutToken(string reason) => Unknown(reason) with { IsWithoutToken = true };

    public static TokenAnswer Refused(string reason, bool isDefinite = true) =>
        new(TokenAnswerKind.Refused, null, default, reason) { IsDefinite = isDefinite };

    /// <summary>What callers are told where it brought no token.</summary>
    /// <param name="canLogIn">Where a refresh token is the only way in, only the kind's own word says that it is dead.</param>
    public TokenProblem Problem(bool canLogIn) =>
        Kind == TokenAnswerKind.Refused && (IsDefinite || canLogIn) ? TokenProblem.LoginRefused : TokenProblem.Unavailable;

    /// <summary>The answer that a status alone gives; null for one that may carry a token.</summary>
    public static TokenAnswer? OfStatus(int status, string name, TimeSpan? retryAfter = null) =>
        status switch
        {
            >= 200 and < 300 => null,
            429 => NotNow($"{name}-429", retryAfter),
            503 when retryAfter is not null => NotNow($"{name}-503", retryAfter),
            408 or 425 => Unknown($"{name}-{status}") with { RetryAfter = retryAfter },
            >= 400 and < 500 => Refused($"{name}-{status}", isDefinite: false) with { RetryAfter = retryAfter },
            >= 500 => Unknown($"{name}-{status}") with { RetryAfter = retryAfter },
            >= 300 => WithoutToken("redirect"),
            _ => WithoutToken($"{name}-{status}"),
        };

    public static TokenAnswer NotNow(string reason, TimeSpan? retryAfter = null) =>
        new(TokenAnswerKind.NotNow, null, default, reason, retryAfter);

    /// <summary>A token, if it is one that can stand in a header and lives.</summary>
    public static TokenAnswer Token(string? access, string? refresh, TimeSpan? life)
    {
        if (string.IsNullOrEmpty(access))
        {
            return WithoutToken("no-token");
        }
        if (access.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            return WithoutToken("malformed-token");
        }
        return life is not { } known ? WithoutToken("no-expiry")
            : known < Shortest ? WithoutToken("bad-expiry")
            : new(
                TokenAnswerKind.Token,
                new(access, string.IsNullOrEmpty(refresh) ? null : refresh),
                known < Longest ? known : Longest,
                null
            );
    }
}
