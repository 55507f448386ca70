using System.Globalization;
using Broker.Tests.Redis;
using Shouldly;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>For each way in which Redis goes away: how long after it answers again the broker's steps, notes and channel work.</summary>
public sealed class ReconnectTests(ITestOutputHelper output)
{
    /// <summary>The aim is 1.2 s on a machine with nothing else to do.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    [Theory(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(20)]
    public async Task A_server_that_was_killed(int seconds)
    {
        await using var server = await RedisServer.Start();
        using var users = await SharedUsers.Start([server.Endpoint]);
        await server.Kill();
        await For(seconds);
        await server.Restart();
        await Works(users, server);
    }

    [Fact(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    public async Task A_server_that_was_not_there_at_the_start()
    {
        await using var server = await RedisServer.Start();
        await server.Kill();
        using var users = new SharedUsers([server.Endpoint]);
        await For(3);
        await server.Restart();
        await Works(users, server);
    }

    [Theory(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    [InlineData(3)]
    [InlineData(15)]
    public async Task A_server_that_stood_still(int seconds)
    {
        await using var server = await RedisServer.Start();
        using var users = await SharedUsers.Start([server.Endpoint]);
        server.Freeze();
        await For(seconds);
        server.Thaw();
        await Works(users, server);
    }

    /// <summary>
    /// New connections are answered all the while; that nothing comes back on these is known when a call ran out of time.
    /// </summary>
    /// <remarks>Where no call is made the client itself notices, a second after four time-outs.</remarks>
    [Fact(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    public async Task Connections_that_are_deaf_while_new_ones_are_good()
    {
        await using var server = await RedisServer.Start();
        await using var wire = new Wire(server.Port);
        using var users = await SharedUsers.Start([wire.Endpoint]);
        wire.Fault = WireFault.Drops;
        wire.Fault = WireFault.None;
        await Works(users, server, SharedUsers.CallTimeout, SharedUsers.CallTimeout * 5);
    }

    [Fact(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    public async Task Connections_that_are_deaf_and_so_are_new_ones_for_a_while()
    {
        await using var server = await RedisServer.Start();
        await using var wire = new Wire(server.Port);
        using var users = await SharedUsers.Start([wire.Endpoint]);
        wire.Fault = WireFault.Drops;
        await For(5);
        wire.Fault = WireFault.None;
        await Works(users, server);
    }

    [Fact(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    public async Task A_replica_that_was_promoted()
    {
        await using var redis = await Redises.Replicated();
        using var users = await SharedUsers.Start(redis.Endpoints);
        await redis.Servers[0].Kill();
        await For(3);
        await redis.Servers[1].Ask("REPLICAOF", "NO", "ONE");
        await Works(users, redis.Servers[1]);
    }

    [Fact(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    public async Task Two_servers_that_have_swapped_their_roles()
    {
        await using var redis = await Redises.Replicated();
        using var users = await SharedUsers.Start(redis.Endpoints);
        await redis.Servers[1].Ask("REPLICAOF", "NO", "ONE");
        await redis.Servers[0].Ask("REPLICAOF", "127.0.0.1", $"{redis.Servers[1].Port}");
        await Works(users, redis.Servers[1]);
    }

    [Theory(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_master_of_a_cluster_that_was_killed_or_stands_still(bool isKilled)
    {
        await using var redis = await Redises.Cluster(replicas: 1);
        using var users = await SharedUsers.Start(redis.Endpoints);
        var answers = await Task.WhenAll(redis.Servers.Select(Sets));
        var master = redis.Servers[Array.IndexOf(answers, "OK")];
        if (isKilled)
        {
            await master.Kill();
        }
        else
        {
            master.Freeze();
        }
        RedisServer? next = null;
        await Eventually.Holds(
            async () =>
            {
                foreach (var server in redis.Servers.Where(server => server != master))
                {
                    next = await Sets(server) == "OK" ? server : next;
                }
                return next is not null;
            },
            "another node is the slot's master"
        );
        await Works(users, next!);
    }

    [Fact(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    public async Task A_password_that_was_changed()
    {
        await using var server = await RedisServer.Start();
        using var users = await SharedUsers.Start([server.Endpoint]);
        await server.Ask("CONFIG", "SET", "requirepass", "another");
        server.Password = "another";
        await server.Ask("CLIENT", "KILL", "TYPE", "normal");
        await server.Ask("CLIENT", "KILL", "TYPE", "pubsub");
        await For(3);
        users.Use("another");
        await Works(users, server);
    }

    private static Task For(int seconds) => Task.Delay(TimeSpan.FromSeconds(seconds));

    private static Task<string> Sets(RedisServer server) => server.Ask("SET", SharedUsers.Key, "");

    /// <param name="users">Who use Redis.</param>
    /// <param name="server">Whom a word is published at.</param>
    /// <param name="unnoticed">How long who calls could not know.</param>
    /// <param name="unnoticedIdle">How long who only listens could not know.</param>
    private async Task Works(SharedUsers users, RedisServer server, TimeSpan unnoticed = default, TimeSpan unnoticedIdle = default)
    {
        foreach (var (what, after, isIdle) in await users.WorkAgain(server))
        {
            var test = TestContext.Current.Test!.TestDisplayName;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{test} | {what} | {after.TotalSeconds:0.00}"));
            after.ShouldBeLessThan(Longest + (isIdle ? unnoticedIdle : unnoticed), what);
        }
    }
}
