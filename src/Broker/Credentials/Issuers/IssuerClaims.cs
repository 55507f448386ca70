using System.Text.Json;
using Broker.Configuration;
using Policies;

namespace Broker.Credentials;

/// <summary>Reads the verified claims of an external issuer's access token.</summary>
internal sealed class IssuerClaims(
    string source,
    IssuerOptions options,
    ClaimMapping actions,
    ClaimMapping networks,
    ClaimMapping deviceTypes,
    ClaimMapping devices,
    TimeProvider time
)
{
    private const int MaxNameLength = 256;
    private const int MaxTemplateValues = 32;

    private static readonly string[] NotForTemplates = ["iss", "aud", "exp", "nbf", "iat", "jti"];

    private readonly ClaimPath nameClaim = new(options.NameClaim);
    private readonly ClaimPath audienceClaim = new(options.Audience?.Claim ?? "aud");
    private readonly bool isAudienceFree = options.Audience?.Check is not null;

    /// <summary>Its caller and its end, or why not.</summary>
    public (Caller? Caller, DateTimeOffset End, TokenRefusal? Refusal) Read(JwtText token)
    {
        var claims = token.Payload;
        if (TokenPurpose.Refusal(token, needsMark: isAudienceFree || audienceClaim.Text != "aud") is { } other)
        {
            return (null, default, other);
        }

        if (!isAudienceFree && !Names(audienceClaim.Find(claims)).Any(options.Audiences.Contains))
        {
            var found = Found(audienceClaim.Find(claims));
            return (null, default, new("audience", $"in '{audienceClaim.Text}' one of {string.Join(", ", options.Audiences)}", found));
        }

        var now = time.GetUtcNow();
        if (Moment(claims, "exp") is not { } exp)
        {
            return (null, default, new("exp", "a number of seconds", Found(claims, "exp")));
        }

        foreach (var moment in (ReadOnlySpan<string>)["nbf", "iat"])
        {
            if (claims.TryGetProperty(moment, out _) && !(Moment(claims, moment) <= now + options.ClockSkew))
            {
                var latest = (now + options.ClockSkew).ToUnixTimeSeconds();
                return (null, default, new(moment, $"a number of seconds up to {latest}", Found(claims, moment)));
            }
        }

        var said = nameClaim.Find(claims);
        if (
            said is not { ValueKind: JsonValueKind.String } text
            || text.GetString() is not { Length: > 0 and <= MaxNameLength } name
            || name.Any(char.IsControl)
        )
        {
            return (null, default, new(nameClaim.Text, $"a text of 1 to {MaxNameLength} characters that names the caller", Found(said)));
        }

        return (CallerOf(name, claims, exp), exp + options.ClockSkew, null);
    }

    /// <summary>A claim that is one name or several; a name is all of a text, blanks included.</summary>
    private static IEnumerable<string> Names(JsonElement? claim) =>
        claim switch
        {
            { ValueKind: JsonValueKind.String } text => [text.GetString()!],
            { ValueKind: JsonValueKind.Array } list => list.EnumerateArray()
                .Where(item => item.ValueKind == JsonValueKind.String)
                .Select(item => item.GetString()!),
            _ => [],
        };

    private static string Found(JsonElement claims, string name) => Found(claims.TryGetProperty(name, out var member) ? member : null);

    private static string Found(JsonElement? claim) =>
        claim switch
        {
            null => "missing",
            { ValueKind: JsonValueKind.String } text => text.GetString()!,
            { ValueKind: JsonValueKind.Object } => "an object",
            { } other => other.GetRawText(),
        };

    private Caller CallerOf(string name, JsonElement claims, DateTimeOffset end) =>
        new()
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
            if (
                values.Count < MaxTemplateValues
                && !NotForTemplates.Contains(member.Name)
                && ClaimMapping.Scalar(member.Value) is { Length: <= MaxNameLength } value
                && !value.Any(char.IsControl)
            )
            {
                values[$"{source}:{member.Name}"] = value;
            }
        }

        return values;
    }

    // NumericDate may have a fraction (RFC 7519, 2); it counts down to the second.
    private static DateTimeOffset? Moment(JsonElement claims, string name) =>
        claims.TryGetProperty(name, out var member)
        && member.ValueKind == JsonValueKind.Number
        && member.TryGetDouble(out var seconds)
        && seconds >= 0
        && seconds <= DateTimeOffset.MaxValue.ToUnixTimeSeconds() - (long)TimeSpan.FromDays(1).TotalSeconds
            ? DateTimeOffset.FromUnixTimeSeconds((long)seconds)
            : null;
}
