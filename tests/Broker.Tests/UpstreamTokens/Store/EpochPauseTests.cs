using Broker.Tests.UpstreamTokens.Simulation;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;

namespace Broker.Tests.UpstreamTokens;

/// <summary>
/// After an epoch nobody spends a refresh token for as long as a holder of a newer pair takes to say so: the time in which he can.
/// </summary>
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
        wire = new(redis, bench.Clock);
        store = new(wire, new(), () => ++chance, "replica", bench.Clock);
        bench.Vault.Share(store);
        cell = bench.Cell(source: upstream.Source(), onlyOne: true);
    }

    private RecordKey Name => new(bench.Vault.Names.Name("identity", "one"), bench.Vault.Names.Name("identity", "one"));

    private TimeSpan Pause => store.Times.RecoveryDelay;

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
        wire.IsAway = false; // and nobody has said so yet

        var replaced = Replace(token);
        for (var passed = TimeSpan.Zero; passed < Pause * 0.7; passed += Step)
        {
            Pass(Step);
        }
        redis.Republish(Name, Newer(), store.Times.RefreshTokenTtl, null).ShouldBe(StoreOutcome.Done);
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
    public async Task Of_a_cluster_the_records_node_is_what_counts_whatever_the_others_answer()
    {
        wire.Spread();
        var token = await Fresh(cell);
        NewEpoch();
        Pass(Pause / 8);
        wire.IsAway = true;
        (await Replace(token)).Problem.ShouldNotBe(TokenProblem.None);
        for (var i = 0; i < 20; i++)
        {
            Pass(Pause / 10);
            store.Saw(StoreOutcome.Done);
        }
        wire.IsAway = false;

        var replaced = Replace(token);
        Pass(Pause / 2);
        replaced.IsCompleted.ShouldBeFalse();
        upstream.Refreshes.ShouldBe(0);
        for (var i = 0; i < 20; i++)
        {
            Pass(Pause / 10);
        }
        (await replaced).Problem.ShouldBe(TokenProblem.None);
    }

    [Fact]
    public void Time_without_an_absence_is_whole() => store.ThereFor(Pause).ShouldBe(Pause);

    [Fact]
    public void What_it_was_away_for_is_taken_off_from_the_last_answer_on()
    {
        store.Saw(StoreOutcome.Done);
        Pass(Step);
        store.Saw(StoreOutcome.Unknown);
        Pass(Pause);
        store.Saw(StoreOutcome.Done); // before anybody says that it is back
        Pass(Step);
        store.ThereFor(Pause * 2).ShouldBe(Pause - Step);
        store.ThereFor(Step * 3).ShouldBe(Step);
        store.ThereFor(Step / 2).ShouldBe(Step / 2);
        store.Back();
        store.ThereFor(Step * 3).ShouldBe(TimeSpan.Zero); // nothing was answered since
    }

    [Fact]
    public void Several_absences_are_each_taken_off_and_time_in_which_it_was_there_adds_up()
    {
        for (var i = 0; i < 40; i++)
        {
            store.Saw(StoreOutcome.Done);
            Pass(Step);
            store.Saw(StoreOutcome.Done);
            Lose(Pause);
        }
        store.ThereFor((Pause + Step) * 5).ShouldBe(Step * 5);
        var all = store.ThereFor((Pause + Step) * 40);
        all.ShouldBeInRange(Step * 10, Step * 40); // of old ones less is remembered: away for longer rather than for less
    }

    [Fact]
    public void Who_was_never_answered_before_counts_from_the_first_answer()
    {
        Lose(Pause);
        store.ThereFor(Pause * 100).ShouldBe(TimeSpan.Zero);
        Pass(Pause);
        store.ThereFor(Pause * 101).ShouldBe(Pause);
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

    private SharedPair Newer() =>
        redis.Read(Name).Pair.ShouldNotBeNull() with
        {
            FencingToken = redis.Now,
            Access = "newer",
            Refresh = "newer-refresh",
        };

    private Task<TokenResult> Replace(UpstreamToken token) => cell.Replace(token, 0, "s", None).AsTask();

    private void Pass(TimeSpan time)
    {
        pump.Pass(time);
        bench.Pass(time);
    }

    private sealed class Wire(SimulatedRedis redis, TimeProvider time) : AtOnce(redis)
    {
        private bool isSpread;

        public bool IsAway { get; set; }

        public override bool IsSpread => isSpread;

        public override Task<StoredState> Read(RecordKey name) => IsAway ? Task.FromResult(default(StoredState)) : base.Read(name);

        public override Task<StoredState> Take(RecordKey name, Attempt attempt, TimeSpan lease) =>
            IsAway ? Task.FromResult(default(StoredState)) : base.Take(name, attempt, lease);

        public override Task<Permission> Permit(BudgetAsk ask) => IsAway ? Task.FromResult(default(Permission)) : base.Permit(ask);

        public override Task Changed(RecordKey name, TimeSpan atMost) => Task.WhenAny(base.Changed(name, atMost), Task.Delay(atMost, time));

        public void Spread() => isSpread = true;
    }
}
