using Broker.Tests.Redis;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;
using static Broker.Tests.UpstreamTokens.SharedRenewalTests;

namespace Broker.Tests.UpstreamTokens;

/// <summary>A primary with a replica: nothing is spent before the replica knows of it.</summary>
public sealed class ReplicatedRedisTests : IAsyncLifetime
{
    private readonly StrictUpstream upstream = new();
    private RedisServer primary = null!;
    private RedisServer replica = null!;
    private Replica broker = null!;

    public async ValueTask InitializeAsync()
    {
        primary = await RedisServer.Start();
        replica = await RedisServer.Start("--replicaof", "127.0.0.1", $"{primary.Port}");
        await Eventually(async () =>
            (await replica.Ask("INFO", "replication")).Contains("master_link_status:up", StringComparison.Ordinal)
        );
        // The link is up before commands flow: the primary waits for the replica's first word, which comes once a second.
        await primary.Ask("SET", "probe", "flows");
        await Eventually(async () => (await replica.Ask("GET", "probe")).Contains("flows", StringComparison.Ordinal));
        broker = new(primary.Endpoint, "p", new() { CallTimeout = TimeSpan.FromMilliseconds(600) });
    }

    public async ValueTask DisposeAsync()
    {
        broker.Dispose();
        await replica.DisposeAsync();
        await primary.DisposeAsync();
    }

    [Fact]
    public async Task A_note_is_done_when_the_replica_has_it()
    {
        var attempt = new Attempt(1, 2);
        await broker.Tokens.Take(broker.Name(), attempt, TimeSpan.FromSeconds(10));
        (
            await broker.Tokens.Note(
                broker.Name(),
                attempt,
                broker.Vault.Names.Name("d"),
                TimeSpan.FromSeconds(5),
                TimeSpan.FromSeconds(10)
            )
        ).ShouldBe(StoreOutcome.Done);
        (await replica.Ask("KEYS", "*:note")).ShouldNotBeEmpty();
    }

    [Fact]
    public async Task A_note_that_no_replica_confirms_is_withdrawn_and_nothing_is_spent()
    {
        var cell = broker.Cell(upstream.Source());
        var token = await Fresh(cell);
        replica.Freeze();
        TokenResult next = default;
        await Eventually(async () => (next = await cell.Replace(token, 0, "s", None)).Token is not null);
        // A rejected token has no time left: a login instead, which spends nothing that cannot be had again.
        (upstream.Logins, upstream.Refreshes).ShouldBe((2, 0));
        (await primary.Ask("KEYS", "*:note")).ShouldBeEmpty();
        replica.Thaw();
    }

    [Fact]
    public async Task While_no_replica_confirms_a_token_that_is_merely_due_is_left_as_it_is_and_one_near_its_end_is_got_by_a_login()
    {
        var clock = new AheadClock();
        using var ahead = new Replica(primary.Endpoint, "p", new() { CallTimeout = TimeSpan.FromMilliseconds(600), Clock = clock });
        var cell = ahead.Cell(upstream.Source(), times: LoneTokenTests.Times);
        var token = await Fresh(cell);
        replica.Freeze();
        clock.LeaveOf(token, LoneTokenTests.Due);
        (await cell.Renewer!.Run(cell, isRejection: false)).Problem.ShouldBe(TokenProblem.Unavailable);
        (upstream.Logins, upstream.Refreshes).ShouldBe((1, 0));
        (await primary.Ask("KEYS", "*:note")).ShouldBeEmpty();
        clock.LeaveOf(token, LoneTokenTests.NearEnd);
        await Eventually(async () => (await cell.Renewer!.Run(cell, isRejection: false)).Access is not null);
        clock.LeftOf(token).ShouldBeGreaterThan(LoneTokenTests.NearEnd / 2); // at once, and not in its last second
        (upstream.Logins, upstream.Refreshes).ShouldBe((2, 0));
    }

    [Theory]
    [InlineData(60_000, false)] // it may be back in a moment, or be the primary in another
    [InlineData(1, true)] // there is none any more
    public async Task A_replica_that_is_cut_off_is_one_for_a_while(int returnsWithin, bool isDone)
    {
        using var patient = new Replica(
            primary.Endpoint,
            "p",
            new() { CallTimeout = TimeSpan.FromMilliseconds(600), ReplicasReturn = TimeSpan.FromMilliseconds(returnsWithin) }
        );
        (await Noted(patient, new Attempt(1, 2))).ShouldBe(StoreOutcome.Done);
        await replica.Kill();
        await Eventually(async () => (await primary.Ask("INFO", "replication")).Contains("connected_slaves:0", StringComparison.Ordinal));
        (await Noted(patient, new Attempt(3, 4))).ShouldBe(isDone ? StoreOutcome.Done : StoreOutcome.NotReplicated);
    }

    private static async Task<StoreOutcome> Noted(Replica broker, Attempt attempt)
    {
        await broker.Tokens.Take(broker.Name(), attempt, TimeSpan.FromSeconds(10));
        var outcome = await broker.Tokens.Note(
            broker.Name(),
            attempt,
            broker.Vault.Names.Name("d"),
            TimeSpan.FromSeconds(5),
            TimeSpan.FromSeconds(10)
        );
        await broker.Tokens.Release(broker.Name(), attempt);
        return outcome;
    }
}
