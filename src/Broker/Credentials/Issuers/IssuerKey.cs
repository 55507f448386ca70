using System.Security.Cryptography;
using Microsoft.IdentityModel.Tokens;

namespace Broker.Credentials;

/// <summary>One public key of an external issuer, made anew from its numbers: nothing else that stood beside them is used.</summary>
internal sealed class IssuerKey
{
    private const int MinRsaBits = 2048;

    public required string? Id { get; init; }

    /// <summary>The only algorithm, where the key set names one.</summary>
    public required string? Algorithm { get; init; }

    /// <summary>RSA, P-256, P-384 or P-521.</summary>
    public required string Family { get; init; }

    public required JsonWebKey Key { get; init; }

    /// <summary>The public numbers: two keys with equal ones are one key.</summary>
    public string Material => $"{Key.N}.{Key.E}.{Key.Crv}.{Key.X}.{Key.Y}";

    public required IReadOnlySet<string> Fingerprints { get; init; }

    /// <summary>Whether anybody could sign with it: its private part can be computed. <see cref="IssuerKeys"/> uses no such key.</summary>
    public bool IsWeak { get; private init; }

    /// <summary>Whether a signature of this algorithm can be this key's.</summary>
    public bool Fits(string algorithm) => (Algorithm is null || Algorithm == algorithm) && FamilyOf(algorithm) == Family;

    /// <summary>Whether this key made the signature. The framework's own verification, with providers that it keeps for each key.</summary>
    public bool Verifies(byte[] input, byte[] signature, string algorithm)
    {
        if (!Fits(algorithm))
        {
            return false;
        }

        var provider = Key.CryptoProviderFactory.CreateForVerifying(Key, algorithm);
        try
        {
            return provider.Verify(input, signature);
        }
        finally
        {
            Key.CryptoProviderFactory.ReleaseSignatureProvider(provider);
        }
    }

    /// <summary>
    /// The family of an algorithm; null for those that are not accepted, 'none' and HMAC (a shared secret is no issuer's key) among them.
    /// </summary>
    public static string? FamilyOf(string algorithm) =>
        algorithm switch
        {
            "RS256" or "RS384" or "RS512" or "PS256" or "PS384" or "PS512" => "RSA",
            "ES256" => "P-256",
            "ES384" => "P-384",
            "ES512" => "P-521",
            _ => null,
        };

    public static IssuerKey? Of(RSA rsa, string? id, string? algorithm)
    {
        var parameters = rsa.ExportParameters(includePrivateParameters: false);
        if (rsa.KeySize < MinRsaBits || parameters.Exponent is [1])
        {
            return null;
        }

        var key = new JsonWebKey
        {
            Kty = "RSA",
            N = Base64UrlEncoder.Encode(parameters.Modulus),
            E = Base64UrlEncoder.Encode(parameters.Exponent),
        };
        return new()
        {
            Id = id,
            Algorithm = algorithm,
            Family = "RSA",
            Key = key,
            Fingerprints = KeyFingerprint.Of(rsa),
            IsWeak = RocaWeakness.Affects(parameters.Modulus),
        };
    }

    public static IssuerKey? Of(ECDsa ec, string? id, string? algorithm)
    {
        var parameters = ec.ExportParameters(includePrivateParameters: false);
        var family = parameters.Curve.Oid.Value switch
        {
            "1.2.840.10045.3.1.7" => "P-256",
            "1.3.132.0.34" => "P-384",
            "1.3.132.0.35" => "P-521",
            _ => null,
        };
        if (family is null)
        {
            return null;
        }

        var key = new JsonWebKey
        {
            Kty = "EC",
            Crv = family,
            X = Base64UrlEncoder.Encode(parameters.Q.X),
            Y = Base64UrlEncoder.Encode(parameters.Q.Y),
        };
        return new()
        {
            Id = id,
            Algorithm = algorithm,
            Family = family,
            Key = key,
            Fingerprints = KeyFingerprint.Of(ec),
        };
    }
}
