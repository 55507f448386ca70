using System.Globalization;
using Broker.Credentials;
using Broker.Tests.Credentials;
using Broker.Tests.Redis;
using Broker.TokenService;
using Shouldly;
using Xunit;
using static Broker.Tests.TokenService.LedgerReplica;

namespace Broker.Tests.TokenService;

/// <summary>A caller whom configs disable and enable again: all that came of him before is over, whichever broker saw what.</summary>
public sealed class DisabledCallerTests : IAsyncLifetime
{
    private static readonly TokenClaims FromBefore = Token("before");

    private readonly List<LedgerReplica> replicas = [];
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
    public async Task Brokers_that_are_replaced_with_their_config_end_what_came_before_also_where_redis_lost_its_memory_meanwhile(
        bool isLost
    )
    {
        var old = await New("app");
        old.Dispose();
        var next = await New("-app", "other");
        await Soon(async () => await Entries() > 0, "he is said to be disabled");
        if (isLost)
        {
            await server.Ask("FLUSHALL");
            await Soon(async () => await Entries() > 0, "it is said again");
        }

        next.Dispose();
        var last = await New("app", "other");

        last.Revocations.Of(FromBefore).ShouldBe(RevocationStatus.Revoked);
        last.Revocations.Of(Token("new", generation: last.Revocations.GenerationOf("key:app"))).ShouldBe(RevocationStatus.Good);
        last.Revocations.Of(Token("another's", subject: "key:other")).ShouldBe(RevocationStatus.Good);
    }

    [Fact]
    public async Task What_a_broker_with_the_old_config_let_him_have_after_he_was_disabled_ends_when_he_is_enabled()
    {
        var (old, next) = (await New("app"), await New("-app"));
        await Soon(() => old.Revocations.Of(FromBefore) == RevocationStatus.Revoked, "the old one is told");
        var meanwhile = Token("meanwhile", generation: old.Revocations.GenerationOf("key:app"));
        old.Revocations.Of(meanwhile).ShouldBe(RevocationStatus.Good);
        next.Dispose();

        var last = await New("app");

        last.Revocations.Of(meanwhile).ShouldBe(RevocationStatus.Revoked);
        await Soon(() => old.Revocations.Of(meanwhile) == RevocationStatus.Revoked, "at the old one as well");
    }

    [Fact]
    public async Task What_a_broker_that_started_again_with_the_old_config_let_him_have_ends_when_he_is_enabled()
    {
        var next = await Add(
                new Settings
                {
                    Callers = ["-app"],
                    IsDeaf = true,
                    Poll = TimeSpan.FromHours(1),
                    CallTimeout = TimeSpan.FromSeconds(30),
                }
            )
            .Ready(); // reads when it is told to
        await Soon(async () => await Entries() > 0, "he is said to be disabled");
        var old = await New("app");
        var meanwhile = Token("meanwhile", generation: old.Revocations.GenerationOf("key:app"));
        Odd(old).ShouldBeFalse();
        await Soon(async () => await Entries() == 2, "he is said to be enabled");

        (await next.Revocations.RevokeAllOf("key:nobody", default)).ShouldBeTrue();
        await Soon(() => old.Revocations.Of(meanwhile) == RevocationStatus.Revoked, "the old one is told");
        meanwhile = Token("meanwhile", generation: old.Revocations.GenerationOf("key:app"));
        old.Revocations.Of(meanwhile).ShouldBe(RevocationStatus.Good);
        next.Load("app");

        next.Revocations.Of(meanwhile).ShouldBe(RevocationStatus.Revoked);
        await Soon(() => old.Revocations.Of(meanwhile) == RevocationStatus.Revoked, "at the old one as well");
    }

    [Fact]
    public async Task What_a_broker_that_could_not_ask_gave_him_when_all_of_his_was_to_end_ends_when_he_is_enabled()
    {
        var old = await Add(
                new Settings
                {
                    Callers = ["app"],
                    IsDeaf = true,
                    Poll = TimeSpan.FromHours(1),
                    CallTimeout = TimeSpan.FromMilliseconds(300),
                }
            )
            .Ready();
        var next = await New("-app");
        await Soon(async () => await Entries() > 0, "he is said to be disabled");
        server.Freeze();
        (await old.Revocations.RevokeAllOf("key:app", default)).ShouldBeFalse();
        var meanwhile = Token("meanwhile", generation: old.Revocations.GenerationOf("key:app"));
        Odd(old).ShouldBeFalse("nobody told it");
        server.Thaw();
        await Soon(() => next.Revocations.GenerationOf("key:app") >= meanwhile.GenerationAt(0), "it is said to the other");

        next.Load("app");

        next.Revocations.Of(meanwhile).ShouldBe(RevocationStatus.Revoked);
    }

