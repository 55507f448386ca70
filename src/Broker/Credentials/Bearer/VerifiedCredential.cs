namespace Broker.Credentials;

/// <summary>A credential that was verified a moment ago, under the digest that stands for it.</summary>
internal abstract class VerifiedCredential
{
    public required Digest Digest { get; init; }

    /// <summary>UTC ticks from which it counts for nothing.</summary>
    public required long EndTicks { get; init; }
}

/// <summary>A password that matched a stored hash.</summary>
internal sealed class VerifiedPassword : VerifiedCredential;

/// <summary>What a bearer token says, once its signature, issuer and audience were verified.</summary>
internal sealed class VerifiedToken : VerifiedCredential
{
    private volatile Resolution? resolution;

    /// <summary>
    /// The key material and options that the verification rested on, by identity: other ones, and it has to be verified again.
    /// </summary>
    public required object Stamp { get; init; }

    /// <summary>Its <c>iss</c>.</summary>
    public required string Issuer { get; init; }

    /// <summary>With a token of ours: what it claims, before its caller's present config.</summary>
    public TokenClaims? Claims { get; init; }

    /// <summary>With a token of an external issuer: its caller.</summary>
    public Caller? Caller { get; init; }

    /// <summary>Its caller in one snapshot.</summary>
    public Resolution? Resolution
    {
        get => resolution;
        set => resolution = value;
    }
}

/// <summary>Whom a verified token stands for in one snapshot; no caller when the config has it no more.</summary>
internal sealed record Resolution(BearerReader Owner, IBearerVerifier Verifier, long Version, Caller? Caller);
