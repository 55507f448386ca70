using System.Diagnostics;
using System.Text.Json.Nodes;
using Broker.Tests.Redis;
using Shouldly;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>
/// A real Cluster of three masters that talks TLS, to each other too, with a password and certificates of an authority of its own.
/// </summary>
internal sealed class TlsCluster : IAsyncDisposable
{
    public const string Password = "the-password-of-the-cluster";

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("broker-tls-cluster-");
    private readonly List<(RedisServer Server, int Port)> nodes = [];

    public IEnumerable<RedisServer> Servers => nodes.Select(node => node.Server);

    /// <param name="replicas">Of each master.</param>
    /// <param name="host">The name in every certificate.</param>
    /// <param name="announced">The name that nodes announce, if they do.</param>
    public static async Task<TlsCluster> Start(int replicas = 0, string host = "127.0.0.1", string? announced = null)
    {
        var cluster = new TlsCluster();
        using (var authority = new TestAuthority("broker tests"))
        using (var other = new TestAuthority("somebody else"))
        {
            authority.Write(cluster.At("ca.pem"));
            authority.Certify(cluster.At("node.pem"), cluster.At("node.key"), false, host);
            other.Certify(cluster.At("other.pem"), cluster.At("other.key"), false, host);
        }
        await File.WriteAllTextAsync(cluster.At("password"), Password);
        for (var i = 0; i < 3 * (1 + replicas); i++)
        {
            await cluster.Add(
                announced is null ? [] : ["--cluster-announce-hostname", announced, "--cluster-preferred-endpoint-type", "hostname"]
            );
        }
        await cluster.Create(replicas);
        return cluster;
    }

    public string EndpointOf(RedisServer server, string host = "127.0.0.1") => $"{host}:{nodes.Single(node => node.Server == server).Port}";

    /// <summary>A broker's section; it is told of these nodes, or of all.</summary>
    public JsonObject Section(params string[] endpoints)
    {
        var section = JsonNode
            .Parse(
                $$"""
                { "Tls": true, "TlsCa": { "File": "{{At("ca.pem")}}" }, "Password": { "File": "{{At("password")}}" },
                  "NamingKey": { "Env": "REDIS_NAMES" }, "Encryption": { "first": { "Env": "REDIS_KEY" } }, "CallTimeout": "00:00:03", "Poll": "00:00:00.200", "RecoveryDelay": "00:00:00.200" }
                """
            )!
            .AsObject();
        section["Endpoints"] = new JsonArray([
            .. (endpoints.Length > 0 ? endpoints : Servers.Select(server => EndpointOf(server))).Select(endpoint =>
                JsonValue.Create(endpoint)
            ),
        ]);
        return section;
    }

    /// <summary>The node of this role that has the one pair of a test.</summary>
    public async Task<RedisServer> OfThePair(string role = "master")
    {
        RedisServer? found = null;
        await Eventually.Holds(
            async () =>
            {
                foreach (var server in Servers)
                {
                    if (
                        (await server.Ask("KEYS", "*:pair")).Length > 0
                        && (await server.Ask("ROLE")).StartsWith(role, StringComparison.Ordinal)
                    )
                    {
                        found = server;
                    }
                }
                return found is not null;
            },
            $"a {role} has the pair"
        );
        return found!;
    }

    /// <summary>
    /// The node shows a certificate of another authority from now on, or the right one again; who is connected has to come back.
    /// </summary>
    public async Task Show(RedisServer server, bool isTrusted)
    {
        var name = isTrusted ? "node" : "other";
        (await server.Ask("CONFIG", "SET", "tls-cert-file", At(name + ".pem"), "tls-key-file", At(name + ".key"))).ShouldBe("OK");
        await server.Ask("CLIENT", "KILL", "TYPE", "normal");
        await server.Ask("CLIENT", "KILL", "TYPE", "pubsub");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (server, _) in nodes)
        {
            await server.DisposeAsync();
        }
        folder.Delete(recursive: true);
    }

    private string At(string file) => Path.Combine(folder.FullName, file);

    private async Task Add(string[] more)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                var port = TlsRedis.FreePort();
                nodes.Add(
                    (
                        await RedisServer.Start([
                            "--tls-port",
                            $"{port}",
                            "--tls-cert-file",
                            At("node.pem"),
                            "--tls-key-file",
                            At("node.key"),
                            "--tls-ca-cert-file",
                            At("ca.pem"),
                            "--tls-auth-clients",
                            "no",
                            "--tls-cluster",
                            "yes",
                            "--tls-replication",
                            "yes",
                            "--requirepass",
                            Password,
                            "--masterauth",
                            Password,
                            "--cluster-enabled",
                            "yes",
                            "--cluster-node-timeout",
                            "2000",
                            "--cluster-allow-replica-migration",
                            "no",
                            .. more,
                        ]),
                        port
                    )
                );
                return;
            }
            catch (InvalidOperationException) when (i < 5)
            {
                // Somebody took the port.
            }
        }
    }

    private async Task Create(int replicas)
    {
        using var create = Process.Start(
            new ProcessStartInfo(
                "redis-cli",
                [
                    "--tls",
                    "--insecure",
                    "-a",
                    Password,
                    "--no-auth-warning",
                    "--cluster",
                    "create",
                    .. Servers.Select(server => EndpointOf(server)),
                    "--cluster-replicas",
                    $"{replicas}",
                    "--cluster-yes",
                ]
            )
            {
                RedirectStandardOutput = true,
            }
        )!;
        await create.StandardOutput.ReadToEndAsync();
        await create.WaitForExitAsync();
        foreach (var server in Servers)
        {
            await Eventually.Holds(
                async () =>
                    (await server.Ask("CLUSTER", "INFO")).Contains("cluster_state:ok", StringComparison.Ordinal)
                    && await server.Ask("CLUSTER", "NODES") is var known
                    && !known.Contains("handshake", StringComparison.Ordinal)
                    && known.Split("slave").Length == (3 * replicas) + 1,
                "the Cluster stands"
            );
        }
    }
}
