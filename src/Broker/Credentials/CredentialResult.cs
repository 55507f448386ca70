namespace Broker.Credentials;

/// <summary>Why a credential gave no caller.</summary>
internal enum CredentialProblem
{
    /// <summary>There is no problem; a result with this and without a caller is refused as invalid.</summary>
    None,

    /// <summary>The request shows none.</summary>
    Missing,

    /// <summary>Unknown, wrong, malformed, of a kind that the route does not accept, or of a caller who is no longer there.</summary>
    Invalid,

    /// <summary>A bearer token past its end.</summary>
    Expired,

    /// <summary>Two different credentials in one request, or one header twice.</summary>
    Ambiguous,

    /// <summary>Too many wrong passwords in a row: nobody looked at this one.</summary>
    Throttled,

    /// <summary>Nobody can say now: too many passwords at once, or an issuer's keys are out of reach.</summary>
    Unknown,
}

/// <summary>The answer to "who asks?"; the default refuses.</summary>
internal readonly record struct CredentialResult(Caller? Caller, CredentialProblem Problem)
{
    /// <summary>With <see cref="CredentialProblem.Throttled"/>: for how long.</summary>
    public TimeSpan Wait { get; init; }
}

/// <summary>Kinds of credentials, for a route that does not accept all.</summary>
[Flags]
internal enum CredentialKinds
{
    None = 0,
    ApiKey = 1,
    Basic = 2,

    /// <summary>A token of ours.</summary>
    Token = 4,

    /// <summary>A token of an external issuer.</summary>
    Issuer = 8,

    Any = ApiKey | Basic | Token | Issuer,
}
