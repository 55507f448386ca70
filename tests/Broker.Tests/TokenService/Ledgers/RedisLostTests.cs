using Broker.Configuration;
using Broker.Credentials;
using Broker.Tests.Redis;
using Broker.TokenService;
using Shouldly;
using Xunit;
using static Broker.Tests.TokenService.LedgerReplica;

namespace Broker.Tests.TokenService;

/// <summary>What was ended, and which refresh tokens were used, while Redis is away, comes back empty, or comes back from before.</summary>
public sealed class RedisLostTests : IAsyncLifetime
{
    private static readonly Settings Impatient = new()
    {
        UnknownAfter = TimeSpan.FromSeconds(2),
        CallTimeout = TimeSpan.FromMilliseconds(500),
    };

    private readonly List<LedgerReplica> replicas = [];
    private RedisServer server = null!;

    public async ValueTask InitializeAsync() => server = await RedisServer.Start();

    public async ValueTask DisposeAsync()
    {
        replicas.ForEach(replica => replica.Dispose());
        await server.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Without_a_word_of_redis_for_too_long_nobody_knows_and_what_is_known_to_be_ended_stays_so(bool isFrozen)
    {
        var one = await New(Impatient);
        await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default);
        await (isFrozen ? Freeze() : server.Kill());

        await Soon(() => one.Of("another") == RevocationStatus.Unknown, "it is not known what was ended");
        one.Of("token").ShouldBe(RevocationStatus.Revoked);

        await (isFrozen ? Thaw() : server.Restart());
        await one.Ready();
    }

    [Fact]
    public async Task A_replica_that_never_heard_of_redis_knows_nothing_unless_the_config_has_it_serve()
    {
        await server.Kill();
        var (one, serving) = (Add(new() { UnknownAfter = TimeSpan.FromMinutes(10) }), Add(new() { WhenUnknown = WhenUnknown.Serve }));

        one.Of("token").ShouldBe(RevocationStatus.Unknown);
        serving.Of("token").ShouldBe(RevocationStatus.Good);
        await serving.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default);
        serving.Of("token").ShouldBe(RevocationStatus.Revoked);