    [Fact]
    public async Task Who_can_only_read_that_he_was_disabled_ends_what_came_before_all_the_same_and_so_does_the_next()
    {
        var next = await New("-app");
        await Soon(async () => await Entries() > 0, "he is said to be disabled");
        next.Dispose();
        await server.Ask("CONFIG", "SET", "min-replicas-to-write", "1"); // nothing is written any more
        var crashes = await New("app");
        crashes.Revocations.Of(FromBefore).ShouldBe(RevocationStatus.Revoked);
        crashes.Dispose();
        await server.Ask("CONFIG", "SET", "min-replicas-to-write", "0");

        (await New("app")).Revocations.Of(FromBefore).ShouldBe(RevocationStatus.Revoked);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_broker_that_started_with_him_disabled_and_enables_him_by_a_reload_ends_what_came_before_whether_redis_answers_or_not(
        bool isAway
    )
    {
        var one = isAway ? Add("-app") : await New("-app");
        if (isAway)
        {
            await server.Kill();
        }

        one.Load("app");
        one.Revocations.Of(FromBefore).ShouldBe(RevocationStatus.Revoked);

        if (isAway)
        {
            await server.Restart();
        }

        var other = await New("app");
        await Soon(() => other.Revocations.Of(FromBefore) == RevocationStatus.Revoked, "it is said to all");
        await one.Ready();
        other.Revocations.GenerationOf("key:app").ShouldBe(one.Revocations.GenerationOf("key:app"));
    }

    [Fact]
    public void Without_redis_a_reload_that_enables_him_ends_what_an_earlier_process_gave()
    {
        using var config = new Bench();
        using var ledgers = new TokenServiceState(TimeProvider.System);
        ledgers.Follow(config.Store);
        config.Publish(Bench.With(("app", Bench.Wide with { Disabled = true }), ("other", Bench.Wide with { UserId = 2 })));

        config.Publish(Bench.With(("app", Bench.Wide), ("other", Bench.Wide with { UserId = 2 })));

        ledgers.Revocations.Of(FromBefore).ShouldBe(RevocationStatus.Revoked);
        ledgers.Revocations.Of(Token("another's", subject: "key:other")).ShouldBe(RevocationStatus.Good);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Replicas_that_enable_him_one_after_the_other_leave_alone_what_the_first_let_him_have(bool isToldBetween)
    {
        var one = await New("-app");
        var other = Add(
            new Settings
            {
                Callers = ["-app"],
                IsDeaf = !isToldBetween,
                Poll = isToldBetween ? TimeSpan.FromMilliseconds(100) : TimeSpan.FromHours(1),
                CallTimeout = TimeSpan.FromSeconds(30),
            }
        );
        await other.Ready();
        await Soon(
            () => Odd(one) && one.Revocations.GenerationOf("key:app") == other.Revocations.GenerationOf("key:app"),
            "both know that he is disabled"
        );

        one.Load("app");
        var fresh = Token("fresh", generation: one.Revocations.GenerationOf("key:app"));
        if (isToldBetween)
        {
            await Soon(() => other.Revocations.GenerationOf("key:app") == fresh.GenerationAt(0), "the other is told");
        }

        other.Load("app");

        var late = await New("app");
        foreach (var replica in new[] { one, other, late })
        {
            replica.Revocations.Of(fresh).ShouldBe(RevocationStatus.Good);
            replica.Revocations.Of(FromBefore).ShouldBe(RevocationStatus.Revoked);
        }
    }

    [Fact]
    public async Task Brokers_that_restart_with_the_same_config_say_nothing_new()
    {
        var next = await New("-app");
        await Soon(async () => await Entries() > 0, "he is said to be disabled");
        for (var i = 0; i < 3; i++)
        {
            next.Dispose();
            next = await New("-app");
        }

        (await Entries()).ShouldBe(1);
        for (var i = 0; i < 3; i++)
        {
            next.Dispose();
            next = await New("app");
            await Soon(async () => await Entries() == 2, "he is said to be enabled, once");
        }
    }

    [Fact]
    public async Task One_who_is_taken_out_of_the_config_and_comes_back_starts_anew()
    {
        var one = await New("app", "other");
        one.Load("other");
        await Soon(async () => await Entries() > 0, "it is said");
        one.Dispose();

        var last = await New("app", "other");

        last.Revocations.Of(FromBefore).ShouldBe(RevocationStatus.Revoked);
        await Soon(() => !Odd(last), "he is enabled again");
    }

    private static bool Odd(LedgerReplica replica) => long.IsOddInteger(replica.Revocations.GenerationOf("key:app"));

    private async Task<int> Entries()
    {
        var count = 0;
        foreach (var part in (await server.Ask("KEYS", "*:part:*")).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            count += int.Parse(await server.Ask("LLEN", part), CultureInfo.InvariantCulture);
        }

        return count;
    }

    private LedgerReplica Add(params string[] callers) => Add(new Settings { Callers = callers });

    private LedgerReplica Add(Settings settings)
    {
        var replica = new LedgerReplica(server.Endpoint, "off", settings);
        replicas.Add(replica);
        return replica;
    }

    private Task<LedgerReplica> New(params string[] callers) => Add(callers).Ready();
}
