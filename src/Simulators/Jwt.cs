using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Simulators;

/// <summary>Signs and reads HS256 tokens with keys of any length, as the vendors do.</summary>
internal static class Jwt
{
    public static string Sign(object claims, byte[] key, string header = """{"alg":"HS256","typ":"JWT"}""")
    {
        var head = Base64Url.EncodeToString(Encoding.UTF8.GetBytes(header));
        var signed = $"{head}.{Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(claims))}";
        return $"{signed}.{Signature(signed, key)}";
    }

    /// <summary>The claims of a token with a right signature; null for all else.</summary>
    public static JsonElement? Read(string token, byte[] key)
    {
        var parts = token.Split('.');
        if (
            parts.Length != 3
            || !CryptographicOperations.FixedTimeEquals(
                Encoding.UTF8.GetBytes(Signature($"{parts[0]}.{parts[1]}", key)),
                Encoding.UTF8.GetBytes(parts[2])
            )
        )
        {
            return null;
        }
        try
        {
            return JsonElement.Parse(Base64Url.DecodeFromChars(parts[1]));
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return null;
        }
    }

    private static string Signature(string signed, byte[] key) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(signed)));
}
