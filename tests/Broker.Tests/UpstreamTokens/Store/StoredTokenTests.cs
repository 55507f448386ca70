using System.Diagnostics;
using Broker.Tests.Redis;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;
using static Broker.Tests.UpstreamTokens.SharedRenewalTests;

namespace Broker.Tests.UpstreamTokens;

/// <summary>What another replica stored: for how long it is served, how soon it is seen, and by whom it is found.</summary>
public sealed class StoredTokenTests(SharedRedis redis) : IClassFixture<SharedRedis>, IDisposable
{
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan Less = TimeSpan.FromMinutes(10);

    private readonly string prefix = SharedRedis.NewPrefix();
    private readonly StrictUpstream upstream = new();
    private readonly List<Replica> replicas = [];

    public void Dispose() => replicas.ForEach(replica => replica.Dispose());

    [Theory]
    [InlineData("nothing")]
    [InlineData("its key")]
    [InlineData("Redis's clock")]
    [InlineData("the own clock")]
    [InlineData("its life")]
    public async Task It_is_served_for_the_smallest_of_what_key_and_clocks_leave_it(string less)
    {
        var (writer, cell) = (New(), New().Cell(upstream.Source()));
        var seen = await Take(writer, new(1, 1));
        var whole = Pair(seen, cell);
        await writer.Tokens.Commit(
            writer.Name(),
            new(1, 1),
            less switch
            {
                "Redis's clock" => whole with { EndsAt = whole.EndsAt - (long)(Life - Less).TotalMicroseconds },
                "the own clock" => whole with { EndsAtUtc = whole.EndsAtUtc - (Life - Less) },
                "its life" => whole with { Life = Less },
                _ => whole,
            },
            Life
        );
        if (less == "its key")
        {
            (await redis.Server.Ask("PEXPIRE", (await Pairs()).ShouldHaveSingleItem(), $"{Less.TotalMilliseconds}")).ShouldBe("1");
        }
        await writer.Tokens.Release(writer.Name(), new(1, 1));
        var token = await Fresh(cell);
        Value(token).ShouldBe("stored");
        var left = TimeProvider.System.GetElapsedTime(TimeProvider.System.GetTimestamp(), token.EndsAt);
        var most = less == "nothing" ? Life : Less;
        left.ShouldBeInRange(most - TimeSpan.FromMinutes(1), most + TimeSpan.FromSeconds(1));
        upstream.Calls.ShouldBe(0);
    }

    [Fact]
    public async Task Who_waits_and_misses_the_word_looks_for_himself_long_before_the_lease_ends()
    {
        var (writer, deaf) = (New(), New(new() { IsDeaf = true }));
        var cell = deaf.Cell(upstream.Source(), times: Replica.Quick with { TokenWaitTimeout = TimeSpan.FromMinutes(1) });
        await deaf.Tokens.Read(deaf.Name()); // its script is there from now on
        var seen = await Take(writer, new(1, 1));
        var before = await Looks();
        var waiting = cell.Get(None).AsTask();
        await Eventually(async () => await Looks() >= before + 2); // it waits, and has looked once more
        await writer.Tokens.Commit(writer.Name(), new(1, 1), Pair(seen, cell), Life);
        var stored = Stopwatch.StartNew();
        Value((await waiting).Token.ShouldNotBeNull()).ShouldBe("stored");
        stored.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5)); // a poll is 0.2 s, the lease a minute
        upstream.Calls.ShouldBe(0);
    }

    [Fact]
    public async Task Another_name_key_is_a_flush()
    {
        var token = Value(await Fresh(New().Cell(upstream.Source())));
        var other = Value(await Fresh(New(new() { NamingKey = "another name key, as long as the first" }).Cell(upstream.Source())));
        (other != token, upstream.Logins, upstream.Refreshes).ShouldBe((true, 2, 0));
        (await Pairs()).Length.ShouldBe(2);
        Value(await Fresh(New().Cell(upstream.Source()))).ShouldBe(token); // nothing of it was overwritten
        upstream.Calls.ShouldBe(2);
    }

    private static async Task<StoredState> Take(Replica writer, Attempt attempt)
    {
        var seen = await writer.Tokens.Take(writer.Name(), attempt, TimeSpan.FromMinutes(1));
        seen.Number.ShouldBePositive();
        return seen;
    }

    private static SharedPair Pair(StoredState seen, TokenCell cell) =>
        new()
        {
            FencingToken = seen.Number,
            Record = cell.Name,
            Access = "stored",
            Refresh = "r",
            Life = Life,
            EndsAt = seen.Now + (long)Life.TotalMicroseconds,
            EndsAtUtc = DateTimeOffset.UtcNow + Life,
            By = "writer",
        };

    private Replica New(Replica.Settings? settings = null)
    {
        var replica = new Replica(redis.Server.Endpoint, prefix, settings);
        replicas.Add(replica);
        return replica;
    }

    private async Task<string[]> Pairs() => (await redis.Server.Ask("KEYS", prefix + ":*:pair")).Split('\n');

    private async Task<long> Looks() =>
        (await redis.Server.Ask("INFO", "commandstats"))
            .Split('\n')
            .Where(line => line.StartsWith("cmdstat_eval", StringComparison.Ordinal))
            .Sum(line => long.Parse(line.Split("calls=")[1].Split(',')[0], System.Globalization.CultureInfo.InvariantCulture));
}
