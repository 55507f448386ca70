using Broker.Tests.Tokens.Simulation;
using Broker.Tokens;
using Broker.Tokens.Store;
using Shouldly;
using Xunit;
using static Broker.Tests.Tokens.CellBench;

namespace Broker.Tests.Tokens.Store;

/// <summary>After an epoch nobody spends a refresh token for as long as a holder of a newer pair takes to say so: the time in which he can.</summary>
public sealed class EpochPauseTests : IDisposable
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    private readonly Pump pump = new(1);
    private readonly CellBench bench = new();
    private readonly StrictUpstream upstream = new();
    private readonly SimulatedRedis redis;
    private readonly Wire wire;
    private readonly SharedStore store;
    private readonly TokenCell cell;

    public EpochPauseTests()
    {
        ulong chance = 0;
        redis = new(pump);
        wire = new(redis);
        store = new(wire, new(), () => ++chance, "replica", bench.Clock);
        bench.Vault.Share(store);
        cell = bench.Cell(source: upstream.Source(), onlyOne: true);
    }

    private StoreName Name => new(bench.Vault.Names.Name("identity", "one"), bench.Vault.Names.Name("identity", "one"));

    private TimeSpan Pause => store.Times.EpochPause;

    public void Dispose() => bench.Dispose();

    [Fact]
    public async Task What_redis_is_away_for_does_not_count()
    {
        var token = await Fresh(cell);
        NewEpoch();
        Pass(Pause / 8);
        wire.IsAway = true;
        (await Replace(token)).Problem.ShouldNotBe(TokenProblem.None);
        Pass(Pause * 2);
        wire.IsAway = false;
        wire.Return();

        var replaced = Replace(token);
        for (var passed = TimeSpan.Zero; passed < Pause * 0.9; passed += Step)
        {
            Pass(Step);
        }
        redis.Republish(Name, Newer(), store.Times.RefreshLives, null).ShouldBe(StoreOutcome.Done);
        Pass(store.Times.Poll);
        var result = await replaced;
        Value(result.Token.ShouldNotBeNull($"{result.Problem}")).ShouldBe("newer");
        upstream.Refreshes.ShouldBe(0);
    }

    [Fact]
    public async Task While_redis_is_there_it_counts_from_the_first_lease()
    {
        var token = await Fresh(cell);
        NewEpoch();
        Pass(Pause + Step);
        (await Replace(token)).Problem.ShouldBe(TokenProblem.None);
        (upstream.Logins, upstream.Refreshes).ShouldBe((1, 1));
    }

    [Fact]
    public void An_absence_after_the_pause_changes_nothing()
    {
        store.Saw(StoreOutcome.Done);
        Pass(Pause);
        store.Saw(StoreOutcome.Done);
        Lose(Pause * 3);
        store.EpochLeft(Pause * 4).ShouldBeLessThanOrEqualTo(TimeSpan.Zero);
    }

    [Fact]
    public void An_absence_within_the_pause_begins_it_anew_and_two_with_too_little_in_between_are_one()
    {
        store.Saw(StoreOutcome.Done);
        var age = Pause - Step;
        Pass(age);
        store.Saw(StoreOutcome.Done);
        for (var i = 0; i < 3; i++)
        {
            Lose(Pause * 3);
            age += Pause * 3;
            store.EpochLeft(age).ShouldBe(Pause);
            Pass(Pause - Step);
            age += Pause - Step;
            store.EpochLeft(age).ShouldBe(Step);
            store.Saw(StoreOutcome.Done);
        }
        Pass(Step);
        store.EpochLeft(age + Step).ShouldBe(TimeSpan.Zero);
        store.Saw(StoreOutcome.Done);
        Lose(Pause * 3);
        store.EpochLeft(age + Step + (Pause * 3)).ShouldBeLessThanOrEqualTo(TimeSpan.Zero);
    }

    [Fact]
    public void Who_was_never_answered_before_waits_for_the_whole_pause()
    {
        Lose(Pause);
        store.EpochLeft(Pause * 100).ShouldBe(Pause);
        Pass(Pause);
        store.EpochLeft(Pause * 101).ShouldBe(TimeSpan.Zero);
    }

    /// <summary>Of a Cluster other nodes answer while the record's is away.</summary>
    [Fact]
    public void Of_a_cluster_one_nodes_absence_is_enough()
    {
        wire.Spread();
        store.Saw(StoreOutcome.Done);
        store.Saw(StoreOutcome.Unknown);
        Pass(Pause * 3);
        store.Saw(StoreOutcome.Done);
        store.Back();
        store.EpochLeft(Pause * 3).ShouldBe(Pause);
    }

    private void Lose(TimeSpan away)
    {
        store.Saw(StoreOutcome.Unknown);
        Pass(away);
        store.Back();
    }

    /// <summary>Redis restarts, and another replica takes the first lease and gives it back.</summary>
    private void NewEpoch()
    {
        redis.Restart(isEmpty: false, back: 0);
        wire.Return();
        var other = new Attempt(7, 7);
        redis.Take(Name, other, store.Times.Lease).Number.ShouldBeGreaterThan(0);
        redis.Release(Name, other).ShouldBe(StoreOutcome.Done);
    }

    private SharedPair Newer() => redis.Read(Name).Pair.ShouldNotBeNull() with { Generation = redis.Now, Access = "newer", Refresh = "newer-refresh" };

    private Task<TokenResult> Replace(UpstreamToken token) => cell.Replace(token, 0, "s", None).AsTask();

    private void Pass(TimeSpan time)
    {
        pump.Pass(time);
        bench.Pass(time);
    }

    private sealed class Wire(SimulatedRedis redis) : AtOnce(redis)
    {
        private bool isSpread;

        public bool IsAway { get; set; }

        public override bool IsSpread => isSpread;

        public override Task<Seen> Read(StoreName name) => IsAway ? Task.FromResult(default(Seen)) : base.Read(name);

        public override Task<Seen> Take(StoreName name, Attempt attempt, TimeSpan lease) => IsAway ? Task.FromResult(default(Seen)) : base.Take(name, attempt, lease);

        public override Task<Permission> Permit(BudgetAsk ask) => IsAway ? Task.FromResult(default(Permission)) : base.Permit(ask);

        public void Spread() => isSpread = true;
    }
}
