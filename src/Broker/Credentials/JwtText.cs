using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Broker.Credentials;

/// <summary>The parts of a signed token in compact form (RFC 7515), read strictly; nothing in it is believed yet.</summary>
internal sealed class JwtText
{
    /// <summary>A longer one is refused before it is parsed.</summary>
    public const int MaxLength = 8 * 1024;

    // No member twice (RFC 8725, 2.4: two parsers, two opinions), no comments, no trailing commas, a bounded depth.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 16 };

    // Each of them names a key, another encoding or an extension: the sender does not choose how it is verified (RFC 8725, 3.9, 3.10).
    private static readonly string[] Forbidden = ["crit", "jwk", "jku", "x5u", "x5c", "b64", "zip", "enc"];

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

    /// <summary>Null when it is not exactly a signed token with <c>alg</c> and <c>iss</c>. Never throws.</summary>
    public static JwtText? Parse(string text)
    {
        try
        {
            return text.Length <= MaxLength ? ParseParts(text) : null;
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException or FormatException or ArgumentException)
        {
            return null; // broken JSON, half a surrogate pair, a number out of range: all the same "no"
        }
    }

    private static JwtText? ParseParts(string text)
    {
        var parts = text.Split('.');
        if (parts.Length != 3 || Decode(parts[0]) is not { } header || Decode(parts[1]) is not { } payload || Decode(parts[2]) is not { } signature)
        {
            return null;
        }

        var head = ParseObject(header);
        var body = ParseObject(payload);
        if (head is not { } h || body is not { } p || signature.Length == 0 || Array.Exists(Forbidden, name => h.TryGetProperty(name, out _)))
        {
            return null;
        }

        if (!OptionalString(h, "kid", out var kid) || !OptionalString(h, "typ", out var typ) || !OptionalString(h, "alg", out var alg)
            || !OptionalString(p, "iss", out var iss) || alg is null || iss is null)
        {
            return null;
        }

        return new() { Text = text, Header = h, Payload = p, Signature = signature, Algorithm = alg, KeyId = kid, Type = typ, Issuer = iss };
    }

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
            ReadAll(element); // half a surrogate pair, escaped, is valid JSON and no text: found here, and not where a claim is used
        }

        return element.ValueKind == JsonValueKind.Object ? element : null;
    }

    private static void ReadAll(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                element.GetString();
                break;
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                {
                    ReadAll(item);
                }

                break;
            case JsonValueKind.Object:
                foreach (var member in element.EnumerateObject())
                {
                    _ = member.Name;
                    ReadAll(member.Value);
                }

                break;
        }
    }

    private static byte[]? Decode(string part)
    {
        if (!Base64Url.IsValid(part))
        {
            return null;
        }

        var bytes = Base64Url.DecodeFromChars(part);
        // Blanks, padding and stray bits at the end decode to the same bytes: one token would have many texts, so only the one that encodes back counts.
        return Base64Url.EncodeToString(bytes) == part ? bytes : null;
    }
}
