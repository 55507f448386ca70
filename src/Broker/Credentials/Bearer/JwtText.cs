using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Broker.Operations;

namespace Broker.Credentials;

/// <summary>The parts of a signed token in compact form (RFC 7515), read strictly; nothing in it is believed yet.</summary>
internal sealed class JwtText
{
    // No member twice (RFC 8725, 2.4: two parsers, two opinions), no comments, no trailing commas, a bounded depth.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    // Each of them changes what is signed or how it is read, and we know none of them (RFC 7515, 4.1.11). Members that bring a key along
    // (jwk, jku, x5u, x5c) are not read at all: no key is ever taken from a token, so that they choose nothing (RFC 8725, 3.10).
    private static readonly string[] Forbidden = ["crit", "b64", "zip", "enc"];

    public required string Text { get; init; }

    public required JsonElement Header { get; init; }

    public required JsonElement Payload { get; init; }

    public required byte[] Signature { get; init; }

    public required string Algorithm { get; init; }

    public required string? KeyId { get; init; }

    public required string? Type { get; init; }

    public required string Issuer { get; init; }

    /// <summary>What is signed: header and payload as they stand.</summary>
    public byte[] SigningInput() => Encoding.ASCII.GetBytes(Text, 0, Text.LastIndexOf('.'));

    /// <summary>
    /// Null when it is not exactly a signed token with <c>alg</c> and <c>iss</c>. Never throws. The caller bounds its length.
    /// </summary>
    public static JwtText? Parse(string text) => Parse(text, out _);

    /// <summary>The same, and why not.</summary>
    public static JwtText? Parse(string text, out TokenRefusal? refusal)
    {
        try
        {
            refusal = ParseParts(text, out var token);
            return token;
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            // Half a surrogate pair, a number out of range: all the same "no".
            refusal = Malformed("JSON that is broken or names a member twice");
            return null;
        }
    }

    private static TokenRefusal? ParseParts(string text, out JwtText? token)
    {
        token = null;
        var parts = text.Split('.');
        if (parts.Length != 3)
        {
            return Malformed(
                parts.Length == 5 ? "five parts, as an encrypted token has" : $"no JWT: parts {parts.Length}, characters {text.Length}"
            );
        }

        if (Decode(parts[0]) is not { } header || Decode(parts[1]) is not { } payload || Decode(parts[2]) is not { Length: > 0 } signature)
        {
            return Malformed("a part that is no Base64url, or no signature");
        }

        if (ParseObject(header) is not { } h || ParseObject(payload) is not { } p)
        {
            return Malformed("a header or payload that is no JSON object");
        }

        if (Array.Find(Forbidden, name => h.TryGetProperty(name, out _)) is { } forbidden)
        {
            return new(forbidden, $"no '{forbidden}' in the header", forbidden);
        }

        if (
            !OptionalString(h, "kid", out var kid)
            || !OptionalString(h, "typ", out var typ)
            || !OptionalString(h, "alg", out var alg)
            || alg is null
        )
        {
            return Malformed("'alg' missing, or 'alg', 'kid' or 'typ' that is no text");
        }

        if (!OptionalString(p, "iss", out var iss) || iss is null)
        {
            return new("iss", "the 'iss' of an issuer in the config", "missing, or no text");
        }

        token = new()
        {
            Text = text,
            Header = h,
            Payload = p,
            Signature = signature,
            Algorithm = alg,
            KeyId = kid,
            Type = typ,
            Issuer = iss,
        };
        return null;
    }

    private static TokenRefusal Malformed(string found) => new("form", "a signed JWT in compact form", found);

    /// <summary>A string member that may be absent; false when it is there and no string, or an empty one.</summary>
    public static bool OptionalString(JsonElement parent, string name, out string? value)
    {
        value = null;
        if (!parent.TryGetProperty(name, out var member))
        {
            return true;
        }

        value = member.ValueKind == JsonValueKind.String ? member.GetString() : null;
        return !string.IsNullOrEmpty(value);
    }

    private static JsonElement? ParseObject(byte[] utf8)
    {
        if (!Utf8.IsValid(utf8))
        {
            return null;
        }

        var element = JsonElement.Parse(utf8, Strict);
        if (utf8.AsSpan().IndexOf("\\u"u8) >= 0)
        {
            ForeignJson.ReadAll(element);
        }

        return element.ValueKind == JsonValueKind.Object ? element : null;
    }

    private static byte[]? Decode(string part)
    {
        if (!Base64Url.IsValid(part))
        {
            return null;
        }

        var bytes = Base64Url.DecodeFromChars(part);
        // Blanks, padding and stray bits at the end decode to the same bytes: one token would have many texts, so only the one that encodes
        // back counts.
        return Base64Url.EncodeToString(bytes) == part ? bytes : null;
    }
}
