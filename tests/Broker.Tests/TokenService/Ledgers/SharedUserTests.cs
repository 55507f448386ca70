using System.Globalization;
using Broker.Configuration;
using Broker.Credentials;
using Broker.Tests.Credentials;
using Broker.Tests.Redis;
using Microsoft.Extensions.Logging.Abstractions;
using Policies;
using Shouldly;
using Xunit;
using static Broker.Tests.TokenService.LedgerReplica;

namespace Broker.Tests.TokenService;

/// <summary>
/// Upstreams' users who logged in again with narrower rights: nobody goes on with the wider ones, whatever was lost on the way.
/// </summary>
public sealed class SharedUserTests : IAsyncLifetime
{
    // On a loaded machine too: who finds Redis again after a call that was not answered reads what is new.
    private static readonly Settings Patient = new() { CallTimeout = TimeSpan.FromSeconds(30) };

    private static readonly Settings Slow = Patient with { IsDeaf = true, Poll = TimeSpan.FromHours(1) }; // reads when it is told to

    private readonly List<LedgerReplica> replicas = [];
    private RedisServer server = null!;

    public async ValueTask InitializeAsync() => server = await RedisServer.Start();

    public async ValueTask DisposeAsync()
    {
        replicas.ForEach(replica => replica.Dispose());
        await server.DisposeAsync();
    }

    [Theory]
    [InlineData("gone")]
    [InlineData("damaged")]
    [InlineData("old")]
    public async Task Who_hears_of_a_later_login_and_cannot_read_it_does_not_go_on_with_the_older(string what)
    {
        var (one, other) = (await New(), await New(Slow));
        await LogIn(one, "1", "2");
        (await Networks(other)).ShouldBe("1 2");
        await server.Ask("COPY", await Key(), "kept");
        await LogIn(one, "2");
        one.Dispose();
        await (
            what switch
            {
                "old" => server.Ask("COPY", "kept", await Key(), "REPLACE"),
                "damaged" => server.Ask("HSET", await Key(), "b", "nonsense"),
                _ => server.Ask("DEL", await Key()),
            }
        );

        await Hear(other);

        (await Networks(other)).ShouldBe("not known");
        await LogIn(other, "3");
        (await Networks(await New())).ShouldBe("3");
    }

    [Fact]
    public async Task While_redis_does_not_answer_nobody_can_say_what_a_user_may_of_whom_a_later_login_was_heard()
    {
        var (one, other) = (
            await New(),
            await New(
                new()
                {
                    CallTimeout = TimeSpan.FromMilliseconds(500),
                    IsDeaf = true,
                    Poll = TimeSpan.FromHours(1),
                }
            )
        );
        await LogIn(one, "1", "2");
        (await Networks(other)).ShouldBe("1 2");
        await LogIn(one, "2");
        await server.Ask("DEL", await Key());
        await Hear(other);
        await server.Kill();

        (await other.Ledgers.Users.Recall("hive.17")).ShouldBeFalse();
        other.Ledgers.Users.Find("hive.17").ShouldBeNull();
    }

