using System.Security.Cryptography;
using Broker.Configuration;

namespace Broker.Credentials;

/// <summary>Reads a signing key of the config; what is too weak or of another kind is a mistake.</summary>
internal static class SigningKeyParser
{
    private const int MinSecretBytes = 32;
    private const int MinRsaBits = 2048;
    private const string P256 = "1.2.840.10045.3.1.7";

    /// <summary>Null and a cure when it can't be used.</summary>
    public static SigningKey? Parse(string id, SigningKeyOptions options, out string? mistake)
    {
        var text = options.Key.Reveal().Trim();
        try
        {
            return options.Algorithm switch
            {
                SigningAlgorithm.HS256 => Hmac(id, text, out mistake),
                SigningAlgorithm.RS256 => Rsa(id, text, out mistake),
                SigningAlgorithm.ES256 => Ec(id, text, out mistake),
                _ => Unknown(out mistake),
            };
        }
        catch (Exception problem) when (problem is ArgumentException or CryptographicException or FormatException)
        {
            // Its text could hold a piece of the key.
            mistake =
                options.Algorithm == SigningAlgorithm.HS256
                    ? "the key is not Base64; write the Base64 of at least 32 random bytes"
                    : $"the key can't be read; write one {Kind(options.Algorithm)} key in PEM, not encrypted";
            return null;
        }
    }

    private static HmacKey? Hmac(string id, string text, out string? mistake)
    {
        var secret = Convert.FromBase64String(text);
        mistake =
            secret.Length < MinSecretBytes ? $"the key has {secret.Length} bytes; HS256 needs at least {MinSecretBytes}, at random"
            : secret.Distinct().Count() < 8 ? "the key is a pattern; take random bytes"
            : KeyFingerprint.IsPem(secret) ? "the key is a PEM text, which is no secret; take random bytes, or another algorithm"
            : null;
        return mistake is null ? new(id, secret) : null;
    }

    private static RsaKey? Rsa(string id, string text, out string? mistake)
    {
        using var rsa = RSA.Create();
        rsa.ImportFromPem(text);
        mistake =
            rsa.KeySize < MinRsaBits ? $"the key has {rsa.KeySize} bits; RS256 needs at least {MinRsaBits}"
            : RocaWeakness.Affects(rsa.ExportParameters(includePrivateParameters: false).Modulus)
                ? "the key has the ROCA weakness (CVE-2017-15361): anybody can compute its private part; "
                    + "make a new key with other software or hardware"
            : null;
        return mistake is null ? new(id, rsa.ExportParameters(HasPrivatePart(text)), KeyFingerprint.Of(rsa)) : null;
    }

    private static EcKey? Ec(string id, string text, out string? mistake)
    {
        using var ec = ECDsa.Create();
        ec.ImportFromPem(text);
        mistake = ec.ExportParameters(false).Curve.Oid.Value != P256 ? "the key is on another curve; ES256 needs P-256 (prime256v1)" : null;
        return mistake is null ? new(id, ec.ExportParameters(HasPrivatePart(text)), KeyFingerprint.Of(ec)) : null;
    }

    private static SigningKey? Unknown(out string? mistake)
    {
        mistake = "the algorithm is none of HS256, RS256 and ES256";
        return null;
    }

    private static string Kind(SigningAlgorithm algorithm) => algorithm == SigningAlgorithm.RS256 ? "RSA" : "P-256";

    private static bool HasPrivatePart(string pem) => pem.Contains("PRIVATE KEY-----", StringComparison.Ordinal);
}
