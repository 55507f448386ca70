using Broker.Tests.Redis;
using Shouldly;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>Whatever happens to Redis or to the wire: not one request fails while a live token exists, and no account is lost.</summary>
public sealed class RedisFaultsTests(FaultyRedis faulty, ITestOutputHelper output) : IClassFixture<FaultyRedis>
{
    private const string Back = "\"Id\":701";
    private const string Refuses = "\"Id\":703";

    private Staggered Accounts => faulty.Staggered;

    [Theory]
    [InlineData(100)]
    [InlineData(600)] // no answer comes in time
    public Task Latency(int milliseconds) =>
        Endures(() => faulty.Latency(TimeSpan.FromMilliseconds(milliseconds)), () => faulty.Latency(TimeSpan.Zero));

    [Theory]
    [InlineData(nameof(WireFault.Resets))]
    [InlineData(nameof(WireFault.Stalls))]
    [InlineData(nameof(WireFault.Drops))]
    [InlineData(nameof(WireFault.CutsAnswers))]
    public Task A_wire_that(string fault) => Endures(() => faulty.All(Enum.Parse<WireFault>(fault)), () => faulty.All(WireFault.None));

    [Fact]
    public Task A_redis_that_is_stopped() => Endures(faulty.Server.Freeze, faulty.Server.Thaw);

    [Fact]
    public async Task A_redis_that_has_become_read_only()
    {
        var told = faulty.Fleet.Brokers.Select(broker => Told(broker).Count).ToList();
        await Endures(() => faulty.Server.Ask("REPLICAOF", "127.0.0.1", "1"), () => faulty.Server.Ask("REPLICAOF", "NO", "ONE"));
        var since = faulty.Fleet.Brokers.Select((broker, i) => Told(broker)[told[i]..]).ToList();
        since.ShouldContain(lines => lines.Contains(Refuses));
        since.ShouldAllBe(lines => lines.Count(line => line == Refuses) <= 1, "a line a broker, not one a request");
        since.ShouldAllBe(
            lines => lines.Zip(lines.Skip(1)).All(two => two.First == Back || two.Second == Back),
            "none more until it is back"
        );
    }

    [Fact]
    public async Task A_redis_that_is_killed_and_restarted_empty()
    {
        var empty = await RedisServer.Start();
        await Endures(() => faulty.Server.Kill(), () => Done(() => faulty.Replace(empty)));
        (await empty.Ask("KEYS", "*:pair")).Split('\n').Length.ShouldBe(Accounts.Names.Count(), "every pair was told again");
    }

    [Fact]
    public async Task A_redis_that_is_restarted_from_an_old_snapshot()
    {
        faulty.Replace(await RedisServer.Start());
        await Accounts.Settled(faulty.Fleet);
        await Accounts.Renewed(Accounts.Grants(), accounts: 1);
        (await faulty.Server.Ask("SAVE")).ShouldBe("OK");
        await Accounts.Renewed(Accounts.Grants(), accounts: 2); // which the snapshot does not know
        await Endures(() => faulty.Server.Kill(), () => faulty.Server.Restart());
    }

