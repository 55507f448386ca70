using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Broker.Credentials;

/// <summary>Reads a JSON Web Key Set (RFC 7517), each entry by itself: one that is not usable takes no other along.</summary>
/// <remarks>A key comes from the set itself and from nowhere else: addresses in it (<c>x5u</c>) are not asked.</remarks>
internal static class KeySetReader
{
    private const int MostKeys = 100;
    private const int FewestModulusBytes = 2048 / 8;
    private const int MostModulusBytes = 16 * 1024 / 8;
    private const int MostExponentBytes = 8;

    private static readonly string[] PrivateParts = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

    /// <summary>The usable keys of a set, each once. Never throws.</summary>
    /// <param name="set">The set.</param>
    /// <param name="leftOut">Why the other entries are not used, in words of ours.</param>
    public static IReadOnlyList<IssuerKey> Read(JsonElement set, out IReadOnlyList<string> leftOut)
    {
        var (keys, reasons) = (new List<IssuerKey>(), new List<string>());
        if (
            set.ValueKind == JsonValueKind.Object
            && set.TryGetProperty("keys", out var entries)
            && entries.ValueKind == JsonValueKind.Array
        )
        {
            foreach (var entry in entries.EnumerateArray())
            {
                if (keys.Count == MostKeys)
                {
                    reasons.Add($"more than {MostKeys} keys");
                }
                else if (Key(entry, out var reason) is { } key)
                {
                    keys.Add(key);
                }
                else
                {
                    reasons.Add(reason);
                }
            }
        }

        leftOut = reasons;
        return [.. keys.DistinctBy(key => (key.Id, key.Algorithm, key.Material))];
    }

    private static IssuerKey? Key(JsonElement entry, out string reason)
    {
        reason = "not an object";
        if (entry.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        reason = Unusable(entry) ?? "";
        if (reason.Length > 0)
        {
            return null;
        }

        try
        {
            reason = "no RSA key of 2048 to 16384 bits, and no EC key on P-256, P-384 or P-521";
            var (id, algorithm) = (Id(entry), Text(entry, "alg"));
            var key = Text(entry, "kty") switch
            {
                "RSA" when Has(entry, "n") => Rsa(entry, id, algorithm),
                "EC" when Has(entry, "x") => Ec(entry, id, algorithm),
                "RSA" => Certified(entry, id, algorithm, "RSA"),
                "EC" => Certified(entry, id, algorithm, "P-"),
                null when !Has(entry, "kty") => Certified(entry, id, algorithm, ""),
                _ => null,
            };
            if (key is { Algorithm: { } only } && IssuerKey.FamilyOf(only) != key.Family)
            {
                reason = "its 'alg' is no signature algorithm of such a key";
                return null;
            }

            return key;
        }
        catch (Exception problem)
            when (problem is CryptographicException or FormatException or ArgumentException or PlatformNotSupportedException)
        {
            return null;
        }
    }

    /// <summary>What makes an entry no public key for signatures; null when nothing does.</summary>
    private static string? Unusable(JsonElement entry)
    {
        // A key whose private part was published is nobody's.
        if (Array.Exists(PrivateParts, part => Has(entry, part)))
        {
            return "holds a private or secret part";
        }

        if (Has(entry, "use") && Text(entry, "use") is not ("sig" or ""))
        {
            return "its 'use' is not 'sig'";
        }

        if (Has(entry, "alg") && Text(entry, "alg") is null)
        {
            return "its 'alg' is no text";
        }

        return Has(entry, "key_ops") && !Operations(entry.GetProperty("key_ops")) ? "its 'key_ops' lack 'verify'" : null;
    }

    private static bool Operations(JsonElement operations) =>
        operations.ValueKind == JsonValueKind.Array
        && (
            operations.GetArrayLength() == 0
            || operations.EnumerateArray().Any(one => one.ValueKind == JsonValueKind.String && one.ValueEquals("verify"))
        );

    private static IssuerKey? Rsa(JsonElement entry, string? id, string? algorithm)
    {
        var (modulus, exponent) = (Number(entry, "n"), Number(entry, "e"));
        if (
            modulus.Length is < FewestModulusBytes or > MostModulusBytes
            || exponent.Length is 0 or > MostExponentBytes
            || (exponent[^1] & 1) == 0
        )
        {
            return null;
        }

        using var rsa = RSA.Create(new RSAParameters { Modulus = modulus, Exponent = exponent });
        return IssuerKey.Of(rsa, id, Named(algorithm));
    }

    private static IssuerKey? Ec(JsonElement entry, string? id, string? algorithm)
    {
        var (curve, size) = Text(entry, "crv") switch
        {
            "P-256" => (ECCurve.NamedCurves.nistP256, 32),
            "P-384" => (ECCurve.NamedCurves.nistP384, 48),
            "P-521" => (ECCurve.NamedCurves.nistP521, 66),
            _ => throw new ArgumentException("Another curve.", nameof(entry)),
        };
        var point = new ECPoint { X = Sized(Number(entry, "x"), size), Y = Sized(Number(entry, "y"), size) };
        using var ec = ECDsa.Create(new ECParameters { Curve = curve, Q = point });
        return IssuerKey.Of(ec, id, Named(algorithm));
    }

    /// <summary>
    /// The key of the first certificate, which is only how the key is written: neither its dates nor who signed it count.
    /// </summary>
    private static IssuerKey? Certified(JsonElement entry, string? id, string? algorithm, string family)
    {
        if (!entry.TryGetProperty("x5c", out var chain))
        {
            return null;
        }

        var first = chain.ValueKind == JsonValueKind.Array && chain.GetArrayLength() > 0 ? chain[0] : chain;
        if (first.ValueKind != JsonValueKind.String)
        {
            return null;
        }

        using var certificate = X509CertificateLoader.LoadCertificate(Convert.FromBase64String(first.GetString()!));
        using var rsa = certificate.GetRSAPublicKey();
        using var ec = rsa is null ? certificate.GetECDsaPublicKey() : null;
        var key =
            rsa is not null ? IssuerKey.Of(rsa, id, Named(algorithm))
            : ec is not null ? IssuerKey.Of(ec, id, Named(algorithm))
            : null;
        return key is not null && key.Family.StartsWith(family, StringComparison.Ordinal) ? key : null;
    }

    private static string? Named(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static string? Id(JsonElement entry) =>
        entry.TryGetProperty("kid", out var id) && id.ValueKind == JsonValueKind.Number ? id.GetRawText() : Named(Text(entry, "kid"));

    private static bool Has(JsonElement entry, string name) =>
        entry.TryGetProperty(name, out var member) && member.ValueKind != JsonValueKind.Null;

    private static string? Text(JsonElement entry, string name) =>
        entry.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.String ? member.GetString() : null;

    /// <summary>A number in either alphabet of Base64, without the zero bytes that some write before it.</summary>
    private static byte[] Number(JsonElement entry, string name)
    {
        var text = (Text(entry, name) ?? throw new FormatException()).Replace('+', '-').Replace('/', '_').TrimEnd('=');
        return Base64Url.DecodeFromChars(text).AsSpan().TrimStart((byte)0).ToArray();
    }

    private static byte[] Sized(byte[] number, int size) =>
        number.Length > size ? throw new FormatException() : [.. new byte[size - number.Length], .. number];
}
