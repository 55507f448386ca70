using System.Security.Cryptography;
using System.Text;
using Broker.Configuration;
using Broker.Operations;

namespace Broker.Credentials;

/// <summary>Reads an issuer's key file: a JSON Web Key Set, or public keys and certificates in PEM.</summary>
internal static class KeyFileParser
{
    /// <summary>Null and a cure when the text holds no usable key.</summary>
    public static IssuerKeys? Parse(string text, out string? mistake)
    {
        mistake = null;
        try
        {
            var keys = text.TrimStart().StartsWith('{') ? KeySet(text) : Pem(text, out mistake);
            mistake ??= keys.FirstOrDefault(key => key.IsWeak) is { } weak ? Weakness(weak) : null;
            mistake ??= keys.Count == 0 ? "holds no usable public key: RSA of 2048 bits or more, or EC on P-256, P-384 or P-521" : null;
            return mistake is null ? new(null, keys) : null;
        }
        catch (Exception problem) when (problem is ArgumentException or CryptographicException or FormatException)
        {
            mistake = "can't be read; write a JSON Web Key Set, or public keys in PEM";
            return null;
        }
    }

    private static string Weakness(IssuerKey key) =>
        $"holds a key{(key.Id is null ? "" : $" (kid '{Scalars.Short(key.Id)}')")} with the ROCA weakness (CVE-2017-15361): "
        + "anybody could sign with it; take it out, and have the issuer make a new one";

    private static IReadOnlyList<IssuerKey> KeySet(string text) =>
        ForeignJson.Parse(Encoding.UTF8.GetBytes(text)) is { } set ? KeySetReader.Read(set, out _) : throw new FormatException();

    private static List<IssuerKey> Pem(string text, out string? mistake)
    {
        var keys = new List<IssuerKey>();
        mistake = null;
        var rest = text.AsSpan();
        while (PemEncoding.TryFind(rest, out var fields))
        {
            var block = rest[fields.Location];
            var label = rest[fields.Label];
            if (label.Contains("PRIVATE", StringComparison.Ordinal))
            {
                mistake = "holds a private key; an issuer's key file needs its public keys only";
                return [];
            }

            if (Key(block.ToString(), label.ToString()) is { } key)
            {
                keys.Add(key);
            }

            rest = rest[fields.Location.End..];
        }

        return keys;
    }

    private static IssuerKey? Key(string block, string label)
    {
        if (label == "CERTIFICATE")
        {
            using var certificate = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPem(block);
            using var rsaOfCertificate = System.Security.Cryptography.X509Certificates.RSACertificateExtensions.GetRSAPublicKey(
                certificate
            );
            using var ecOfCertificate = System.Security.Cryptography.X509Certificates.ECDsaCertificateExtensions.GetECDsaPublicKey(
                certificate
            );
            return rsaOfCertificate is not null ? IssuerKey.Of(rsaOfCertificate, null, null)
                : ecOfCertificate is not null ? IssuerKey.Of(ecOfCertificate, null, null)
                : null;
        }

        try
        {
            using var rsa = RSA.Create();
            rsa.ImportFromPem(block);
            return IssuerKey.Of(rsa, null, null);
        }
        catch (Exception problem) when (problem is CryptographicException or ArgumentException)
        {
            using var ec = ECDsa.Create(); // not RSA: what is not EC either is the caller's to report
            ec.ImportFromPem(block);
            return IssuerKey.Of(ec, null, null);
        }
    }
}
