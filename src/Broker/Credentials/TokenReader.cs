using System.Text.Json;
using Policies;

namespace Broker.Credentials;

/// <summary>Verifies bearer tokens of our own.</summary>
internal sealed class TokenReader(SigningKeys keys, CallerTable callers, ActionNames actions, TimeProvider time, ILogger log) : IBearerVerifier
{
    /// <summary>How far ahead the clock of the replica that issued a token may be.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromSeconds(30);

    public CredentialKinds Kind => CredentialKinds.Token;

    public object? Stamp => keys;

    public ValueTask<Verification> Verify(JwtText token, Digest digest, CancellationToken cancellation)
    {
        var refused = Refusal(token, out var claims);
        if (refused is not null)
        {
            CredentialLog.Refused(log, Kind, refused);
            return new(Verification.Invalid);
        }

        return new(new Verification(
            new() { Digest = digest, Stamp = keys, Issuer = keys.Issuer, EndTicks = claims!.End.UtcTicks, Claims = claims },
            CredentialProblem.None));
    }

    public Caller? Resolve(VerifiedToken token)
    {
        if (token.Claims is not { } claims || callers.Find(claims.Name) is not { } present
            || (claims.UserId is { } user && present.UserId is { } number && user != number))
        {
            return null;
        }

        return new()
        {
            Source = present.Caller.Source,
            Name = present.Caller.Name,
            // The token within what its caller may do in the present config, whatever it may have been when it was issued.
            Permissions = claims.Permissions(actions).Intersect(present.Caller.Permissions),
            Accounts = present.Caller.Accounts,
            TemplateValues = present.Caller.TemplateValues,
            ConcurrentRequests = present.Caller.ConcurrentRequests,
        };
    }

    private string? Refusal(JwtText token, out TokenClaims? claims)
    {
        claims = null;

        // 1. The header holds only what we write there; a parameter that we do not know could change what is signed.
        foreach (var member in token.Header.EnumerateObject())
        {
            if (member.Name is not ("alg" or "kid" or "typ"))
            {
                return "a header parameter that we do not write";
            }
        }

        if (token.Type is not (null or "at+jwt" or "JWT"))
        {
            return "another type of token";
        }

        // 2. 'kid' picks exactly one key, and the key says the algorithm: the token has no choice, 'none' or HS256 with a public key included.
        if (token.KeyId is null || keys.Find(token.KeyId) is not { } key || !string.Equals(key.Algorithm, token.Algorithm, StringComparison.Ordinal))
        {
            return "unknown key id, or not its key's algorithm";
        }

        // 3. Only now the signature, and only then the claims.
        if (!key.Verify(token.SigningInput(), token.Signature))
        {
            return "signature";
        }

        if (token.Issuer != keys.Issuer || !JwtText.OptionalString(token.Payload, "aud", out var audience) || audience != keys.Audience)
        {
            return "issuer or audience";
        }

        return ClaimsRefusal(token.Payload, out claims);
    }

    private string? ClaimsRefusal(JsonElement payload, out TokenClaims? claims)
    {
        claims = TokenClaims.Read(payload);
        var latest = time.GetUtcNow() + Skew;
        return claims is null ? "not an access token of a caller, with all that we write"
            : claims.IssuedAt > latest ? "issued in the future"
            : payload.TryGetProperty("nbf", out _) ? "a claim that we do not write"
            : null;
    }
}
