using System.Collections.Frozen;
using Broker.Configuration;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Broker.Credentials;

/// <summary>Verifies bearer tokens of one external issuer and maps their claims to a caller.</summary>
internal sealed class IssuerReader : IBearerVerifier
{
    private static readonly FrozenSet<string> AccessTypes = FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "JWT", "at+jwt", "application/at+jwt");

    private readonly JsonWebTokenHandler handler = new() { MapInboundClaims = false, MaximumTokenSizeInBytes = JwtText.MaxLength };
    private readonly IssuerOptions options;
    private readonly IssuerClaims claims;
    private readonly IReadOnlySet<string> otherRoles;
    private readonly ILogger log;
    private readonly FrozenSet<string> algorithms;
    private readonly FrozenSet<string>? types;
    private volatile Trusted? trusted;

    public IssuerReader(IssuerOptions options, IssuerClaims claims, IKeySource source, IReadOnlySet<string> otherRoles, string fingerprint, ILogger log)
    {
        (this.options, this.claims, Source, this.otherRoles, Fingerprint, this.log) = (options, claims, source, otherRoles, fingerprint, log);
        algorithms = options.Algorithms.ToFrozenSet(StringComparer.Ordinal);
        types = options.Types.Count == 0 ? null : options.Types.ToFrozenSet(StringComparer.OrdinalIgnoreCase);
    }

    public IKeySource Source { get; }

    /// <summary>Digest of all in the config that this reader depends on: equal ones read alike.</summary>
    public string Fingerprint { get; }

    public CredentialKinds Kind => CredentialKinds.Issuer;

    public object? Stamp => Source.Known is { } keys ? TrustedOf(keys) : null;

    /// <summary>Whether tokens with this <c>iss</c> are this issuer's to verify.</summary>
    public bool Answers(string issuer) => options.Issuer is not null
        ? issuer == options.Issuer
        // By OpenID Connect Discovery 4.3 the issuer is the authority; whether a slash ends it, the document says.
        : issuer.AsSpan().TrimEnd('/').SequenceEqual(options.Authority.AsSpan().TrimEnd('/'));

    public Caller? Resolve(VerifiedToken token) => token.Caller;

    public async ValueTask<Verification> Verify(JwtText token, Digest digest, CancellationToken cancellation)
    {
        // 1. What needs no key: the algorithm and the type.
        if (!algorithms.Contains(token.Algorithm) || IssuerKey.FamilyOf(token.Algorithm) is null
            || (types is null ? token.Type is not null && !AccessTypes.Contains(token.Type) : token.Type is null || !types.Contains(token.Type)))
        {
            return Refused("algorithm or type");
        }

        // 2. Its keys and no others. Without any, nobody can say whether the token is good.
        if ((Source.Known ?? await Source.Newer(null, cancellation)) is not { } keys)
        {
            return new(null, CredentialProblem.Unknown);
        }

        var trust = TrustedOf(keys);
        var candidates = trust.Keys.Candidates(token.KeyId, token.Algorithm);
        if (candidates.Count == 0 && await Source.Newer(keys, cancellation) is { } newer)
        {
            trust = TrustedOf(newer);
            candidates = trust.Keys.Candidates(token.KeyId, token.Algorithm);
        }

        // 3. The signature, the issuer, the audience; then the claims.
        var issuer = options.Issuer ?? trust.Keys.Issuer;
        if (issuer is null || token.Issuer != issuer || !await IsSigned(token, issuer, candidates))
        {
            return Refused("issuer, key, signature or audience");
        }

        var (caller, end, problem) = claims.Read(token.Payload);
        return caller is null
            ? Refused(problem)
            : new(new() { Digest = digest, Stamp = trust, Issuer = token.Issuer, EndTicks = end.UtcTicks, Caller = caller }, CredentialProblem.None);
    }

    private async ValueTask<bool> IsSigned(JwtText token, string issuer, IReadOnlyList<IssuerKey> candidates)
    {
        foreach (var candidate in candidates)
        {
            var result = await handler.ValidateTokenAsync(token.Text, new()
            {
                ValidIssuer = issuer,
                ValidAudiences = options.Audiences,
                ValidAlgorithms = [token.Algorithm], // allow-listed above, and fits this key
                IssuerSigningKeyResolver = (_, _, _, _) => [candidate.Key], // picked here: nothing in the token picks another
                RequireSignedTokens = true,
                RequireExpirationTime = true,
                RequireAudience = true,
                ValidateLifetime = false, // by our own clock, on each request
            });
            if (result.IsValid)
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

    private Verification Refused(string reason)
    {
        CredentialLog.Refused(log, Kind, reason);
        return Verification.Invalid;
    }

    private sealed record Trusted(IssuerKeys Of, IssuerKeys Keys);
}
