using Broker.Tests.Redis;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;
using static Broker.Tests.UpstreamTokens.SharedRenewalTests;

namespace Broker.Tests.UpstreamTokens;

/// <summary>What an operator does beside replicas that hold the token.</summary>
public sealed class TokenDeskTests : IAsyncLifetime
{
    /// <summary>So patient that a busy machine is not taken for a Redis that is away.</summary>
    private static readonly Replica.Settings Patient = new()
    {
        CallTimeout = TimeSpan.FromSeconds(5),
        Times = new()
        {
            Lease = TimeSpan.FromSeconds(15),
            Poll = TimeSpan.FromMilliseconds(200),
            RecoveryDelay = TimeSpan.FromMilliseconds(500),
        },
    };

    private static readonly CellTimes Slow = Replica.Quick with
    {
        CallDeadline = TimeSpan.FromSeconds(60),
        TokenWaitTimeout = TimeSpan.FromSeconds(60),
    };

    private readonly StrictUpstream upstream = new();
    private readonly List<Replica> replicas = [];
    private RedisServer server = null!;

    public async ValueTask InitializeAsync() => server = await RedisServer.Start();

    public async ValueTask DisposeAsync()
    {
        replicas.ForEach(replica => replica.Dispose());
        await server.DisposeAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_was_taken_away_does_not_come_back_with_a_redis_that_lost_its_memory(bool isOfAnEarlierEpoch)
    {
        var holder = New();
        var cell = holder.Cell(upstream.Source(), times: Slow, logins: [new() { Permit = 1000, Per = TimeSpan.FromMilliseconds(500) }]);
        var old = Value(await Fresh(cell));
        if (isOfAnEarlierEpoch)
        {
            await server.Ask("SAVE");
            await Restart(holder);
        }
        (await Forget()).IsDone.ShouldBeTrue();
        await Eventually(() => Task.FromResult(cell.Held is null));
        await server.Ask("FLUSHALL");
        await server.Ask("SAVE");
        await Restart(holder);
        await Eventually(async () => (await server.Ask("KEYS", "*:pair")).Length > 0); // without a request
        (await holder.Tokens.Read(holder.Name())).Pair!.IsForgotten.ShouldBeTrue();
        await Eventually(async () => (await cell.Get(None)).Token is { } token && Value(token) != old);
        (upstream.Logins, upstream.Refreshes).ShouldBe((2, 0));
    }

    [Fact]
    public async Task A_replica_that_missed_the_word_does_not_bring_the_old_pair_back()
    {
        var holder = New();
        var cell = holder.Cell(upstream.Source(), times: Slow);
        var token = await Fresh(cell);
        await server.Ask("SAVE");
        await Restart(holder); // the pair is of an earlier epoch: a replica would republish it
        await server.Ask("CLIENT", "KILL", "TYPE", "pubsub");
        (await Forget()).IsDone.ShouldBeTrue();
        TokenResult next = default;
        // a connection was cut: for a moment Redis is away
        await Eventually(async () => (next = await cell.Replace(token, 0, "s", None)).Token is not null);
        Value(next.Token!).ShouldNotBe(Value(token));
        (upstream.Logins, upstream.Refreshes, upstream.Reused).ShouldBe((2, 0, 0));
    }

    [Fact]
    public async Task A_renewal_that_runs_is_waited_for_and_its_pair_is_taken_away_with_the_rest()
    {
        var holder = New();
        var cell = holder.Cell(upstream.Source(), times: Slow);
        var token = await Fresh(cell);
        var hold = upstream.Hold();
        var replace = cell.Replace(token, 0, "s", None).AsTask();
        await Eventually(async () => (await holder.Tokens.Read(holder.Name())).Note is not null);
        var forget = Forget();
        await Eventually(async () =>
            int.Parse(await server.Ask("PUBSUB", "NUMSUB", "p:changed").ContinueWith(text => text.Result.Split('\n')[1]), null) > 1
        );
        forget.IsCompleted.ShouldBeFalse("the lease is the renewal's");
        hold.SetResult();
        await replace;
        (await forget).IsDone.ShouldBeTrue();
        (await holder.Tokens.Read(holder.Name())).Pair!.IsForgotten.ShouldBeTrue();
        await Eventually(() => Task.FromResult(cell.Held is null));
        await Fresh(cell);
        (upstream.Logins, upstream.Refreshes, upstream.Reused).ShouldBe((2, 1, 0));
    }

    [Fact]
    public async Task An_account_that_can_only_refresh_does_not_send_its_first_token_again_after_its_pair_was_taken_away()
    {
        var holder = New();
        var first = upstream.Provision();
        var cell = holder.Cell(upstream.Source(canLogin: false, first), times: Slow);
        await Fresh(cell);
        var forgotten = await Desk(holder).Forget(cell);
        forgotten.IsDone.ShouldBeTrue();
        forgotten.Word.ShouldContain("its first refresh token is spent");
        await Eventually(() => Task.FromResult(cell.Held is null));

        (await cell.Get(None)).Token.ShouldBeNull();
        var second = upstream.Provision();
        var next = await Fresh(holder.Cell(upstream.Source(canLogin: false, second), secret: "second", times: Slow));

        upstream.IsLive(Value(next)).ShouldBeTrue();
        (upstream.Refreshes, upstream.Reused).ShouldBe((2, 0));
    }

    [Fact]
    public async Task A_pair_that_comes_late_is_void_against_what_was_taken_away()
    {
        var holder = New();
        await Fresh(holder.Cell(upstream.Source(), times: Slow));
        var before = await holder.Tokens.Read(holder.Name());
        (await Forget()).IsDone.ShouldBeTrue();
        var late = before.Pair! with { FencingToken = before.Pair!.FencingToken + 1 };
        (await holder.Tokens.Commit(holder.Name(), new(1, 2), late, null)).ShouldBe(StoreOutcome.Lost);
        (await holder.Tokens.Republish(holder.Name(), late with { RunId = "earlier" }, null, null)).ShouldBe(StoreOutcome.Done);
        (await holder.Tokens.Read(holder.Name())).Pair!.IsForgotten.ShouldBeTrue();
    }

    [Fact]
    public async Task Words_of_nobody_cost_a_look_and_no_renewal()
    {
        var holder = New();
        var cell = holder.Cell(upstream.Source(), times: Slow);
        var token = await Fresh(cell);
        for (var i = 0; i < 50; i++)
        {
            await holder.Tokens.AskToLook(holder.Name());
        }
        await server.Ask("PUBLISH", "p:changed", "look:");
        await server.Ask("PUBLISH", "p:changed", "look:" + new string('f', 32));
        await cell.Invalidate();
        (await Fresh(cell)).ShouldBe(token);
        (upstream.Logins, upstream.Refreshes).ShouldBe((1, 0));
    }

    [Fact]
    public async Task To_look_takes_neither_lease_nor_permit_and_names_an_account_of_another_revision()
    {
        await Fresh(New().Cell(upstream.Source()));
        var keys = await server.Ask("KEYS", "*");
        var desk = New();
        var status = (await Desk(desk).Look(desk.Cell(upstream.Source(), secret: "another")))!;
        (status.State, status.IsOfOtherConfig, status.IsBeingRenewed).ShouldBe(("live", true, false));
        (await server.Ask("KEYS", "*")).ShouldBe(keys);
        status.ToString().ShouldNotContain("secret");
    }

    private static TokenAdmin Desk(Replica replica) => new(new SharedTokenStore(replica.Link, replica.Tokens, replica.Vault.Shared!));

    private async Task<TokenAdminResult> Forget()
    {
        var operators = New("operator");
        var cell = operators.Cell(upstream.Source(), times: Slow);
        (await Desk(operators).Answers(cell, TimeSpan.FromSeconds(30))).ShouldBeTrue();
        return await Desk(operators).Forget(cell);
    }

    private async Task Restart(Replica holder)
    {
        await server.Kill();
        await server.Restart();
        await Eventually(async () => (await holder.Tokens.Read(holder.Name())).Outcome == StoreOutcome.Done);
    }

    private Replica New(string name = "replica")
    {
        var replica = new Replica(server.Endpoint, "p", Patient with { Name = name });
        replicas.Add(replica);
        return replica;
    }
}
