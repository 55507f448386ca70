using System.Security.Cryptography;
using System.Text;

namespace Broker.Credentials;

/// <summary>Digests of key material, by which the same bytes in two roles are found.</summary>
/// <remarks>A public key has those of its usual encodings too: one of them taken as an HMAC secret would be a secret that everybody
/// knows.</remarks>
internal static class KeyFingerprint
{
    public static IReadOnlySet<string> Of(byte[] secret) => Set(secret);

    public static IReadOnlySet<string> Of(RSA key)
    {
        var parameters = key.ExportParameters(includePrivateParameters: false);
        return Set(key.ExportSubjectPublicKeyInfo(), key.ExportRSAPublicKey(), parameters.Modulus!);
    }

    public static IReadOnlySet<string> Of(ECDsa key)
    {
        var point = key.ExportParameters(includePrivateParameters: false).Q;
        byte[] both = [.. point.X!, .. point.Y!];
        return Set(key.ExportSubjectPublicKeyInfo(), both, [4, .. both]);
    }

    /// <summary>Whether the bytes are a key in text form: what is published in that form is no secret.</summary>
    public static bool IsPem(byte[] secret) => Encoding.Latin1.GetString(secret).Contains("-----BEGIN", StringComparison.Ordinal);

    private static HashSet<string> Set(params ReadOnlySpan<byte[]> encodings)
    {
        var all = new HashSet<string>(StringComparer.Ordinal);
        foreach (var encoding in encodings)
        {
            all.Add(Convert.ToHexString(SHA256.HashData(encoding)));
        }

        return all;
    }
}
