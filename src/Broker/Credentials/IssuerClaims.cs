using System.Text.Json;
using Broker.Configuration;
using Policies;

namespace Broker.Credentials;

/// <summary>Reads the verified claims of an external issuer's access token.</summary>
internal sealed class IssuerClaims(
    string source, IssuerOptions options, ClaimMapping actions, ClaimMapping networks, ClaimMapping deviceTypes, ClaimMapping devices, TimeProvider time)
{
    private const int MaxNameLength = 256;
    private const int MaxTemplateValues = 32;

    // An ID token tells a client who logged in; it is no permission to call anybody (OpenID Connect Core 2 and 3.1.3.6).
    private static readonly string[] OnlyInIdTokens = ["nonce", "at_hash", "c_hash"];

    private static readonly string[] NotForTemplates = ["iss", "aud", "exp", "nbf", "iat", "jti"];

    /// <summary>Its caller and its end, or why not.</summary>
    public (Caller? Caller, DateTimeOffset End, string Problem) Read(JsonElement claims)
    {
        if (IsOtherToken(claims))
        {
            return (null, default, "an ID or refresh token");
        }

        var now = time.GetUtcNow();
        if (Moment(claims, "exp") is not { } exp)
        {
            return (null, default, "no end");
        }

        if ((claims.TryGetProperty("nbf", out _) && !(Moment(claims, "nbf") <= now + options.ClockSkew))
            || (claims.TryGetProperty("iat", out _) && !(Moment(claims, "iat") <= now + options.ClockSkew)))
        {
            return (null, default, "not yet valid");
        }

        if (!JwtText.OptionalString(claims, options.NameClaim, out var name) || name is null || name.Length > MaxNameLength || name.Any(char.IsControl))
        {
            return (null, default, "no name");
        }

        return (CallerOf(name, claims, exp), exp + options.ClockSkew, "");
    }

    private Caller CallerOf(string name, JsonElement claims, DateTimeOffset end) => new()
    {
        TokenEnd = end,
        Source = source,
        Name = name,
        Permissions = new Permissions(actions.Of(claims), networks.Of(claims), deviceTypes.Of(claims), devices.Of(claims)),
        Accounts = options.Accounts,
        TemplateValues = TemplateValues(claims),
    };

    private Dictionary<string, string> TemplateValues(JsonElement claims)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var member in claims.EnumerateObject())
        {
            if (values.Count < MaxTemplateValues && !NotForTemplates.Contains(member.Name)
                && ClaimMapping.Scalar(member.Value) is { Length: <= MaxNameLength } value && !value.Any(char.IsControl))
            {
                values[$"{source}:{member.Name}"] = value;
            }
        }

        return values;
    }

    private static bool IsOtherToken(JsonElement claims) =>
        Array.Exists(OnlyInIdTokens, name => claims.TryGetProperty(name, out _))
        || Says(claims, "token_use", "id", "refresh") // Cognito
        || Says(claims, "typ", "ID", "Refresh", "Offline", "Logout"); // Keycloak

    private static bool Says(JsonElement claims, string name, params string[] words) =>
        claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
        && words.Contains(value.GetString(), StringComparer.OrdinalIgnoreCase);

    // NumericDate may have a fraction (RFC 7519, 2); it counts down to the second.
    private static DateTimeOffset? Moment(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.Number && member.TryGetDouble(out var seconds)
        && seconds >= 0 && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds() - (long)TimeSpan.FromDays(1).TotalSeconds
            ? DateTimeOffset.FromUnixTimeSeconds((long)seconds)
            : null;
}
