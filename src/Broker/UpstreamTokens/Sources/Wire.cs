using System.Buffers.Text;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Broker.Operations;

namespace Broker.UpstreamTokens;

/// <summary>How vendors write things: forms, names of members, seconds, claims inside a JWT.</summary>
internal static class Wire
{
    public const string Json = "application/json";
    public const string Form = "application/x-www-form-urlencoded";

    /// <summary>application/x-www-form-urlencoded of one text (RFC 6749, appendix B).</summary>
    public static string FormEncode(string text) => Uri.EscapeDataString(text).Replace("%20", "+", StringComparison.Ordinal);

    public static byte[] FormBody(IEnumerable<KeyValuePair<string, string>> fields) =>
        Encoding.ASCII.GetBytes(string.Join('&', fields.Select(field => $"{FormEncode(field.Key)}={FormEncode(field.Value)}")));

    /// <summary>A member by name; vendors' own clients disagree on case.</summary>
    public static JsonElement? Member(this JsonElement? parent, string name)
    {
        if (parent is not { ValueKind: JsonValueKind.Object } found)
        {
            return null;
        }
        foreach (var member in found.EnumerateObject())
        {
            if (string.Equals(member.Name, name, StringComparison.OrdinalIgnoreCase))
            {
                return member.Value;
            }
        }
        return null;
    }

    public static string? Text(this JsonElement? parent, string name) =>
        parent.Member(name) is { ValueKind: JsonValueKind.String } text ? text.GetString() : null;

    /// <summary>Whether it says <c>error</c>, in whatever form; null, false, 0 and the empty text are none.</summary>
    public static bool HasError(JsonElement? body) =>
        body.Member("error") is { } error
        && error.ValueKind switch
        {
            JsonValueKind.Null or JsonValueKind.False => false,
            JsonValueKind.String => !string.IsNullOrWhiteSpace(error.GetString()),
            JsonValueKind.Number => error.GetRawText() != "0",
            JsonValueKind.Array => error.GetArrayLength() > 0,
            _ => true,
        };

    /// <summary>A number, be it a float or a numeric string; null when there is none, and NaN when it is not one.</summary>
    public static double? Number(this JsonElement? parent, string name) =>
        parent.Member(name) switch
        {
            null or { ValueKind: JsonValueKind.Null } => null,
            { ValueKind: JsonValueKind.Number } number when number.TryGetDouble(out var value) => value,
            { ValueKind: JsonValueKind.String } text
                when double.TryParse(text.GetString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) => value,
            _ => double.NaN,
        };

    /// <summary>So many seconds; what is no time at all is one that was over long ago.</summary>
    public static TimeSpan Seconds(double seconds) =>
        double.IsNaN(seconds) || seconds <= 0 ? TimeSpan.Zero
        : seconds >= 1e11 ? TimeSpan.MaxValue
        : TimeSpan.FromSeconds(seconds);

    /// <summary>The claims of a JWT of which nothing is verified: it is ours to send, not to believe.</summary>
    public static JsonElement? Claims(string? token)
    {
        var parts = token?.Split('.');
        if (parts is not { Length: 3 })
        {
            return null;
        }
        try
        {
            return ForeignJson.Parse(Base64Url.DecodeFromChars(parts[1]));
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>The life of an OAuth2-shaped token: <c>expires_in</c>, else the JWT's <c>exp</c>, else what is assumed.</summary>
    /// <param name="body">The answer.</param>
    /// <param name="time">The clock.</param>
    /// <param name="assumed">The config's own word. With it an <c>expires_in</c> that is no time, such as 0, counts as missing; without it
    /// such a token is over.</param>
    /// <param name="unsaid">What is assumed without it of a token that states no life.</param>
    public static TimeSpan? Life(JsonElement? body, TimeProvider time, TimeSpan? assumed, TimeSpan? unsaid)
    {
        var said = body.Number("expires_in");
        if (said >= 1)
        {
            return Seconds(said.Value);
        }
        if (said is not null && assumed is null)
        {
            return TimeSpan.Zero;
        }
        return Claims(body.Text("access_token")).Number("exp") is { } exp ? Until(exp, time) : assumed ?? unsaid;
    }

    /// <summary>Whether two texts name one type of token: Bearer, bearer, "Bearer ", BearerToken and bearer_token do.</summary>
    public static bool IsSameType(string one, string other) => Folded(one) == Folded(other);

    private static string Folded(string type)
    {
        var letters = string.Concat(type.Where(letter => letter is not (' ' or '\t' or '_' or '-'))).ToLowerInvariant();
        return letters.EndsWith("token", StringComparison.Ordinal) && letters != "token" ? letters[..^"token".Length] : letters;
    }

    /// <summary>From now until a moment in seconds since 1970.</summary>
    public static TimeSpan Until(double seconds, TimeProvider time) =>
        Seconds(seconds - (time.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalSeconds);

    public static AuthenticationHeaderValue Basic(string user, string password) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{FormEncode(user)}:{FormEncode(password)}")));
}
