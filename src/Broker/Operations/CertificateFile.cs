using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Broker.Operations;

/// <summary>
/// A listener's certificate from files, with its chain; read again when the files change, and the last good one serves on.
/// </summary>
/// <remarks>Kestrel's own reload closes the listener and every connection on it; a renewed certificate is no reason for that.</remarks>
internal sealed class CertificateFile
{
    private readonly string path;
    private readonly string? keyPath;
    private readonly string? password;
    private readonly TimeSpan interval;
    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly Lock gate = new();
    private volatile SslStreamCertificateContext current;
    private byte[] digest;
    private long lookedAt;

    public CertificateFile(string path, string? keyPath, string? password, TimeSpan interval, TimeProvider time, ILogger logger)
    {
        (this.path, this.keyPath, this.password, this.interval, this.time, this.logger) = (path, keyPath, password, interval, time, logger);
        digest = Digest();
        current = Read();
        lookedAt = time.GetTimestamp();
    }

    /// <summary>What the next connection is served; looks at the files at most once an interval.</summary>
    public SslStreamCertificateContext Current
    {
        get
        {
            if (time.GetElapsedTime(Volatile.Read(ref lookedAt)) >= interval && gate.TryEnter())
            {
                try
                {
                    Look();
                }
                finally
                {
                    gate.Exit();
                }
            }

            return current;
        }
    }

    private void Look()
    {
        Volatile.Write(ref lookedAt, time.GetTimestamp());
        try
        {
            var now = Digest();
            if (now.AsSpan().SequenceEqual(digest))
            {
                return;
            }

            current = Read();
            digest = now; // only then: files that are half replaced are looked at again
            CertificateLog.Reloaded(logger, path);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or CryptographicException)
        {
            CertificateLog.Unreadable(logger, path, unreadable.GetType().Name);
        }
    }

    private byte[] Digest() => SHA256.HashData([.. File.ReadAllBytes(path), .. keyPath is null ? [] : File.ReadAllBytes(keyPath)]);

    private SslStreamCertificateContext Read()
    {
        if (X509Certificate2.GetCertContentType(path) == X509ContentType.Pkcs12)
        {
            return SslStreamCertificateContext.Create(
                X509CertificateLoader.LoadPkcs12FromFile(path, password),
                additionalCertificates: null,
                offline: true
            );
        }

        var leaf = password is null
            ? X509Certificate2.CreateFromPemFile(path, keyPath)
            : X509Certificate2.CreateFromEncryptedPemFile(path, password, keyPath);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(path);
        return SslStreamCertificateContext.Create(leaf, chain, offline: true);
    }
}

/// <summary>What becomes of certificate files (event ids 510-519).</summary>
internal static partial class CertificateLog
{
    [LoggerMessage(510, LogLevel.Information, "Certificate {Path} was replaced and is in use")]
    public static partial void Reloaded(ILogger logger, string path);

    [LoggerMessage(511, LogLevel.Error, "Certificate {Path} cannot be read ({Reason}): the last good one stays in use")]
    public static partial void Unreadable(ILogger logger, string path, string reason);
}
