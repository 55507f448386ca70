using System.Text.Json;

namespace Broker.Credentials;

/// <summary>Tells an access token from the issuer's other tokens, which are signed by the same keys and permit nothing here.</summary>
/// <remarks>
/// A token says what it is by <c>typ</c> in its header (RFC 9068) or payload (Keycloak), or by <c>token_use</c> (Cognito). One that says
/// it is something else is refused, whatever else it says. One that says nothing is taken for an access token unless it holds what only
/// ID tokens hold.
/// </remarks>
internal static class TokenPurpose
{
    private const string Rule = "access token";

    // OpenID Connect Core 2 and 3.1.3.6. An ID token tells a client who logged in.
    private static readonly string[] OnlyInIdTokens = ["nonce", "at_hash", "c_hash"];

    private static readonly string[] OtherTypes =
    [
        "ID",
        "id_token",
        "Refresh",
        "refresh_token",
        "Offline",
        "Logout",
        "logout_token",
        "UserInfo",
        "RegistrationAccessToken",
        "InitialAccessToken",
    ];

    /// <summary>Why it is no access token; null when it is one.</summary>
    /// <param name="token">A token whose signature was verified.</param>
    /// <param name="needsMark">Whether a token with an <c>aud</c> has to say that it is an access token, because its <c>aud</c> is not
    /// checked: an ID token always has one (OpenID Connect Core 2), and often holds the client in a second claim.</param>
    public static TokenRefusal? Refusal(JwtText token, bool needsMark)
    {
        var claims = token.Payload;
        var (type, use) = (Text(claims, "typ"), Text(claims, "token_use"));
        if (type is not null && OtherTypes.Contains(type, StringComparer.OrdinalIgnoreCase))
        {
            return new(Rule, "a 'typ' of Bearer or none", $"typ {type}");
        }

        if (claims.TryGetProperty("token_use", out _) && !Is(use, "access"))
        {
            return new(Rule, "a 'token_use' of access or none", $"token_use {use ?? "that is no text"}");
        }

        if (claims.TryGetProperty("events", out _))
        {
            return new(Rule, "no 'events'", "events, as in a logout or security event token");
        }

        if (
            Is(token.Type, "at+jwt")
            || Is(token.Type, "application/at+jwt")
            || Is(token.Type, "Bearer")
            || Is(type, "Bearer")
            || use is not null
        )
        {
            return null;
        }

        if (Array.Find(OnlyInIdTokens, name => claims.TryGetProperty(name, out _)) is { } mark)
        {
            return new(Rule, "a 'typ' of at+jwt or Bearer beside it", $"{mark}, as in an ID token");
        }

        return needsMark && claims.TryGetProperty("aud", out _)
            ? new(Rule, "a 'typ' of at+jwt or Bearer or a 'token_use' of access, since 'aud' is not checked", "none: it may be an ID token")
            : null;
    }

    private static bool Is(string? text, string word) => string.Equals(text, word, StringComparison.OrdinalIgnoreCase);

    private static string? Text(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.String ? member.GetString() : null;
}
