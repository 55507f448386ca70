using Broker.Tests.UpstreamTokens.Simulation;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;

namespace Broker.Tests.UpstreamTokens;

/// <summary>After an epoch everything that is held is told in time.</summary>
public sealed class RepublicationTests
{
    [Fact]
    public async Task Many_accounts_are_told_side_by_side()
    {
        using var bench = new CellBench();
        var store = await FortyAccounts(bench);
        store.Return();
        store.Asked.ShouldBe(32);
        store.Go.SetResult(StoreOutcome.Done);
        await SharedRenewalTests.Eventually(() => Task.FromResult(store.Asked == 40));
    }

    [Fact]
    public async Task Another_return_does_not_wait_for_what_the_one_before_has_not_been_answered()
    {
        using var bench = new CellBench();
        var store = await FortyAccounts(bench);
        store.Return();
        store.Return();
        store.Asked.ShouldBe(64);
        store.Go.SetResult(StoreOutcome.Done);
        await SharedRenewalTests.Eventually(() => Task.FromResult(store.Asked == 72)); // the first does not go on
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)] // another revision of the config got it
    public async Task What_stood_above_a_held_pair_takes_its_place_though_it_is_of_no_use_here(bool isOfThisConfig)
    {
        using var bench = new CellBench();
        var redis = new SimulatedRedis(new Pump(1));
        var store = new AtOnce(redis);
        ulong chance = 0;
        bench.Vault.Share(new(store, new(), () => ++chance, "replica", bench.Clock));
        var cell = bench.Cell(source: new StrictUpstream().Source(), onlyOne: true);
        var name = new RecordKey(bench.Vault.Names.Name("identity", "one"), bench.Vault.Names.Name("identity", "one"));
        var token = await CellBench.Fresh(cell);
        var first = redis.Read(name).Pair.ShouldNotBeNull();
        redis.Restart(isEmpty: false, back: 0);
        var other = new Attempt(7, 7);
        var taken = redis.Take(name, other, TimeSpan.FromSeconds(10));
        // Its end has come by this replica's clock, which is ahead.
        var above = first with
        {
            FencingToken = taken.Number,
            RunId = taken.Run,
            Access = "above",
            EndsAtUtc = default,
            Record = isOfThisConfig ? first.Record : bench.Vault.Names.Name("another"),
        };
        redis.Commit(name, other, above, null).ShouldBe(StoreOutcome.Done);
        redis.Settle(
            name,
            other,
            new(SpendIntentFate.Leave, default, TimeSpan.FromMinutes(1), TokenProblem.Unavailable, TimeSpan.FromMinutes(1), null)
        );
        redis.Release(name, other);
        (await cell.Replace(token, 0, "s", CellBench.None)).Token.ShouldBeNull();

        redis.Restart(isEmpty: true, back: 0);
        store.Return();

        redis.Read(name).Pair?.Access.ShouldBe(isOfThisConfig ? "above" : null);
        (redis.Read(name).Pair is not null).ShouldBe(isOfThisConfig);
    }

    [Fact]
    public async Task Who_saw_another_revisions_pair_end_takes_the_next_one_and_kills_it_with_no_login()
    {
        using var bench = new CellBench();
        var redis = new SimulatedRedis(new Pump(1));
        ulong chance = 0;
        bench.Vault.Share(new(new AtOnce(redis), new(), () => ++chance, "replica", bench.Clock));
        var upstream = new StrictUpstream();
        var cell = bench.Cell(source: upstream.Source(), onlyOne: true);
        var name = new RecordKey(bench.Vault.Names.Name("identity", "one"), bench.Vault.Names.Name("identity", "one"));
        var token = await CellBench.Fresh(cell);
        var first = redis.Read(name).Pair.ShouldNotBeNull();
        foreach (var (access, isOver) in new[] { ("another's", true), ("another's next", false) })
        {
            var other = new Attempt(7, 7);
            var taken = redis.Take(name, other, TimeSpan.FromSeconds(10));
            redis
                .Commit(
                    name,
                    other,
                    first with
                    {
                        FencingToken = taken.Number,
                        RunId = taken.Run,
                        Access = access,
                        Record = bench.Vault.Names.Name("another"),
                        EndsAtUtc = isOver ? default : first.EndsAtUtc,
                    },
                    null
                )
                .ShouldBe(StoreOutcome.Done);
            if (isOver)
            {
                redis.Settle(
                    name,
                    other,
                    new(SpendIntentFate.Leave, default, TimeSpan.FromMinutes(1), TokenProblem.Unavailable, TimeSpan.FromMinutes(1), null)
                );
                (await cell.Replace(token, 0, "s", CellBench.None)).Token.ShouldBeNull();
            }
            redis.Release(name, other);
        }
        bench.Pass(TimeSpan.FromSeconds(10)); // the cell's own quiet time
        var next = await cell.Replace(token, 0, "s", CellBench.None);
        CellBench.Value(next.Token.ShouldNotBeNull($"{next.Problem}")).ShouldBe("another's next");
        upstream.Logins.ShouldBe(1);
    }

    private static async Task<Holding> FortyAccounts(CellBench bench)
    {
        var store = new Holding(new SimulatedRedis(new Pump(1)));
        ulong chance = 0;
        bench.Vault.Share(new(store, new(), () => ++chance, "replica", bench.Clock));
        for (var i = 0; i < 40; i++)
        {
            await CellBench.Fresh(bench.Cell($"account-{i}", new ScriptedSource()));
        }
        return store;
    }

    private sealed class Holding(SimulatedRedis redis) : AtOnce(redis)
    {
        public TaskCompletionSource<StoreOutcome> Go { get; } = new();

        public int Asked { get; private set; }

        public override Task<StoreOutcome> Republish(
            RecordKey name,
            SharedPair? pair,
            TimeSpan? lives,
            SpendIntent? note,
            long? damaged = null
        )
        {
            Asked++;
            return Go.Task;
        }
    }
}
