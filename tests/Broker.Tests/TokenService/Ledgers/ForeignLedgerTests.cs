using System.Globalization;
using Broker.Credentials;
using Broker.Tests.Redis;
using Policies;
using Shouldly;
using Xunit;
using static Broker.Tests.TokenService.LedgerReplica;

namespace Broker.Tests.TokenService;

/// <summary>
/// Something in the ledgers is not as the brokers left it: what was ended stays ended, also for who comes later, and it is told once.
/// </summary>
public sealed class ForeignLedgerTests : IAsyncLifetime
{
    private const string Far = "8999999999999999";
    private static readonly string Huge = new('x', 8_000_000);
    private static readonly string[] Commands = ["SET", "RPUSH", "SADD", "HSET", "ZADD", "XADD"];

    // Each is a script: KEYS are head, index, ends and the only part; ARGV is something huge.
    private static readonly Dictionary<string, string> Changes = new()
    {
        ["head: no numbers"] =
            "return redis.call('HSET', KEYS[1], 'r', 'x', 's', 'x', 'u', 'nan', 'f', 'x', 'n', 'x', 'x', 'x', 'l', 'x', 'p0', 'x')",
        ["head: numbers above all"] = $"return redis.call('HSET', KEYS[1], 's', {Far}, 'u', {Far}, 'f', {Far}, 'x', {Far}, 'l', {Far})",
        ["head: huge"] =
            "return redis.call('HSET', KEYS[1], 's', ARGV[1], 'u', ARGV[1], 'f', ARGV[1], 'n', ARGV[1], 'x', ARGV[1], 'l', ARGV[1])",
        ["head: gone"] = "return redis.call('DEL', KEYS[1])",
        ["index: no part"] = "return redis.call('ZADD', KEYS[2], 5, 'abc', 9999, '7', 'inf', 'x', -1, 'y')",
        ["index: a part under another number"] = "return redis.call('ZADD', KEYS[2], 9999, '1')",
        ["index: a hundred of nobody"] = "for i = 2, 101 do redis.call('ZADD', KEYS[2], i, 'x' .. i) end return 1",
        ["index: huge"] = "return redis.call('ZADD', KEYS[2], 5, ARGV[1])",
        ["ends: over already"] = "return redis.call('ZADD', KEYS[3], 1, '1')",
        ["ends: no part"] = "return redis.call('ZADD', KEYS[3], 1, 'abc', 'inf', 'x', 2, ARGV[1])",
        ["ends: gone"] = "return redis.call('DEL', KEYS[3])",
        ["part: damaged"] = "return redis.call('LSET', KEYS[4], 0, 'nonsense')",
        ["part: truncated"] = "return redis.call('LSET', KEYS[4], 0, string.sub(redis.call('LINDEX', KEYS[4], 0), 1, -2))",
        ["part: huge"] = "return redis.call('LSET', KEYS[4], 0, ARGV[1])",
        ["part: many huge"] = "for i = 1, 4 do redis.call('RPUSH', KEYS[4], ARGV[1]) end return 1",
        ["part: many large"] = "for i = 1, 100 do redis.call('RPUSH', KEYS[4], string.sub(ARGV[1], 1, 200000)) end return 1",
        ["part: gone"] = "return redis.call('DEL', KEYS[4])",
    };

    private readonly List<string> lines = [];
    private readonly List<LedgerReplica> replicas = [];
    private RedisServer server = null!;

    public async ValueTask InitializeAsync() => server = await RedisServer.Start();

    public async ValueTask DisposeAsync()
    {
        replicas.ForEach(replica => replica.Dispose());
        await server.DisposeAsync();
    }

