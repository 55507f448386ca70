using Broker.Credentials;
using Broker.Tests.Redis;
using Broker.TokenService;
using Policies;
using Shouldly;
using Xunit;
using static Broker.Tests.TokenService.LedgerReplica;

namespace Broker.Tests.TokenService;

/// <summary>Refresh tokens, failed logins and an upstream's users over replicas and a real Redis that answers.</summary>
public sealed class SharedRotationTests(SharedRedis redis) : IClassFixture<SharedRedis>, IDisposable
{
    private readonly string prefix = SharedRedis.NewPrefix();
    private readonly List<LedgerReplica> replicas = [];

    public void Dispose() => replicas.ForEach(replica => replica.Dispose());

    [Fact]
    public async Task A_use_counts_once_for_all_and_within_the_grace_each_replica_gives_the_same_successor()
    {
        var (one, other) = (await New(), await New());
        var line = await Line(one);

        (await one.Ledgers.Rotation.Use(Use(line, 0, "first"), default)).ShouldBe(new(RotationVerdict.First, "first"));
        (await other.Ledgers.Rotation.Use(Use(line, 0, "another"), default)).ShouldBe(new(RotationVerdict.WithinGrace, "first"));
        (await other.Ledgers.Rotation.Use(Use(line, 1, "second"), default)).ShouldBe(new(RotationVerdict.First, "second"));
        // the grace closed when its successor was used
        (await one.Ledgers.Rotation.Use(Use(line, 0, "another"), default)).ShouldBe(new(RotationVerdict.Reused, null));
        (await one.Ledgers.Rotation.Use(Use(line, 7, "another"), default)).ShouldBe(new(RotationVerdict.UnknownFamily, null));
        (await one.Ledgers.Rotation.Use(Use("a line of nobody", 0, "another"), default)).ShouldBe(new(RotationVerdict.UnknownFamily, null));
    }

    [Fact]
    public async Task After_the_grace_a_second_use_is_reuse()
    {
        var one = await New();
        var line = await Line(one);
        var use = Use(line, 0, "first") with { Grace = TimeSpan.Zero };
        (await one.Ledgers.Rotation.Use(use, default)).Verdict.ShouldBe(RotationVerdict.First);

        (await one.Ledgers.Rotation.Use(use, default)).Verdict.ShouldBe(RotationVerdict.Reused);
    }

    [Fact]
    public async Task A_line_outlives_the_ring_of_keys_that_its_successors_were_sealed_under()
    {
        var (one, later) = (await New(), await New(new() { Ring = [new("second", SecondKey)] }));
        var line = await Line(one);
        await one.Ledgers.Rotation.Use(Use(line, 0, "first"), default);

        // it cannot read what was answered
        (await later.Ledgers.Rotation.Use(Use(line, 0, "another"), default)).ShouldBe(new(RotationVerdict.UnknownFamily, null));
        (await later.Ledgers.Rotation.Use(Use(line, 1, "second"), default)).ShouldBe(new(RotationVerdict.First, "second"));
    }

    [Fact]
    public async Task Nobody_makes_the_grace_longer_in_redis()
    {
        var (one, later) = (await New(), await New(new() { Ahead = TimeSpan.FromMinutes(2) }));
        var line = await Line(one);
        (await one.Ledgers.Rotation.Use(Use(line, 0, "first"), default)).Verdict.ShouldBe(RotationVerdict.First);
        await redis.Server.Ask("HSET", await redis.Server.Ask("KEYS", prefix + ":*line*"), "g", "8999999999999999");

        (await later.Ledgers.Rotation.Use(Use(line, 0, "stolen"), default)).ShouldBe(new(RotationVerdict.Reused, null));
    }

    [Fact]
    public async Task Of_many_uses_at_once_over_three_replicas_one_is_the_first_and_all_get_its_successor()
    {
        LedgerReplica[] all = [await New(), await New(), await New()];
        var line = await Line(all[0]);

        var answers = await Task.WhenAll(
            Enumerable.Range(0, 60).Select(i => all[i % 3].Ledgers.Rotation.Use(Use(line, 0, $"successor {i}"), default).AsTask())
        );

        answers
            .CountBy(answer => answer.Verdict)
            .OrderBy(pair => pair.Key)
            .ShouldBe([new(RotationVerdict.First, 1), new(RotationVerdict.WithinGrace, 59)]);
        answers.Select(answer => answer.Successor).Distinct().ShouldHaveSingleItem().ShouldNotBeNull();
    }

