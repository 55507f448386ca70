using System.Diagnostics;
using Broker.Tests.Redis;

namespace Broker.ReplicaTests;

/// <summary>
/// The forms in which Redis is run, each of real servers: alone, a primary with a replica, a Cluster of three masters with or without
/// replicas.
/// </summary>
internal sealed class Redises : IAsyncDisposable
{
    private readonly List<RedisServer> servers = [];

    private Redises() { }

    public IReadOnlyList<RedisServer> Servers => servers;

    public IEnumerable<string> Endpoints => servers.Select(server => server.Endpoint);

    public static async Task<Redises> Alone()
    {
        var redises = new Redises();
        redises.servers.Add(await RedisServer.Start());
        return redises;
    }

    /// <summary>The first is the primary.</summary>
    public static async Task<Redises> Replicated()
    {
        var redises = await Alone();
        var primary = redises.servers[0];
        redises.servers.Add(await RedisServer.Start("--replicaof", "127.0.0.1", $"{primary.Port}"));
        await IsReplicated(primary, redises.servers[1]);
        return redises;
    }

    /// <summary>Commands flow from one to the other.</summary>
    public static async Task IsReplicated(RedisServer primary, RedisServer replica)
    {
        // The link is up before commands flow: the primary waits for the replica's first word, which comes once a second.
        await Eventually.Holds(
            async () => (await replica.Ask("INFO", "replication")).Contains("master_link_status:up", StringComparison.Ordinal),
            "the replica has its primary"
        );
        await primary.Ask("SET", "probe", "flows");
        await Eventually.Holds(
            async () => (await replica.Ask("GET", "probe")).Contains("flows", StringComparison.Ordinal),
            "commands flow to the replica"
        );
        await primary.Ask("DEL", "probe");
    }

    /// <param name="replicas">Of each master.</param>
    /// <param name="more">Further arguments of each node.</param>
    public static async Task<Redises> Cluster(int replicas = 0, Func<int, string[]>? more = null)
    {
        var redises = new Redises();
        for (var i = 0; i < 3 * (1 + replicas); i++)
        {
            redises.servers.Add(
                await RedisServer.Start([
                    "--cluster-enabled",
                    "yes",
                    "--cluster-node-timeout",
                    "2000",
                    "--cluster-allow-replica-migration",
                    "no",
                    .. more?.Invoke(i) ?? [],
                ])
            );
        }
        using var create = Process.Start(
            new ProcessStartInfo(
                "redis-cli",
                ["--cluster", "create", .. redises.Endpoints, "--cluster-replicas", $"{replicas}", "--cluster-yes"]
            )
            {
                RedirectStandardOutput = true,
            }
        )!;
        await create.StandardOutput.ReadToEndAsync();
        await create.WaitForExitAsync();
        foreach (var server in redises.servers)
        {
            await Eventually.Holds(
                async () =>
                    (await server.Ask("CLUSTER", "INFO")).Contains("cluster_state:ok", StringComparison.Ordinal)
                    && await server.Ask("CLUSTER", "NODES") is var nodes
                    && !nodes.Contains("handshake", StringComparison.Ordinal)
                    && nodes.Count(letter => letter == '\n') >= redises.servers.Count - 1
                    && nodes.Split("slave").Length == (3 * replicas) + 1,
                "the Cluster stands"
            );
        }
        return redises;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in servers)
        {
            await server.DisposeAsync();
        }
    }
}
