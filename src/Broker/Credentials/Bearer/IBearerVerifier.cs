namespace Broker.Credentials;

/// <summary>Verifies the bearer tokens of one issuer: our own, or an external one.</summary>
internal interface IBearerVerifier
{
    /// <summary>The issuer's name in the config, for the log.</summary>
    string Name { get; }

    /// <summary>The name of the kind, for a route that does not accept all.</summary>
    CredentialKinds Kind { get; }

    /// <summary>The key material and options that a verification now rests on, by identity.</summary>
    object? Stamp { get; }

    /// <summary>Changes when whom a token stands for may have changed within one snapshot.</summary>
    long Version => 0;

    /// <summary>Verifies all but the end of the token's life in the future: that is asked on each request.</summary>
    ValueTask<Verification> Verify(JwtText token, Digest digest, CancellationToken cancellation);

    /// <summary>Whom the token stands for in the present config; null when that caller is not there.</summary>
    Caller? Resolve(VerifiedToken token);
}

/// <summary>A verified token, or why not; the default refuses.</summary>
/// <param name="Token">The token, where it is good.</param>
/// <param name="Problem">Else what kind of "no" it is.</param>
/// <param name="Refusal">The rule that it broke; null when nobody can say whether it is good.</param>
internal readonly record struct Verification(VerifiedToken? Token, CredentialProblem Problem, TokenRefusal? Refusal = null)
{
    public static Verification Refused(TokenRefusal refusal) => new(null, CredentialProblem.Invalid, refusal);
}
