using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>An authority of one's own, and the certificates that it gives to servers.</summary>
internal sealed class TestAuthority : IDisposable
{
    private readonly X509Certificate2 certificate;

    public TestAuthority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-3), DateTimeOffset.UtcNow.AddDays(3));
    }

    public void Write(string file) => File.WriteAllText(file, certificate.ExportCertificatePem());

    /// <param name="certificateFile">Where to write the certificate.</param>
    /// <param name="keyFile">Where to write its key.</param>
    /// <param name="isOver">Whether it has expired.</param>
    /// <param name="hosts">The names and addresses that it holds.</param>
    public void Certify(string certificateFile, string keyFile, bool isOver, params string[] hosts)
    {
        using var server = Certify(isOver, hosts);
        using var key = server.GetECDsaPrivateKey()!;
        File.WriteAllText(certificateFile, server.ExportCertificatePem());
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>The same with its key, for a server in this process.</summary>
    public X509Certificate2 Certify(bool isOver, params string[] hosts)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=a server of the tests", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts)
        {
            if (IPAddress.TryParse(host, out var address))
            {
                names.AddIpAddress(address);
            }
            else
            {
                names.AddDnsName(host);
            }
        }

        request.CertificateExtensions.Add(names.Build());
        // A server's, and a client's: nodes of a Cluster are both to each other.
        request.CertificateExtensions.Add(
            new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], critical: false)
        );
        var now = DateTimeOffset.UtcNow;
        using var signed = request.Create(
            certificate,
            now.AddDays(-2),
            isOver ? now.AddDays(-1) : now.AddDays(2),
            RandomNumberGenerator.GetBytes(8)
        );
        using var whole = signed.CopyWithPrivateKey(key);
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null, X509KeyStorageFlags.Exportable);
    }

    public void Dispose() => certificate.Dispose();
}
