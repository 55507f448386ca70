using System.Collections.Frozen;
using Broker.Configuration;

namespace Broker.Credentials;

/// <summary>Verifies bearer tokens of one external issuer and maps their claims to a caller.</summary>
internal sealed class IssuerReader : IBearerVerifier
{
    // Bearer is what some issuers write for it. An ID token's type is "JWT" or none as well: IssuerClaims tells those.
    private static readonly string[] AccessTypes = ["at+jwt", "application/at+jwt", "JWT", "Bearer"];

    private readonly IssuerOptions options;
    private readonly IssuerClaims claims;
    private readonly IReadOnlySet<string> otherRoles;
    private readonly FrozenSet<string> algorithms;
    private readonly FrozenSet<string> types;
    private volatile Trusted? trusted;

    public IssuerReader(
        string name,
        IssuerOptions options,
        IssuerClaims claims,
        IKeySource source,
        IReadOnlySet<string> otherRoles,
        string fingerprint
    )
    {
        (Name, this.options, this.claims, Source, this.otherRoles, Fingerprint) = (name, options, claims, source, otherRoles, fingerprint);
        algorithms = options.Algorithms.ToFrozenSet(StringComparer.Ordinal);
        types = (options.Types.Count == 0 ? AccessTypes : options.Types).ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }

    public string Name { get; }

    /// <summary>The <c>iss</c> by which it is picked, as far as the config says it.</summary>
    public string IssuerName => options.Issuer ?? options.Authority!;

    public IKeySource Source { get; }

    /// <summary>Digest of all in the config that this reader depends on: equal ones read alike.</summary>
    public string Fingerprint { get; }

    public CredentialKinds Kind => CredentialKinds.Issuer;

    public object? Stamp => Source.Known is { } keys ? TrustedOf(keys) : null;

    /// <summary>Whether tokens with this <c>iss</c> are this issuer's to verify.</summary>
    public bool Answers(string issuer) =>
        options.Issuer is not null
            ? issuer == options.Issuer
            // By OpenID Connect Discovery 4.3 the issuer is the authority; whether a slash ends it, the document says.
            : issuer.AsSpan().TrimEnd('/').SequenceEqual(options.Authority.AsSpan().TrimEnd('/'));

    public Caller? Resolve(VerifiedToken token) => token.Caller;

    public async ValueTask<Verification> Verify(JwtText token, Digest digest, CancellationToken cancellation)
    {
        // 1. What needs no key: the algorithm and the type.
        if (!algorithms.Contains(token.Algorithm) || IssuerKey.FamilyOf(token.Algorithm) is null)
        {
            return Verification.Refused(new("alg", string.Join(", ", options.Algorithms), token.Algorithm));
        }

        if (token.Type is null ? options.Types.Count > 0 : !types.Contains(token.Type))
        {
            return Verification.Refused(new("typ", string.Join(", ", types), token.Type ?? "missing"));
        }

        // 2. Its keys and no others. Without any, nobody can say whether the token is good.
        if ((Source.Known ?? await Source.Newer(null, cancellation)) is not { } keys)
        {
            return new(null, CredentialProblem.Unknown);
        }

        // 3. The signature. Whether the key's id is unknown or the signature fails, the issuer may have changed its keys.
        var trust = TrustedOf(keys);
        var isSigned = IsSigned(token, trust.Keys, out var tried);
        if (!isSigned && await Source.Newer(keys, cancellation) is { } newer && !ReferenceEquals(newer, keys))
        {
            trust = TrustedOf(newer);
            isSigned = IsSigned(token, trust.Keys, out tried);
        }

        if (!isSigned)
        {
            var (id, ids) = (token.KeyId ?? "(none)", trust.Keys.All.Select(key => key.Id ?? "(none)").Distinct());
            return Verification.Refused(
                tried == 0
                    ? new("key", $"a key for {token.Algorithm} among the key ids {string.Join(", ", ids)}", $"key id {id}")
                    : new("signature", "a signature by a key of the issuer", $"one by none of its keys; tried {tried}, key id {id}")
            );
        }

        // 4. The issuer and the claims, which are the issuer's own words now.
        var issuer = options.Issuer ?? trust.Keys.Issuer;
        if (issuer is null || token.Issuer != issuer)
        {
            return Verification.Refused(new("iss", issuer ?? "an issuer that the discovery document names", token.Issuer));
        }

        var (caller, end, refusal) = claims.Read(token);
        return caller is null
            ? Verification.Refused(refusal!)
            : new(
                new()
                {
                    Digest = digest,
                    Stamp = trust,
                    Issuer = token.Issuer,
                    EndTicks = end.UtcTicks,
                    Caller = caller,
                },
                CredentialProblem.None
            );
    }

    private static bool IsSigned(JwtText token, IssuerKeys keys, out int tried)
    {
        tried = 0;
        var input = token.SigningInput();
        foreach (var candidate in keys.Candidates(token.KeyId, token.Algorithm))
        {
            tried++;
            if (candidate.Verifies(input, token.Signature, token.Algorithm))
            {
                return true;
            }
        }

        return false;
    }

    // One object for one state of the source's keys, which is what verified tokens refer to.
    private Trusted TrustedOf(IssuerKeys keys)
    {
        if (trusted is { } there && ReferenceEquals(there.Of, keys))
        {
            return there;
        }

        // A key that also signs our own tokens is not this issuer's, whatever its key set says.
        return trusted = new(keys, keys.Without(otherRoles));
    }

    private sealed record Trusted(IssuerKeys Of, IssuerKeys Keys);
}
