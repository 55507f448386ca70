namespace Broker.UpstreamTokens;

/// <summary>Why there is no token.</summary>
internal enum TokenProblem
{
    None,

    /// <summary>The token endpoint is down, slow or quiet, or the wait ran out: 503 upstream-token-unavailable.</summary>
    Unavailable,

    /// <summary>503 login-budget-spent.</summary>
    BudgetSpent,

    /// <summary>The upstream refuses our credentials: 502 upstream-refused-login.</summary>
    LoginRefused,

    /// <summary>
    /// The upstream refuses what it issues, or this token is not replaced for this route and id: 502, or 403 where the 401 is about the
    /// resource.
    /// </summary>
    TokenRefused,
}

/// <summary>A token, or why there is none and when to ask again; the default is no token.</summary>
internal readonly record struct TokenResult(UpstreamToken? Token, TokenProblem Problem, TimeSpan? RetryAfter);