    [Fact]
    public async Task A_failover_that_loses_an_acknowledged_write()
    {
        var primary = await RedisServer.Start();
        await using var between = new Wire(primary.Port);
        var replica = await RedisServer.Start("--replicaof", "127.0.0.1", $"{between.Port}");
        await Redises.IsReplicated(primary, replica);
        faulty.Replace(primary);
        await Eventually.Holds(
            async () => (await primary.Ask("KEYS", "*:pair")).Split('\n').Length == Accounts.Names.Count(),
            "every pair was told again"
        );
        // The next refresh is noted and the note replicated; while the call runs the replica is cut off, so that the commit is the
        // primary's alone.
        foreach (var name in Accounts.Names)
        {
            Accounts.Landscape[name].Faults.TokenDelay = TimeSpan.FromSeconds(1);
        }
        var (refreshes, before) = (Refreshes(), Accounts.Grants());
        await Eventually.Holds(() => Refreshes() > refreshes, "an account is refreshed");
        between.Fault = WireFault.Drops;
        var pairs = await Generations(primary);
        await Eventually.Holds(async () => (await Generations(primary)) != pairs, "the new pair is acknowledged");
        foreach (var name in Accounts.Names)
        {
            Accounts.Landscape[name].Faults.TokenDelay = TimeSpan.Zero;
        }
        await Endures(
            () => primary.Kill(),
            async () =>
            {
                await replica.Ask("REPLICAOF", "NO", "ONE");
                (await Generations(replica)).ShouldBe(pairs, "the write was lost");
                faulty.Replace(replica);
            },
            before
        );
    }

    /// <summary>What a broker said of Redis.</summary>
    private static List<string> Told(BrokerProcess broker) =>
        [
            .. broker
                .Log.Split('\n')
                .SelectMany(line => new[] { "\"Id\":700", Back, Refuses }.Where(word => line.Contains(word, StringComparison.Ordinal))),
        ];

    private static Task Done(Action action)
    {
        action();
        return Task.CompletedTask;
    }

    private static async Task<string> Generations(RedisServer server)
    {
        List<string> generations = [];
        foreach (var pair in (await server.Ask("KEYS", "*:pair")).Split('\n').Order(StringComparer.Ordinal))
        {
            generations.Add(await server.Ask("HGET", pair, "g"));
        }
        return string.Join(' ', generations);
    }

    private int Refreshes() => Accounts.Names.Sum(name => Accounts.Landscape[name].Refreshes);

    private Task Endures(Action begin, Action end) => Endures(() => Done(begin), () => Done(end));

    /// <summary>
    /// A fault that lasts until a renewal has met it and a second longer, under a steady stream of requests to every account at every
    /// broker.
    /// </summary>
    private async Task Endures(Func<Task> begin, Func<Task> end, Dictionary<string, int>? since = null)
    {
        try
        {
            await Accounts.Settled(faulty.Fleet);
            await Meets(begin, end, since);
        }
        catch (Exception)
        {
            output.WriteLine(faulty.Fleet.Told());
            throw;
        }
    }

    private async Task Meets(Func<Task> begin, Func<Task> end, Dictionary<string, int>? since)
    {
        await using var load = new Load(faulty.Fleet, Accounts.Names, TimeSpan.FromMilliseconds(150), Accounts);
        await load.Goes(Accounts.Names.Count() * 3);
        var before = Accounts.Grants();
        Accounts.Fault = (DateTimeOffset.UtcNow, DateTimeOffset.MaxValue - TimeSpan.FromDays(1));
        await begin();
        var met = await Accounts.MeetsARenewal(before);
        await Task.Delay(TimeSpan.FromSeconds(1));
        await end();
        Accounts.Fault = Accounts.Fault with { To = DateTimeOffset.UtcNow };
        await Accounts.Renewed(before, met);
        await Accounts.Renewed(since ?? before, accounts: 2);
        await load.Goes(Accounts.Names.Count() * 3);
        output.WriteLine($"met {met}; served {load.Served}; {Accounts.Told(load)}");
        load.Failed.Where(failure => failure.MustServe).ShouldBeEmpty();
        load.Failed.ShouldAllBe(failure =>
            failure.Status == 503 && (failure.Code == "upstream-token-unavailable" || failure.Code == "login-budget-spent")
        );
        foreach (var name in Accounts.Names)
        {
            var upstream = Accounts.Landscape[name];
            upstream.SentTwice().ShouldBe(0, name);
            upstream.MostLoginsIn(Staggered.Per * 0.75).ShouldBeLessThanOrEqualTo(Staggered.CanLogIn(name) ? Staggered.Permit : 0, name);
        }
    }
}