    [Theory]
    [InlineData("turned back")]
    [InlineData("of another line")]
    [InlineData("damaged")]
    [InlineData("gone")]
    public async Task A_line_that_the_brokers_did_not_write_so_gives_no_successor(string kind)
    {
        var one = await New();
        var (line, other) = (await Line(one), await Line(one));
        await one.Ledgers.Rotation.Use(Use(line, 0, "first"), default);
        await one.Ledgers.Rotation.Use(Use(line, 1, "second"), default);
        var keys = (await redis.Server.Ask("KEYS", prefix + ":*line*")).Split('\n');
        var key = await redis.Server.Ask("HGET", keys[0], "n") == "2" ? keys[0] : keys[1];
        await (
            kind switch
            {
                "turned back" => redis.Server.Ask("HSET", key, "n", "0"),
                "of another line" => redis.Server.Ask("COPY", keys.Single(name => name != key), key, "REPLACE"),
                "damaged" => redis.Server.Ask("HSET", key, "b", "nonsense"),
                _ => redis.Server.Ask("DEL", key),
            }
        );

        (await one.Ledgers.Rotation.Use(Use(line, kind == "damaged" ? 2 : 0, "stolen"), default)).ShouldBe(
            new(RotationVerdict.UnknownFamily, null)
        );
        other.ShouldNotBe(line);
    }

