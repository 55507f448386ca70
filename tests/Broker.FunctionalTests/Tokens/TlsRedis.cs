using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Broker.Tests.Redis;

namespace Broker.FunctionalTests.Tokens;

/// <summary>A real Redis that talks TLS, with a certificate of an authority of its own, and asks for a password.</summary>
internal sealed class TlsRedis : IAsyncDisposable
{
    public const string FirstPassword = "first-password-of-redis";

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("broker-tls-");

    public RedisServer Server { get; private set; } = null!;

    public int TlsPort { get; private set; }

    /// <summary>The authority, and another that Redis's certificate is not of.</summary>
    public string CaFile => Path.Combine(folder.FullName, "ca.pem");

    public string OtherCaFile => Path.Combine(folder.FullName, "other.pem");

    public string PasswordFile => Path.Combine(folder.FullName, "password");

    /// <param name="host">The name in its certificate; an address when it is one.</param>
    /// <param name="isOver">Whether its certificate has expired.</param>
    public static async Task<TlsRedis> Start(string host = "127.0.0.1", bool isOver = false)
    {
        var redis = new TlsRedis();
        redis.WriteCertificates(host, isOver);
        await File.WriteAllTextAsync(redis.PasswordFile, FirstPassword);
        for (var i = 0; ; i++)
        {
            try
            {
                redis.TlsPort = FreePort();
                redis.Server = await RedisServer.Start(
                    "--tls-port", $"{redis.TlsPort}", "--tls-cert-file", redis.At("server.pem"), "--tls-key-file", redis.At("server.key"),
                    "--tls-ca-cert-file", redis.CaFile, "--tls-auth-clients", "no", "--requirepass", FirstPassword);
                return redis;
            }
            catch (InvalidOperationException) when (i < 5)
            {
                // Somebody took the port.
            }
        }
    }

    public JsonObject Section() => JsonNode.Parse($$"""
        { "Endpoints": [ "127.0.0.1:{{TlsPort}}" ], "Tls": true, "TlsCa": { "File": "{{CaFile}}" }, "Password": { "File": "{{PasswordFile}}" },
          "NameKey": { "Env": "REDIS_NAMES" }, "Encryption": { "first": { "Env": "REDIS_KEY" } }, "CallTimeout": "00:00:03", "Poll": "00:00:00.200", "EpochPause": "00:00:00.200" }
        """)!.AsObject();

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        folder.Delete(recursive: true);
    }

    private string At(string file) => Path.Combine(folder.FullName, file);

    private void WriteCertificates(string host, bool isOver)
    {
        using var authority = Authority("broker tests");
        using var other = Authority("somebody else");
        File.WriteAllText(CaFile, authority.ExportCertificatePem());
        File.WriteAllText(OtherCaFile, other.ExportCertificatePem());
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=redis", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(host, out var address))
        {
            names.AddIpAddress(address);
        }
        else
        {
            names.AddDnsName(host);
        }
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], critical: false));
        var now = DateTimeOffset.UtcNow;
        using var server = request.Create(authority, now.AddDays(-2), isOver ? now.AddDays(-1) : now.AddDays(2), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(At("server.pem"), server.ExportCertificatePem());
        File.WriteAllText(At("server.key"), key.ExportPkcs8PrivateKeyPem());
    }

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, false, 0, critical: true));
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-3), DateTimeOffset.UtcNow.AddDays(3));
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
