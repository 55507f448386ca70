using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Broker.Tests.Redis;

namespace Broker.FunctionalTests.UpstreamTokens;

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
        using (var authority = new TestAuthority("broker tests"))
        using (var other = new TestAuthority("somebody else"))
        {
            authority.Write(redis.CaFile);
            other.Write(redis.OtherCaFile);
            authority.Certify(redis.At("server.pem"), redis.At("server.key"), isOver, host);
        }
        await File.WriteAllTextAsync(redis.PasswordFile, FirstPassword);
        for (var i = 0; ; i++)
        {
            try
            {
                redis.TlsPort = FreePort();
                redis.Server = await RedisServer.Start(
                    "--tls-port",
                    $"{redis.TlsPort}",
                    "--tls-cert-file",
                    redis.At("server.pem"),
                    "--tls-key-file",
                    redis.At("server.key"),
                    "--tls-ca-cert-file",
                    redis.CaFile,
                    "--tls-auth-clients",
                    "no",
                    "--requirepass",
                    FirstPassword
                );
                return redis;
            }
            catch (InvalidOperationException) when (i < 5)
            {
                // Somebody took the port.
            }
        }
    }

    public JsonObject Section() =>
        JsonNode
            .Parse(
                $$"""
                { "Endpoints": [ "127.0.0.1:{{TlsPort}}" ], "Tls": true, "TlsCa": { "File": "{{CaFile}}" }, "Password": { "File": "{{PasswordFile}}" },
                  "NamingKey": { "Env": "REDIS_NAMES" }, "Encryption": { "first": { "Env": "REDIS_KEY" } }, "CallTimeout": "00:00:03", "Poll": "00:00:00.200", "RecoveryDelay": "00:00:00.200" }
                """
            )!
            .AsObject();

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        folder.Delete(recursive: true);
    }

    private string At(string file) => Path.Combine(folder.FullName, file);

    internal static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
