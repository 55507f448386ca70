using System.Text.Json;
using Policies;

namespace Broker.Credentials;

/// <summary>Verifies bearer tokens of our own.</summary>
internal sealed class TokenReader(SigningKeys keys, CallerDirectory callers, ActionNames actions, TimeProvider time) : IBearerVerifier
{
    /// <summary>How far ahead the clock of the replica that issued a token may be.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromSeconds(30);

    public const string RefreshType = "rt+jwt";
    public const string PluginType = "plugin+jwt";

    /// <summary>None of ours is longer.</summary>
    public const int MaxLength = 8 * 1024;

    public string Name => "broker (its own)";

    public CredentialKinds Kind => CredentialKinds.Token;

    public object? Stamp => keys;

    public long Version => callers.Version;

    public async ValueTask<Verification> Verify(JwtText token, Digest digest, CancellationToken cancellation)
    {
        var refused = Refusal(token, out var claims)
            ?? (claims is { Use: TokenUse.Access, Topic: null } ? null : "a refresh or plugin token");
        if (refused is not null)
        {
            return Verification.Refused(new("own token", "a token as this broker writes it", refused));
        }

        return !await callers.Recall(claims!)
            ? new(null, CredentialProblem.Unknown)
            : new Verification(
                new()
                {
                    Digest = digest,
                    Stamp = keys,
                    Issuer = keys.Issuer,
                    EndTicks = claims!.End.UtcTicks,
                    Claims = claims,
                },
                CredentialProblem.None
            );
    }

    /// <summary>Removes an upstream's user; false when what was shown is not what is stored for the user now.</summary>
    public ValueTask<bool> Drop(Caller user) => callers.Drop(user);

    /// <summary>Looks for a user who is not known here in the records of all replicas; false when those cannot be read.</summary>
    public ValueTask<bool> Recall(TokenClaims claims) => callers.Recall(claims);

    /// <summary>The same for one identity.</summary>
    public ValueTask<bool> Recall(string identity) => callers.Recall(identity);

    public Caller? Resolve(VerifiedToken token) => token.Claims is { } claims ? Present(claims) : null;

    /// <summary>
    /// Whom claims stand for in the present config, with what they may do now; null when one that they rest on is not there.
    /// </summary>
    public Caller? Present(TokenClaims claims)
    {
        if (
            callers.Find(claims.Subject) is not { } present
            || (claims.UserId is { } user && present.UserId is { } number && user != number)
            || (claims.UserId is not null && present.Caller.Source != ConfigCaller.Source && present.UserId is null)
        ) // somebody who has no number
        {
            return null;
        }

        // The token within what its user, and each who made it, may do in the present config, whatever that was when it was issued.
        var held = claims.Permissions(actions).Intersect(present.Caller.Permissions);
        for (var i = 0; i < claims.Creators.Count; i++)
        {
            if (callers.Find(claims.Creators[i]) is not { } creator)
            {
                return null;
            }

            held = held.Intersect(creator.Caller.Permissions);
        }

        return new()
        {
            Source = present.Caller.Source,
            Name = present.Caller.Name,
            Permissions = held,
            Accounts = present.Caller.Accounts,
            TemplateValues = present.Caller.TemplateValues,
            ConcurrentRequests = present.Caller.ConcurrentRequests,
            Token = claims,
        };
    }

    /// <summary>An identity in the present config; null when it is unknown or disabled.</summary>
    public ConfigCaller? Find(string identity) => callers.Find(identity);

    /// <summary>The claims of a token of ours of any use, ended or not: whoever asks looks at that. Null when it is none.</summary>
    public TokenClaims? Read(string text) => JwtText.Parse(text) is { } token && Refusal(token, out var claims) is null ? claims : null;

    private string? Refusal(JwtText token, out TokenClaims? claims)
    {
        claims = null;
        if (token.Text.Length > MaxLength)
        {
            return "longer than any that we write";
        }

        // 1. The header holds only what we write there; a parameter that we do not know could change what is signed.
        foreach (var member in token.Header.EnumerateObject())
        {
            if (member.Name is not ("alg" or "kid" or "typ"))
            {
                return "a header parameter that we do not write";
            }
        }

        if (token.Type is not (null or "at+jwt" or "JWT" or RefreshType or PluginType))
        {
            return "another type of token";
        }

        // 2. 'kid' picks exactly one key, and the key says the algorithm: the token has no choice, 'none' or HS256 with a public key
        // included.
        if (
            token.KeyId is null
            || keys.Find(token.KeyId) is not { } key
            || !string.Equals(key.Algorithm, token.Algorithm, StringComparison.Ordinal)
        )
        {
            return "unknown key id, or not its key's algorithm";
        }

        // 3. Only now the signature, and only then the claims.
        if (!key.Verify(token.SigningInput(), token.Signature))
        {
            return "signature";
        }

        if (!keys.IsIssuer(token.Issuer) || !JwtText.OptionalString(token.Payload, "aud", out var audience) || audience != keys.Audience)
        {
            return "issuer or audience";
        }

        return ClaimsRefusal(token.Payload, out claims) ?? (FitsType(token.Type, claims!) ? null : "not of its type");
    }

    // The type in the header is signed as well: a refresh or plugin token can be taken for nothing else, even by a reader of the header
    // alone.
    private static bool FitsType(string? type, TokenClaims claims) =>
        type
            == (
                claims.Topic is not null ? PluginType
                : claims.Use == TokenUse.Refresh ? RefreshType
                : "at+jwt"
            )
        || (type is null or "JWT" && claims is { Topic: null, Use: TokenUse.Access });

    private string? ClaimsRefusal(JsonElement payload, out TokenClaims? claims)
    {
        claims = TokenClaims.Read(payload);
        var latest = time.GetUtcNow() + Skew;
        return claims is null ? "not a token with all that we write"
            : claims.IssuedAt > latest ? "issued in the future"
            : payload.TryGetProperty("nbf", out _) ? "a claim that we do not write"
            : null;
    }
}
