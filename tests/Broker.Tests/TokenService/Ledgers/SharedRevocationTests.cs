using System.Globalization;
using Broker.Configuration;
using Broker.Credentials;
using Broker.Tests.Redis;
using Shouldly;
using Xunit;
using static Broker.Tests.TokenService.LedgerReplica;

namespace Broker.Tests.TokenService;

/// <summary>What was ended, over replicas and a real Redis that answers.</summary>
public sealed class SharedRevocationTests(SharedRedis redis) : IClassFixture<SharedRedis>, IDisposable
{
    private readonly string prefix = SharedRedis.NewPrefix();
    private readonly List<LedgerReplica> replicas = [];

    public void Dispose() => replicas.ForEach(replica => replica.Dispose());

    [Fact]
    public async Task What_one_replica_ends_the_others_refuse_token_session_and_caller()
    {
        var (one, other) = (await New(), await New());
        (await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default)).ShouldBeTrue();
        (await one.Revocations.Revoke("its session", In(TimeSpan.FromHours(5)), default)).ShouldBeTrue();
        (await one.Revocations.RevokeAllOf("key:gone", default)).ShouldBeTrue();

        await Soon(() => other.Revocations.GenerationOf("key:gone") > 0, "the last word is heard");

        other.Of("token").ShouldBe(RevocationStatus.Revoked);
        other.Revocations.Of(Token("another", "its session")).ShouldBe(RevocationStatus.Revoked);
        other.Revocations.Of(Token("another", subject: "key:gone")).ShouldBe(RevocationStatus.Revoked);
        other
            .Revocations.Of(Token("another", subject: "key:gone", generation: other.Revocations.GenerationOf("key:gone")))
            .ShouldBe(RevocationStatus.Good);
        other.Of("another").ShouldBe(RevocationStatus.Good);
    }

    [Fact]
    public async Task A_replica_that_the_word_does_not_reach_finds_it_by_looking()
    {
        var (one, deaf) = (await New(), await New(new() { IsDeaf = true }));

        await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default);

        await deaf.Hears("token");
    }

    [Fact]
    public async Task The_word_reaches_a_replica_long_before_it_would_look()
    {
        var slow = new Settings { Poll = TimeSpan.FromHours(1) };
        var (one, other) = (await New(slow), await New(slow));

        await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default);

        await other.Hears("token");
    }

    [Fact]
    public async Task A_replica_that_starts_late_learns_all_ten_thousand_from_parts_of_bounded_length()
    {
        var one = await New();
        for (var i = 0; i < 100; i++)
        {
            await Task.WhenAll(
                Enumerable
                    .Range(i * 100, 100)
                    .Select(n => one.Revocations.Revoke($"token {n}", In(TimeSpan.FromMinutes(5)), default).AsTask())
            );
        }

        var late = await New();

        Enumerable.Range(0, 10_000).Count(n => late.Of($"token {n}") == RevocationStatus.Revoked).ShouldBe(10_000);
        foreach (var key in (await redis.Server.Ask("KEYS", prefix + ":*part*")).Split('\n'))
        {
            Number(await redis.Server.Ask("LLEN", key)).ShouldBeInRange(1, 128);
        }
    }

    [Fact]
    public async Task Every_key_ends_with_what_it_holds_and_what_lives_shortly_does_not_wait_for_what_lives_long()
    {
        var one = await New();
        await one.Revocations.Revoke("short", In(TimeSpan.FromMinutes(5)), default);
        await one.Revocations.Revoke("long", In(TimeSpan.FromDays(100)), default);
        await one.Ledgers.Rotation.Begin(In(TimeSpan.FromDays(10)), default);
        await one.Ledgers.Attempts.Begin("alice", "1", default);

        var keys = (await redis.Server.Ask("KEYS", prefix + ":*"))
            .Split('\n')
            .Where(key => !key.EndsWith(":probe", StringComparison.Ordinal))
            .ToArray();

        keys.Length.ShouldBe(7); // head, index, ends, two parts, a line, a pair of name and address
        foreach (var key in keys)
        {
            Number(await redis.Server.Ask("PTTL", key)).ShouldBeGreaterThan(0, key);
        }

        var lives = new List<long>();
        foreach (var part in keys.Where(key => key.Contains("part", StringComparison.Ordinal)))
        {
            lives.Add(Number(await redis.Server.Ask("PTTL", part)));
        }

        lives.Min().ShouldBeLessThanOrEqualTo((long)TimeSpan.FromMinutes(6).TotalMilliseconds);
    }

    [Fact]
    public async Task An_entry_goes_with_the_token_that_it_ends_and_room_is_made_again()
    {
        var one = await New();
        // skew is on top of each entry's life
        await one.Revocations.Revoke("token", In(-TokenReader.Skew + TimeSpan.FromMilliseconds(300)), default);
        var epoch = await redis.Server.Ask("HGET", await Head(), "s");
        (await redis.Server.Ask("HGET", await Head(), "n")).ShouldBe("1"); // there was one

        await Soon(async () => (await redis.Server.Ask("KEYS", prefix + ":*part*")).Length == 0, "the part is gone");

        await New();
        await one.Revocations.RevokeAllOf("key:app", default); // both have looked since
        (await redis.Server.Ask("HGET", await Head(), "s")).ShouldBe(epoch, "and nobody takes that for a loss");
    }

    [Fact]
    public async Task A_callers_generation_goes_beyond_what_any_replica_gave_it()
    {
        // Of two clocks: a number that is given by the one that is behind has to be beyond all the same.
        var (one, other) = (
            await New(new() { Ahead = TimeSpan.FromMinutes(10) }),
            await New(
                new()
                {
                    IsDeaf = true,
                    Poll = TimeSpan.FromHours(1),
                    CallTimeout = TimeSpan.FromSeconds(30),
                }
            )
        );
        await one.Revocations.RevokeAllOf("key:app", default);
        await one.Revocations.RevokeAllOf("key:app", default);
        var given = one.Revocations.GenerationOf("key:app");

        await other.Revocations.RevokeAllOf("key:app", default); // it has not heard of the first two, and asks before it counts

        other.Revocations.GenerationOf("key:app").ShouldBeGreaterThan(given);
        await Soon(
            () => one.Revocations.Of(Token("x", generation: given)) == RevocationStatus.Revoked,
            "what came between is ended as well"
        );
    }

    [Fact]
    public async Task What_is_ended_again_and_again_is_said_once()
    {
        var (one, other) = (await New(), await New());
        for (var i = 0; i < 10; i++)
        {
            (await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default)).ShouldBeTrue();
            await other.Hears("token");
            (await other.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default)).ShouldBeTrue();
        }

        (await redis.Server.Ask("LLEN", await redis.Server.Ask("KEYS", prefix + ":*part*"))).ShouldBe("1");
    }

    [Fact]
    public async Task A_callers_generation_is_kept_as_long_as_the_longest_token_of_any_config_and_said_again_no_longer()
    {
        (await New(new() { SessionLifetime = TimeSpan.FromDays(100) })).Dispose(); // gave tokens that live on
        var one = await New(new() { SessionLifetime = TimeSpan.FromDays(2) });
        await one.Revocations.RevokeAllOf("key:app", default);
        (await Left()).ShouldBeInRange(99.9, 100.1);

        one.Clock.Ahead = TimeSpan.FromDays(60);
        foreach (var key in (await redis.Server.Ask("KEYS", prefix + ":*")).Split('\n'))
        {
            await redis.Server.Ask("DEL", key);
        }

        await Soon(async () => (await redis.Server.Ask("KEYS", prefix + ":*part*")).Length > 0, "it is said again");
        (await Left()).ShouldBeInRange(39.9, 40.1);
        (await New(new() { SessionLifetime = TimeSpan.FromDays(2) }))
            .Revocations.GenerationOf("key:app")
            .ShouldBe(one.Revocations.GenerationOf("key:app"));

        async Task<double> Left() =>
            TimeSpan.FromMilliseconds(Number(await redis.Server.Ask("PTTL", await redis.Server.Ask("KEYS", prefix + ":*part*")))).TotalDays;
    }

    [Theory]
    [InlineData("damaged")]
    [InlineData("forged")]
    [InlineData("of other brokers")]
    public async Task An_entry_that_the_brokers_did_not_write_is_not_believed_and_what_it_stood_for_is_said_again(string kind)
    {
        var one = await New();
        await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default);
        var part = await redis.Server.Ask("KEYS", prefix + ":*part*");
        if (kind == "of other brokers")
        {
            using var others = await new LedgerReplica(redis.Server.Endpoint, prefix + "x").Ready();
            await others.Revocations.RevokeAllOf("key:app", default);
            await redis.Server.Ask("COPY", await redis.Server.Ask("KEYS", prefix + "x:*part*"), part, "REPLACE");
        }
        else
        {
            var entry = await redis.Server.Ask("LINDEX", part, "0");
            await redis.Server.Ask("LSET", part, "0", kind == "forged" ? "nonsense" : entry[..^1] + (char)(entry[^1] ^ 1));
        }

        var late = await New();

        await late.Hears("token"); // from the one that knew: the entry itself says nothing any more
        late.Revocations.GenerationOf("key:app").ShouldBe(0);
        (await redis.Server.Ask("LINDEX", part, "0")).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_part_that_redis_threw_away_before_its_time_is_missed_and_said_again()
    {
        var one = await New();
        for (var i = 0; i < 130; i++)
        {
            await one.Revocations.Revoke($"token {i}", In(TimeSpan.FromMinutes(5)), default);
        }

        foreach (var lost in new[] { "part:1", "part:2", "index", "head" }) // the first is full: only who starts reads it
        {
            await redis.Server.Ask("DEL", (await redis.Server.Ask("KEYS", $"{prefix}:*:{lost}")));
            var late = await New();
            await late.Hears("token 0");
            await late.Hears("token 129");
        }
    }

    [Fact]
    public async Task What_was_ended_is_known_under_any_ring_of_keys_and_under_another_name_key_there_is_another_ledger()
    {
        var one = await New();
        await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default);

        // the ring has been turned, long before the entry ends
        await (await New(new() { Ring = [new("second", SecondKey)] })).Hears("token");

        var stranger = await New(new() { NamingKey = "another name key of the tests, long enough" });
        stranger.Of("token").ShouldBe(RevocationStatus.Good);
        await stranger.Revocations.Revoke("strange", In(TimeSpan.FromMinutes(5)), default);
        await (await New()).Hears("token"); // and it spoils nothing
        one.Of("strange").ShouldBe(RevocationStatus.Good);
    }

    [Fact]
    public async Task Asking_a_replica_costs_no_call_and_no_allocation()
    {
        var one = await New();
        await one.Revocations.Revoke("token", In(TimeSpan.FromMinutes(5)), default);
        var (good, ended) = (Token("good"), Token("token"));
        one.Revocations.Of(good).ShouldBe(RevocationStatus.Good);
        one.Dispose(); // nothing reads or polls any more

        Allocations.Of(() => _ = (one.Revocations.Of(good), one.Revocations.Of(ended))).ShouldBe(0);
    }

    [Fact]
    public void Of_two_facts_that_wait_to_be_said_the_one_that_says_more_is_kept()
    {
        var unsaid = new Outbox();
        foreach (var number in new[] { 4, 9, 7 })
        {
            unsaid.Put(new(RevocationEventKind.Generation, "key:app", number, In(TimeSpan.FromDays(1))));
        }

        unsaid.Some(10, In(TimeSpan.Zero)).ShouldHaveSingleItem().Number.ShouldBe(9);
    }

    [Fact]
    public void A_fact_that_is_none_says_nothing()
    {
        foreach (
            var text in new[]
            {
                "",
                "{}",
                "[]",
                "null",
                """{"K":1,"N":"","G":0,"U":1}""",
                """{"K":1,"N":"x","G":-1,"U":1}""",
                """{"K":1,"N":"x","G":0,"U":9223372036854775807}""",
            }
        )
        {
            RevocationEvent.Read(System.Text.Encoding.UTF8.GetBytes(text)).ShouldBeNull(text);
        }

        var fact = new RevocationEvent(RevocationEventKind.Generation, "corp:alice\n", 7, In(TimeSpan.Zero));
        RevocationEvent.Read(fact.Write()).ShouldBe(fact);
    }

    private Task<string> Head() => redis.Server.Ask("KEYS", prefix + ":*:head");

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);

    private async Task<LedgerReplica> New(Settings? settings = null)
    {
        var replica = new LedgerReplica(redis.Server.Endpoint, prefix, settings);
        replicas.Add(replica);
        return await replica.Ready();
    }
}