    [Fact]
    public async Task Failed_logins_count_over_replicas_and_a_success_at_one_breaks_the_row_of_all()
    {
        var (one, other) = (await New(), await New());
        for (var i = 0; i < 5; i++)
        {
            (await one.Ledgers.Attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue();
            (await other.Ledgers.Attempts.Begin("Alice ", "1", default)).MayTry.ShouldBeTrue();
        }

        var waits = await one.Ledgers.Attempts.Begin("alice", "1", default);
        waits.MayTry.ShouldBeFalse();
        waits.Wait.ShouldBeInRange(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(10));
        (await one.Ledgers.Attempts.Look("alice", "1", default)).MayTry.ShouldBeFalse(); // and a remembered password waits as well
        (await one.Ledgers.Attempts.Begin("alice", "2", default)).MayTry.ShouldBeTrue();

        await other.Ledgers.Attempts.Succeeded("alice", "1", wasBegun: true, default);
        var fresh = await New();
        for (var i = 0; i < 10; i++)
        {
            (await fresh.Ledgers.Attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue();
        }

        (await other.Ledgers.Attempts.Begin("alice", "1", default)).MayTry.ShouldBeFalse();
    }

    [Fact]
    public async Task What_was_withdrawn_does_not_count_anywhere_and_a_forged_wait_is_no_lock_out()
    {
        var (one, other) = (await New(), await New());
        for (var i = 0; i < 30; i++)
        {
            (await one.Ledgers.Attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue();
            await one.Ledgers.Attempts.Withdraw("alice", "1", default);
        }

        await one.Ledgers.Attempts.Begin("alice", "1", default);
        var key = await redis.Server.Ask("KEYS", prefix + ":tries:*");
        await redis.Server.Ask(
            "HSET",
            key,
            (await redis.Server.Ask("HKEYS", key)).Split('\n').Single(name => name != "@"),
            "3:99999999999999:99999999999999"
        );
        (await other.Ledgers.Attempts.Begin("alice", "1", default)).Wait.ShouldBe(LocalLoginThrottle.Longest);
    }

    [Fact]
    public async Task Names_that_an_address_invents_take_bounded_room_set_no_guesser_free_and_share_one_count()
    {
        var (one, other) = (await New(), await New());
        for (var i = 0; i < LocalLoginThrottle.Free; i++)
        {
            (await one.Ledgers.Attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue();
        }

        for (var i = 0; i < LocalLoginThrottle.NamesApart + 100; i += 100)
        {
            await Task.WhenAll(
                Enumerable.Range(i, 100).Select(n => (n % 2 == 0 ? one : other).Ledgers.Attempts.Begin($"name {n}", "1", default).AsTask())
            );
        }

        var key = await redis.Server.Ask("KEYS", prefix + ":tries:*");
        int.Parse(await redis.Server.Ask("HLEN", key), System.Globalization.CultureInfo.InvariantCulture)
            .ShouldBeLessThanOrEqualTo(LocalLoginThrottle.NamesApart + 2);
        var fresh = await New();
        (await fresh.Ledgers.Attempts.Begin("alice", "1", default)).MayTry.ShouldBeFalse();
        (await fresh.Ledgers.Attempts.Begin("yet another", "1", default)).MayTry.ShouldBeFalse();
        (await fresh.Ledgers.Attempts.Begin("name 0", "1", default)).MayTry.ShouldBeTrue(); // counted apart
        (await fresh.Ledgers.Attempts.Begin("yet another", "2", default)).MayTry.ShouldBeTrue();
    }

    [Fact]
    public async Task An_upstreams_user_who_logged_in_at_one_replica_is_known_at_another_and_his_new_rights_are_heard()
    {
        var (one, other) = (await New(), await New());
        await one.Ledgers.Users.Keep(User("1"));

        (await other.Ledgers.Users.Recall("hive.17")).ShouldBeTrue();
        var found = other.Ledgers.Users.Find("hive.17").ShouldNotBeNull();
        (found.RefreshToken, found.Permissions.Networks.Contains("1"), found.Permissions.Devices.IsEverything).ShouldBe(
            ("a refresh token of his own", true, true)
        );
        (await other.Ledgers.Users.Recall("hive.18")).ShouldBeTrue();
        other.Ledgers.Users.Find("hive.18").ShouldBeNull();

        await one.Ledgers.Users.Keep(User("2"));
        await Soon(() => other.Ledgers.Users.Find("hive.17")?.Permissions.Networks.Contains("2") == true, "his new rights are known");

        await one.Ledgers.Users.Drop("hive.17");
        var late = await New();
        (await late.Ledgers.Users.Recall("hive.17")).ShouldBeTrue();
        late.Ledgers.Users.Find("hive.17").ShouldBeNull();
    }

    [Fact]
    public async Task A_dump_holds_no_token_no_name_and_no_id_and_the_scan_would_have_found_one()
    {
        var one = await New();
        var line = await Line(one);
        await one.Ledgers.Rotation.Use(Use(line, 0, "successor-secret"), default);
        await one.Ledgers.Users.Keep(User("1"));
        await one.Revocations.Revoke("token-secret", In(TimeSpan.FromMinutes(5)), default);
        await one.Revocations.RevokeAllOf("key:alice-secret", default);
        await one.Ledgers.Attempts.Begin("bob-secret", "1", default);
        await redis.Server.Ask("SET", prefix + ":control", "control-secret");

        var dump = new System.Text.StringBuilder();
        foreach (var key in (await redis.Server.Ask("KEYS", prefix + ":*")).Split('\n'))
        {
            dump.Append(key)
                .Append(
                    await redis.Server.Ask("TYPE", key) switch
                    {
                        "string" => await redis.Server.Ask("GET", key),
                        "hash" => await redis.Server.Ask("HGETALL", key),
                        "list" => await redis.Server.Ask("LRANGE", key, "0", "-1"),
                        _ => await redis.Server.Ask("ZRANGE", key, "0", "-1"),
                    }
                );
        }

        dump.ToString().ShouldContain("control-secret");
        dump.Replace("control-secret", "");
        foreach (var secret in new[] { "secret", "a refresh token of his own", "hive", line, "alice", "bob" })
        {
            dump.ToString().ShouldNotContain(secret);
        }
    }

    private static UpstreamUser User(string network) =>
        new(
            "hive",
            17,
            new(Selection.Of("GetDevice"), Selection.Of(network), Selection.Of("3"), Selection.Everything),
            "a refresh token of his own",
            In(TimeSpan.FromDays(1))
        );

    private static RefreshUse Use(string line, int place, string successor) =>
        new(line, place, successor, TimeSpan.FromMinutes(1), In(TimeSpan.FromDays(1)));

    private static async Task<string> Line(LedgerReplica replica) =>
        (await replica.Ledgers.Rotation.Begin(In(TimeSpan.FromDays(1)), default)).ShouldNotBeNull();

    private async Task<LedgerReplica> New(LedgerReplica.Settings? settings = null)
    {
        var replica = new LedgerReplica(redis.Server.Endpoint, prefix, settings);
        replicas.Add(replica);
        return await replica.Ready();
    }
}