    [Fact]
    public async Task A_login_that_redis_did_not_take_is_stored_when_it_does_and_heard_by_who_has_the_older()
    {
        var (one, other) = (await New(), await New());
        await LogIn(one, "1", "2");
        (await Networks(other)).ShouldBe("1 2");
        await server.Ask("CONFIG", "SET", "min-replicas-to-write", "1"); // nothing is written any more
        await LogIn(one, "2");
        (await Networks(one)).ShouldBe("2");
        await server.Ask("CONFIG", "SET", "min-replicas-to-write", "0");

        await Soon(async () => await Networks(other) == "2", "the other has the later one");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Where_redis_lost_its_memory_the_latest_login_that_any_replica_knows_is_stored_again_whoever_is_first(
        bool isLatestFirst
    )
    {
        var (one, other) = (await New(isLatestFirst ? null : Slow), await New(Slow));
        await LogIn(one, "1", "2");
        (await Networks(other)).ShouldBe("1 2");
        await LogIn(one, "2");
        await server.Ask("FLUSHALL"); // before the other has read of it
        if (isLatestFirst)
        {
            await Soon(async () => (await server.Ask("KEYS", "*:login:*")).Length > 0, "it is stored again");
            await Hear(other);
        }
        else
        {
            await Hear(other);
            await Hear(one);
            await Hear(other);
        }

        await Soon(async () => await Networks(other) == "2", "the other has the later one");
        (await Networks(await New())).ShouldBe("2");
    }

    [Fact]
    public async Task The_later_login_is_the_later_one_though_the_clock_where_it_was_made_is_behind_and_a_forged_number_is_none()
    {
        var (one, other) = (await New(Patient with { Ahead = TimeSpan.FromMinutes(10) }), await New());
        await LogIn(one, "1", "2");
        await LogIn(other, "2");
        (await Networks(await New())).ShouldBe("2");
        await Soon(async () => await Networks(one) == "2", "it is later there as well");

        await server.Ask("HSET", await Key(), "n", "9007199254740990");
        await LogIn(other, "3");
        (await Networks(await New())).ShouldBe("3");
    }

    [Fact]
    public async Task A_replica_that_heard_nothing_for_longer_than_the_word_lives_reads_anew_whom_it_holds()
    {
        var (one, other) = (await New(), await New(Slow));
        await one.Revocations.Revoke("token", In(TimeSpan.FromDays(100)), default);
        await LogIn(one, "1", "2");
        (await Networks(other)).ShouldBe("1 2");
        await Hear(other);
        await LogIn(one, "2");
        // As when it has lived; in one step, or who reads in between takes the part for lost.
        await server.Ask(
            "EVAL",
            "redis.call('DEL', KEYS[1]) redis.call('ZREM', KEYS[2], '2') redis.call('ZREM', KEYS[3], '2')",
            "3",
            await server.Ask("KEYS", "*:part:2"),
            await server.Ask("KEYS", "*:ends"),
            await server.Ask("KEYS", "*:index")
        );

        await Hear(other);
        (await Networks(other)).ShouldBe("1 2");
        other.Clock.Ahead = TimeSpan.FromMinutes(6);
        await Hear(other);

        (await Networks(other)).ShouldBe("2");
    }

    [Fact]
    public async Task A_token_that_is_remembered_is_no_exception()
    {
        var (one, other) = (await New(), await New(Slow));
        using var bench = new Bench(users: other.Ledgers.Users);
        bench.Publish(Bench.With(("app", Bench.Wide)) with { TokenService = new() { UsersOf = "hive" } });
        var bearer = "Bearer " + bench.Token(c => c["sub"] = "user:hive.17");
        async Task<Caller?> Ask() => (await bench.ReadAsync(CredentialKinds.Any, [("Authorization", bearer)])).Caller;
        await LogIn(one, "1", "2");
        (await Ask())!.Permissions.Networks.ShouldBe(Selection.Of("1", "2"));
        await LogIn(one, "2");
        var key = await Key();
        await server.Ask("RENAME", key, "kept");

        await Hear(other);
        (await Networks(other)).ShouldBe("not known");
        (await Ask()).ShouldBeNull();
        await server.Ask("RENAME", "kept", key);

        (await Ask())!.Permissions.Networks.ShouldBe(Selection.Of("2"));
    }

    [Fact]
    public async Task A_login_that_redis_did_not_take_gives_way_to_a_later_one_that_it_took_meanwhile()
    {
        var (one, other) = (await New(Slow), await New(Patient with { Ahead = TimeSpan.FromSeconds(1) }));
        await server.Ask("CONFIG", "SET", "min-replicas-to-write", "1"); // nothing is written any more
        await LogIn(one, "1", "2");
        (await Networks(one)).ShouldBe("1 2");
        await server.Ask("CONFIG", "SET", "min-replicas-to-write", "0");
        await LogIn(other, "2");
        foreach (var kept in new[] { "*:part:*", "*:ends", "*:index" })
        {
            await server.Ask(["DEL", .. (await server.Ask("KEYS", kept)).Split('\n')]); // the word of it has lived
        }

        await Hear(one);

        foreach (var replica in new[] { one, other, await New() })
        {
            (await Networks(replica)).ShouldBe("2");
        }
    }

    [Fact]
    public async Task A_word_that_comes_while_redis_is_asked_for_a_user_is_not_undone_by_an_older_answer()
    {
        var (one, other) = (await New(), await New(Slow));
        await LogIn(one, "1", "2");
        var number = long.Parse(await server.Ask("HGET", await Key(), "n"), CultureInfo.InvariantCulture);
        server.Freeze();
        var asked = other.Ledgers.Users.Recall("hive.17");
        other.Ledgers.Users.Hear(new(RevocationEventKind.User, "hive.17", number + 1, In(TimeSpan.FromMinutes(1))));
        server.Thaw();

        await asked;

        other.Ledgers.Users.Find("hive.17").ShouldBeNull();
    }

    [Fact]
    public async Task Who_only_heard_of_a_login_does_not_stand_in_the_way_of_who_has_it_where_redis_forgot_it()
    {
        var (one, other) = (await New(Slow), await New(Slow));
        await LogIn(one, "1", "2");
        (await Networks(other)).ShouldBe("1 2");
        await LogIn(one, "2");
        await server.Ask("DEL", await Key());
        await Hear(other);
        (await Networks(other)).ShouldBe("not known");
        await server.Ask("FLUSHALL");

        await Hear(other);
        (await Key()).ShouldNotBeEmpty("those before are over");
        await Hear(one);
        await Hear(other);

        (await Networks(await New())).ShouldBe("2");
        await Soon(async () => await Networks(other) == "2", "the other has it as well");
    }

    [Fact]
    public async Task Many_users_that_redis_forgot_are_stored_again_in_few_steps()
    {
        const int users = 1000;
        var one = await New(Slow);
        for (var i = 0; i < users; i++)
        {
            await LogIn(one, i, "1");
        }

        await server.Ask("FLUSHALL");
        await server.Ask("CONFIG", "RESETSTAT");

        await Hear(one);

        (await server.Ask("KEYS", "*:login:*")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(users);
        var steps = (await server.Ask("INFO", "commandstats"))
            .Split('\n')
            .Single(line => line.StartsWith("cmdstat_evalsha:calls=", StringComparison.Ordinal));
        int.Parse(steps.Split('=')[1].Split(',')[0], CultureInfo.InvariantCulture).ShouldBeLessThan(users / 10);
    }

    [Fact]
    public async Task What_a_user_may_whose_login_is_sealed_under_a_key_that_is_not_in_the_ring_nobody_can_say()
    {
        var (one, other) = (await New(), await New(Patient with { Ring = [new("second", SecondKey)] }));
        await LogIn(one, "1", "2");

        (await other.Ledgers.Users.Recall("hive.17")).ShouldBeFalse();
        other.Ledgers.Users.Find("hive.17").ShouldBeNull();
        await LogIn(other, "2");
        (await Networks(await New(Patient with { Ring = [new("first", FirstKey), new("second", SecondKey)] }))).ShouldBe("2");
    }

    [Fact]
    public async Task Of_two_logins_of_one_number_the_one_that_stands_in_redis_is_stored_and_the_other_is_not()
    {
        var replica = await New();
        var options = new RedisOptions
        {
            Endpoints = [server.Endpoint],
            KeyPrefix = "users",
            NamingKey = new Secret("a test", new Settings().NamingKey),
        };
        var ledger = new UpstreamUserRecords(
            new(replica.Link, new(options), new(), TimeProvider.System),
            TimeProvider.System,
            NullLogger.Instance
        );
        async Task<bool> Store(params string[] networks) =>
            (
                await ledger.Store([
                    (
                        "hive.17",
                        new(User(17, networks), 1, In(TimeSpan.FromDays(1)), IsStored: false),
                        StackExchange.Redis.RedisValue.EmptyString
                    ),
                ])
            )!.Single();

        (await Store("1")).ShouldBeTrue();
        (await Store("1", "2")).ShouldBeFalse();

        (await ledger.Read("hive.17"))!.Value.User!.Permissions.Networks.ShouldBe(Selection.Of("1"));
    }

    private static ValueTask LogIn(LedgerReplica replica, params string[] networks) => LogIn(replica, 17, networks);

    private static ValueTask LogIn(LedgerReplica replica, long id, params string[] networks) =>
        replica.Ledgers.Users.Keep(User(id, networks));

    private static UpstreamUser User(long id, params string[] networks) =>
        new(
            "hive",
            id,
            new(Selection.Of("GetDevice"), Selection.Of(networks), Selection.Of("3"), Selection.Everything),
            "a refresh token of his own",
            In(TimeSpan.FromDays(1))
        );

    /// <summary>What a request of his may reach at this replica.</summary>
    private static async Task<string> Networks(LedgerReplica replica)
    {
        (await replica.Ledgers.Users.Recall("hive.17")).ShouldBeTrue();
        return replica.Ledgers.Users.Find("hive.17") is { } user
            ? string.Join(' ', user.Permissions.Networks.Names.Order(StringComparer.Ordinal))
            : "not known";
    }

    /// <summary>Has a slow replica read the log.</summary>
    private static async Task Hear(LedgerReplica replica) =>
        (await replica.Revocations.RevokeAllOf("key:nobody-of-these", default)).ShouldBeTrue();

    private Task<string> Key() => server.Ask("KEYS", "*:login:*");

    private async Task<LedgerReplica> New(Settings? settings = null)
    {
        var replica = new LedgerReplica(server.Endpoint, "users", settings ?? Patient);
        replicas.Add(replica);
        return await replica.Ready();
    }
}