    public static TheoryData<string> Kinds =>
        [.. Changes.Keys, .. Commands.Where(command => command != "RPUSH").Select(command => "part: " + command)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task What_was_ended_stays_so_and_what_is_ended_later_is_heard_by_all(string kind)
    {
        var (one, other) = (await New(), await New());
        (await one.Revocations.Revoke("early", In(TimeSpan.FromHours(1)), default)).ShouldBeTrue();
        await other.Hears("early");
        await Spoil(kind);

        for (var i = 0; i < 4; i++)
        {
            var (id, life) = ($"later {i}", TimeSpan.FromHours(Math.Pow(4, i))); // each life has a part of its own
            await Soon(async () => await one.Revocations.Revoke(id, In(life), default), "it is said in Redis");
            await other.Hears(id);
        }

        var late = await New();
        await late.Hears("early");
        await late.Hears("later 0");
        await late.Hears("later 3");
        (one.Of("untouched"), other.Of("untouched"), late.Of("untouched")).ShouldBe(
            (RevocationStatus.Good, RevocationStatus.Good, RevocationStatus.Good)
        );
        var (before, from) = (await server.Scripts(), Environment.TickCount64);
        await Soon(() => Environment.TickCount64 - from > 1000, "a second passes");
        (await server.Scripts() - before).ShouldBeLessThan(200); // three that look twenty times a second
        lock (lines)
        {
            lines.Count(line => line.StartsWith("Error", StringComparison.Ordinal)).ShouldBeLessThanOrEqualTo(3, string.Join('\n', lines));
            lines.ShouldNotContain(line =>
                line.StartsWith("Error 224", StringComparison.Ordinal) || line.StartsWith("Warning 700", StringComparison.Ordinal)
            );
        }
    }

    [Theory]
    [InlineData("SET")]
    [InlineData("RPUSH")]
    [InlineData("SADD")]
    [InlineData("ZADD")]
    [InlineData("XADD")]
    [InlineData("damaged")]
    [InlineData("huge")]
    [InlineData("a number above all")]
    public async Task A_users_login_that_is_no_login_is_none_and_stops_nothing_for_the_others(string kind)
    {
        var (one, other) = (await New(), await New());
        await one.Ledgers.Users.Keep(User(1));
        var key = await server.Ask("KEYS", "*:login:*");
        await one.Ledgers.Users.Keep(User(2));
        await (
            kind switch
            {
                "damaged" => server.Ask("HSET", key, "b", "nonsense"),
                "huge" => server.Ask("HSET", key, "n", Huge, "b", Huge),
                "a number above all" => server.Ask("HSET", key, "n", Far),
                _ => server.Write(key, kind),
            }
        );

        for (var i = 0; i < 3; i++)
        {
            (await other.Ledgers.Users.Recall("hive.1")).ShouldBeTrue();
            other.Ledgers.Users.Find("hive.1").ShouldBeNull();
        }

        (await other.Ledgers.Users.Recall("hive.2")).ShouldBeTrue();
        other.Ledgers.Users.Find("hive.2").ShouldNotBeNull();
        (await one.Ledgers.Users.Agree()).ShouldBeTrue();
        Told(712).ShouldBe(kind == "a number above all" ? 2 : 1); // who asks reads it, and who has another number
        await one.Ledgers.Users.Keep(User(1));
        (await other.Ledgers.Users.Recall("hive.1")).ShouldBeTrue();
        other.Ledgers.Users.Find("hive.1").ShouldNotBeNull();
        Told(713).ShouldBeGreaterThan(0);
        (one.Of("untouched"), other.Of("untouched")).ShouldBe((RevocationStatus.Good, RevocationStatus.Good));
        (one.Link.IsAway, other.Link.IsAway).ShouldBe((false, false));
    }

    [Theory]
    [InlineData("SET")]
    [InlineData("RPUSH")]
    [InlineData("SADD")]
    [InlineData("ZADD")]
    [InlineData("XADD")]
    [InlineData("no numbers")]
    [InlineData("numbers above all")]
    [InlineData("huge")]
    public async Task Failed_logins_that_are_not_the_brokers_own_are_counted_on_and_lock_nobody_out_for_good(string kind)
    {
        var one = await New();
        await one.Ledgers.Attempts.Begin("alice", "1", default);
        var key = await server.Ask("KEYS", "*:tries:*");
        var field = (await server.Ask("HKEYS", key)).Split('\n').Single(name => name != "@");
        await (
            kind switch
            {
                "no numbers" => server.Ask("HSET", key, field, "x", "@", "x", "~", "x"),
                "numbers above all" => server.Ask("HSET", key, field, $"{Far}:{Far}:{Far}", "@", Far, "~", Far),
                "huge" => server.Ask("HSET", key, field, $"1:{new string('9', 8_000_000)}:1", "@", Huge, "~", new string('9', 8_000_000)),
                _ => server.Write(key, kind),
            }
        );

        var turns = new List<LoginAttempt>();
        for (var i = 0; i < LocalLoginThrottle.Free + 1; i++)
        {
            turns.Add(await one.Ledgers.Attempts.Begin("alice", "1", default));
        }

        turns[^1].MayTry.ShouldBeFalse(); // it is counted
        turns.ShouldAllBe(turn => turn.Wait <= LocalLoginThrottle.Longest);
        var stands = (await server.Ask("HGET", key, field))
            .Split(':')
            .Select(number => long.Parse(number, CultureInfo.InvariantCulture))
            .ToArray();
        stands[1]
            .ShouldBeLessThanOrEqualTo(
                (DateTimeOffset.UtcNow + LocalLoginThrottle.Longest + TimeSpan.FromMinutes(1)).ToUnixTimeMilliseconds()
            );
        (await one.Ledgers.Attempts.Begin("bob", "1", default)).MayTry.ShouldBeTrue();
        Told(712).ShouldBe(Commands.Contains(kind) ? 1 : 0);
        Told(710).ShouldBe(0);
        one.Link.IsAway.ShouldBeFalse();
    }

    private static UpstreamUser User(long id) =>
        new(
            "hive",
            id,
            new(Selection.Of("GetDevice"), Selection.Of("1"), Selection.Of("3"), Selection.Everything),
            "a refresh token",
            In(TimeSpan.FromDays(1))
        );

    private int Told(int id)
    {
        lock (lines)
        {
            return lines.Count(line => line.Split(' ')[1] == $"{id}");
        }
    }

    private async Task Spoil(string kind)
    {
        var part = await server.Ask("KEYS", "*:part:1");
        var tag = part[..^"part:1".Length];
        if (Changes.TryGetValue(kind, out var script))
        {
            (await server.Ask("EVAL", script, "4", tag + "head", tag + "index", tag + "ends", part, Huge)).ShouldNotStartWith("ERR");
            return;
        }

        await server.Write(part, kind.Split(' ')[1]);
    }

    private async Task<LedgerReplica> New()
    {
        var replica = new LedgerReplica(
            server.Endpoint,
            "foreign",
            new() { Log = new LineLog(lines), CallTimeout = TimeSpan.FromSeconds(10) }
        );
        replicas.Add(replica);
        return await replica.Ready();
    }
}