        await server.Restart();
        await one.Ready();
        await one.Hears("token");
    }

    [Fact]
    public async Task What_is_ended_while_redis_is_away_holds_here_at_once_is_not_confirmed_and_is_said_when_redis_is_back()
    {
        var (one, other) = (await New(), await New());
        await server.Kill();

        (await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default)).ShouldBeFalse();
        (await one.Revocations.RevokeAllOf("key:app", default)).ShouldBeFalse();
        one.Of("token").ShouldBe(RevocationStatus.Revoked);
        other.Of("token").ShouldBe(RevocationStatus.Good); // for UnknownAfter at most

        await server.Restart();
        await other.Hears("token");
        await Soon(() => other.Revocations.Of(Token("x")) == RevocationStatus.Revoked, "the caller's end is said as well");
    }

    [Fact]
    public async Task A_redis_that_lost_its_memory_is_told_again()
    {
        var (one, other) = (await New(), await New());
        for (var i = 0; i < 300; i++)
        {
            await (i % 2 == 0 ? one : other).Revocations.Revoke($"token {i}", In(TimeSpan.FromMinutes(5)), default);
        }

        await one.Revocations.RevokeAllOf("key:gone", default);
        await Task.WhenAll(one.Hears("token 299"), other.Hears("token 298"));
        await server.Kill();
        await server.Restart();

        var late = await New();
        await Soon(() => Enumerable.Range(0, 300).All(i => late.Of($"token {i}") == RevocationStatus.Revoked), "all is said again");
        await Soon(
            () => late.Revocations.GenerationOf("key:gone") == one.Revocations.GenerationOf("key:gone"),
            "the caller's generation too"
        );
    }

    [Fact]
    public async Task A_redis_that_was_emptied_while_it_ran_is_told_again()
    {
        var one = await New();
        await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default);
        await server.Ask("FLUSHALL");

        await (await New()).Hears("token");
    }

    [Fact]
    public async Task A_redis_from_an_old_snapshot_is_told_what_came_after_it()
    {
        var one = await New();
        await one.Revocations.Revoke("before", In(TimeSpan.FromMinutes(5)), default);
        await server.Ask("SAVE");
        await one.Revocations.Revoke("after", In(TimeSpan.FromDays(100)), default); // in a part that the snapshot has not
        await server.Kill();
        await server.Restart();

        var late = await New();
        await late.Hears("before");
        await late.Hears("after");
    }

    [Fact]
    public async Task Rotation_without_the_store_that_knows_says_so_and_one_that_lost_its_memory_refuses()
    {
        var (one, other) = (await New(), await New());
        var line = (await one.Ledgers.Rotation.Begin(In(TimeSpan.FromDays(1)), default))!;
        await server.Kill();

        (await one.Ledgers.Rotation.Use(Use(line, 0), default)).Verdict.ShouldBe(RotationVerdict.Unknown);
        (await one.Ledgers.Rotation.Begin(In(TimeSpan.FromDays(1)), default)).ShouldBeNull();

        await server.Restart();
        await Verdict(other, Use(line, 0), RotationVerdict.UnknownFamily);
    }

    [Fact]
    public async Task A_replica_that_starts_in_a_young_epoch_does_not_believe_that_it_knows_all()
    {
        var one = await New();
        await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default);
        var late = Add(new() { RecoveryDelay = TimeSpan.FromMinutes(5) });

        await late.Hears("token");
        late.Of("another").ShouldBe(RevocationStatus.Unknown);
    }

    [Fact]
    public async Task What_was_forgotten_by_a_clock_that_was_wrong_is_read_again_when_it_is_set_back()
    {
        var one = await New();
        await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default);
        await one.Revocations.RevokeAllOf("key:other", default); // it has read its own word
        one.Clock.Ahead = TimeSpan.FromDays(1);
        await one.Revocations.Revoke("another", In(TimeSpan.FromDays(2)), default);
        one.Of("token").ShouldNotBe(RevocationStatus.Revoked); // by this clock it is over, and so would the token be
        await Soon(() => one.Of("a third") == RevocationStatus.Good, "it has heard by this clock");

        one.Clock.Ahead = TimeSpan.Zero;

        await one.Hears("token");
    }

    [Fact]
    public async Task A_redis_whose_clock_was_set_back_is_believed_again_after_the_pause()
    {
        await (await New()).Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default);
        // as if the epoch had begun in a hundred years
        await server.Ask("HSET", await server.Ask("KEYS", "*:head"), "s", "5000000000000000");

        await (await New()).Hears("token");
    }

    [Fact]
    public async Task A_forged_entry_that_cannot_be_taken_out_is_not_passed_over_nor_asked_for_without_a_pause()
    {
        using (var one = await New(new() { IsDeaf = true, Poll = TimeSpan.FromHours(1) }))
        {
            await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default);
        }

        await server.Ask("LSET", await server.Ask("KEYS", "*part*"), "0", "nonsense");
        await server.Ask("CONFIG", "SET", "min-replicas-to-write", "1"); // nothing is written any more
        await server.Ask("CONFIG", "RESETSTAT");
        var from = Environment.TickCount64;
        var late = Add(new() { Poll = TimeSpan.FromMilliseconds(400) });
        await Soon(async () => await Calls() >= 20, "it has asked again and again");

        late.Of("another").ShouldBe(RevocationStatus.Unknown);
        (Environment.TickCount64 - from).ShouldBeGreaterThan(1000); // two calls each fifth of a second, and a probe now and then
        await server.Ask("CONFIG", "SET", "min-replicas-to-write", "0");
        await late.Ready();

        async Task<int> Calls() =>
            (await server.Ask("INFO", "commandstats"))
                .Split('\n')
                .Where(line => line.StartsWith("cmdstat_eval", StringComparison.Ordinal))
                .Sum(line => int.Parse(line.Split("calls=")[1].Split(',')[0], System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task An_epoch_is_young_until_every_replica_has_had_the_time_to_find_redis_again_and_say_what_it_knows()
    {
        var one = await New();
        await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default);
        var late = Add(
            new()
            {
                RecoveryDelay = TimeSpan.FromMilliseconds(1),
                CallTimeout = TimeSpan.FromSeconds(30),
                IsPauseWhole = true,
            }
        );
        var line = await Line(late);

        await late.Hears("token");
        late.Of("another").ShouldBe(RevocationStatus.Unknown);
        (await late.Ledgers.Rotation.Use(Use(line, 0), default)).Verdict.ShouldBe(RotationVerdict.Unknown);
    }

    [Fact]
    public async Task A_restart_of_redis_is_a_young_epoch_also_where_it_kept_its_memory()
    {
        var one = await New();
        await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default);
        await server.Ask("HSET", await server.Ask("KEYS", "*:head"), "s", "1000"); // as if it had run for ever
        await server.Ask("SAVE");
        await server.Kill();
        await server.Restart();
        var late = Add(new() { RecoveryDelay = TimeSpan.FromMinutes(5) });

        await late.Hears("token");
        late.Of("another").ShouldBe(RevocationStatus.Unknown);
    }

    [Fact]
    public async Task A_young_epoch_answers_no_use_for_a_replica_may_know_of_one_that_was_lost()
    {
        var one = await New(new() { RecoveryDelay = TimeSpan.FromMinutes(5) }, isReady: false);
        var line = await Line(one);

        (await one.Ledgers.Rotation.Use(Use(line, 0), default)).Verdict.ShouldBe(RotationVerdict.Unknown);
    }

    [Fact]
    public async Task A_restart_that_lost_no_use_loses_no_line()
    {
        var one = await New();
        var line = (await one.Ledgers.Rotation.Begin(In(TimeSpan.FromDays(1)), default))!;
        (await one.Ledgers.Rotation.Use(Use(line, 0), default)).Verdict.ShouldBe(RotationVerdict.First);
        await server.Ask("SAVE");
        await server.Kill();
        await server.Restart();

        await Verdict(one, Use(line, 1), RotationVerdict.First);
    }

    [Fact]
    public async Task An_old_snapshot_in_which_a_use_is_missing_ends_every_line_of_before_whoever_asks()
    {
        var (one, other) = (await New(), await New());
        var used = (await one.Ledgers.Rotation.Begin(In(TimeSpan.FromDays(1)), default))!;
        var idle = (await one.Ledgers.Rotation.Begin(In(TimeSpan.FromDays(1)), default))!;
        await server.Ask("SAVE");
        (await one.Ledgers.Rotation.Use(Use(used, 0), default)).Verdict.ShouldBe(RotationVerdict.First);
        await server.Kill();
        await server.Restart();

        await Verdict(other, Use(used, 0), RotationVerdict.UnknownFamily); // it is spent, and this Redis does not know
        await Verdict(other, Use(idle, 0), RotationVerdict.UnknownFamily);
        var line = (await other.Ledgers.Rotation.Begin(In(TimeSpan.FromDays(1)), default))!;
        (await one.Ledgers.Rotation.Use(Use(line, 0), default)).Verdict.ShouldBe(RotationVerdict.First);
    }

    [Fact]
    public async Task Failed_logins_go_on_being_counted_while_redis_is_away()
    {
        var one = await New(Impatient);
        for (var i = 0; i < 5; i++)
        {
            (await one.Ledgers.Attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue();
        }

        await server.Kill();
        for (var i = 0; i < 5; i++)
        {
            (await one.Ledgers.Attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue();
        }

        (await one.Ledgers.Attempts.Begin("alice", "1", default)).MayTry.ShouldBeFalse();
        (await one.Ledgers.Attempts.Begin("alice", "2", default)).MayTry.ShouldBeTrue();
    }

    [Fact]
    public async Task Failed_logins_that_redis_forgot_are_counted_on_from_what_a_replica_knows_but_a_row_that_was_broken_is_broken()
    {
        var (one, other, fresh) = (await New(), await New(), await New());
        for (var i = 0; i < LocalLoginThrottle.Free - 1; i++)
        {
            (await one.Ledgers.Attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue();
            (await one.Ledgers.Attempts.Begin("bob", "2", default)).MayTry.ShouldBeTrue();
        }

        await other.Ledgers.Attempts.Succeeded("bob", "2", wasBegun: true, default);
        (await one.Ledgers.Attempts.Begin("bob", "2", default)).MayTry.ShouldBeTrue();
        (await one.Ledgers.Attempts.Begin("bob", "2", default)).MayTry.ShouldBeTrue();
        await server.Ask("FLUSHALL");

        (await one.Ledgers.Attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue(); // the tenth
        (await fresh.Ledgers.Attempts.Begin("alice", "1", default)).MayTry.ShouldBeFalse();
        (await one.Ledgers.Attempts.Begin("bob", "2", default)).MayTry.ShouldBeTrue();
        (await one.Ledgers.Attempts.Begin("bob", "2", default)).MayTry.ShouldBeTrue();
    }

    [Fact]
    public async Task An_attempt_that_redis_did_not_count_is_not_taken_back_from_what_stands_there()
    {
        var one = await New();
        for (var i = 0; i < LocalLoginThrottle.Free - 1; i++)
        {
            (await one.Ledgers.Attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue();
        }

        await server.Ask("CONFIG", "SET", "min-replicas-to-write", "1"); // nothing is written any more
        (await one.Ledgers.Attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue();
        await server.Ask("CONFIG", "SET", "min-replicas-to-write", "0");
        await Soon(() => !one.Link.IsAway, "Redis is there again");
        await one.Ledgers.Attempts.Withdraw("alice", "1", default);

        var rows = await server.Ask("HVALS", await server.Ask("KEYS", "lost:tries:*"));
        rows.Split('\n').Single(row => row.Contains(':', StringComparison.Ordinal)).ShouldStartWith($"{LocalLoginThrottle.Free - 1}:");
    }

    private static RefreshUse Use(string line, int place) =>
        new(line, place, $"successor of {place}", TimeSpan.FromMinutes(1), In(TimeSpan.FromDays(1)));

    /// <summary>The verdict once there is one.</summary>
    private static async Task Verdict(LedgerReplica replica, RefreshUse use, RotationVerdict expected)
    {
        var answer = default(RotationAnswer);
        await Soon(
            async () => (answer = await replica.Ledgers.Rotation.Use(use, default)).Verdict != RotationVerdict.Unknown,
            "there is a verdict"
        );
        answer.Verdict.ShouldBe(expected);
    }

    private static async Task<string> Line(LedgerReplica replica)
    {
        string? line = null;
        await Soon(
            async () => (line = await replica.Ledgers.Rotation.Begin(In(TimeSpan.FromDays(1)), default)) is not null,
            "Redis answers"
        );
        return line!;
    }

    private Task Freeze()
    {
        server.Freeze();
        return Task.CompletedTask;
    }

    private Task Thaw()
    {
        server.Thaw();
        return Task.CompletedTask;
    }

    private LedgerReplica Add(Settings settings)
    {
        var replica = new LedgerReplica(server.Endpoint, "lost", settings);
        replicas.Add(replica);
        return replica;
    }

    private async Task<LedgerReplica> New(Settings? settings = null, bool isReady = true)
    {
        var replica = Add(settings ?? new() { RecoveryDelay = TimeSpan.FromSeconds(1) });
        return isReady ? await replica.Ready() : replica;
    }
}
