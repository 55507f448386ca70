using Broker.Tests.Redis;
using Shouldly;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>
/// Three brokers on a Cluster of three masters with a replica each: a master is replaced or dies, and not one request fails while a live
/// token exists.
/// </summary>
public sealed class ClusterFailoverTests(ITestOutputHelper output) : IAsyncLifetime
{
    private readonly Staggered accounts = new();
    private Redises redis = null!;
    private Fleet fleet = null!;

    public async ValueTask InitializeAsync()
    {
        redis = await Redises.Cluster(replicas: 1);
        await accounts.Open();
        fleet = await Fleet.Start(accounts.Landscape, 3, redis.Endpoints);
        await accounts.Begin(fleet);
        await accounts.Settled(fleet);
    }

    public async ValueTask DisposeAsync()
    {
        await fleet.DisposeAsync();
        await redis.DisposeAsync();
        await accounts.DisposeAsync();
    }

    [Fact]
    public async Task A_replica_takes_over_and_later_a_master_dies()
    {
        await using var load = new Load(fleet, accounts.Names, TimeSpan.FromMilliseconds(150), accounts);
        await load.Goes(accounts.Names.Count() * 3);
        var before = accounts.Grants();
        foreach (var server in await With("slave"))
        {
            await server.Ask("CLUSTER", "FAILOVER", "TAKEOVER");
        }
        await accounts.Renewed(before, accounts: 2);

        before = accounts.Grants();
        var dead = (await With("master"))[0];
        await dead.Kill();
        await Eventually.Holds(
            async () => (await With("master", except: dead)).Count == 3,
            "the dead master's replica has taken its place"
        );
        await accounts.Renewed(before, accounts.Names.Count()); // those of the dead master among them
        await load.Goes(accounts.Names.Count() * 3);
        output.WriteLine($"served {load.Served}; {accounts.Told(load)}");
        load.Failed.Where(failure => failure.MustServe).ShouldBeEmpty();
        foreach (var name in accounts.Names)
        {
            accounts.Landscape[name].SentTwice().ShouldBe(0, name);
            accounts
                .Landscape[name]
                .MostLoginsIn(Staggered.Per * 0.75)
                .ShouldBeLessThanOrEqualTo(Staggered.CanLogIn(name) ? Staggered.Permit : 0, name);
        }
    }

    private async Task<List<RedisServer>> With(string role, RedisServer? except = null)
    {
        List<RedisServer> servers = [];
        foreach (var server in redis.Servers.Where(server => server != except))
        {
            if ((await server.Ask("ROLE")).StartsWith(role, StringComparison.Ordinal))
            {
                servers.Add(server);
            }
        }
        return servers;
    }
}
