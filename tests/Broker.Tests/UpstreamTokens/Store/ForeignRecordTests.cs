using Broker.Tests.Redis;
using Broker.UpstreamTokens;
using Microsoft.Extensions.Logging;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;
using static Broker.Tests.UpstreamTokens.SharedRenewalTests;

namespace Broker.Tests.UpstreamTokens;

/// <summary>
/// What stands at a key of a shared token, or of its budget, is not the brokers' own: it counts as absent and gives way, which is told
/// once.
/// </summary>
public sealed class ForeignRecordTests : IAsyncLifetime
{
    private const string Far = "8999999999999999";
    private static readonly string Huge = new('x', 8_000_000);

    // What a key holds that is the brokers' own has this type; each other one is wrong.
    private static readonly Dictionary<string, string> Own = new()
    {
        ["pair"] = "HSET",
        ["lease"] = "SET",
        ["note"] = "HSET",
        ["counter"] = "HSET",
        ["quiet"] = "HSET",
        ["logins"] = "ZADD",
        ["rejections"] = "ZADD",
        ["marker"] = "HSET",
    };

    // Redis is away, or refuses; a fault of ours.
    private static readonly string[] Unwanted = ["700", "703", "303"];
    private static readonly string[] Commands = ["SET", "RPUSH", "SADD", "HSET", "ZADD", "XADD"];

    // Of the right type, and yet nobody's of ours.
    private static readonly (string Key, string Kind, string[] Command)[] Garbage =
    [
        ("pair", "garbage", ["HSET", "", "g", "1", "r", "x", "b", "garbage", "a", "x"]),
        ("pair", "no number", ["HSET", "", "g", "nan", "r", "", "b", "", "a", ""]),
        ("pair", "a number above all", ["HSET", "", "g", Far, "r", "x", "b", "garbage"]),
        ("pair", "huge", ["HSET", "", "g", "1", "r", Huge, "b", Huge]),
        ("lease", "garbage", ["SET", "", "garbage"]),
        ("lease", "without an end", ["SET", "", "00000000000000010000000000000001|1"]),
        ("lease", "with an end that is far", ["SET", "", "00000000000000010000000000000001|1", "PX", "86400000"]),
        ("lease", "huge", ["SET", "", Huge, "PX", "60000"]),
        ("note", "garbage", ["HSET", "", "n", "garbage", "d", "x", "a", "x", "u", "x"]),
        ("note", "with an end that is far", ["HSET", "", "n", "1", "d", new string('a', 64), "a", new string('a', 32), "u", Far]),
        ("note", "huge", ["HSET", "", "n", Huge, "d", Huge, "a", Huge, "u", Huge]),
        ("counter", "garbage", ["HSET", "", "n", "x", "c", "nan", "s", "x", "r", "x", "f", "x", "t", "x"]),
        ("counter", "numbers above all", ["HSET", "", "n", Far, "c", Far, "s", Far, "t", Far]),
        ("counter", "huge", ["HSET", "", "n", Huge, "c", Huge, "s", Huge, "r", Huge, "f", Huge]),
        ("quiet", "garbage", ["HSET", "", "u", "x", "p", "x", "f", "x", "r", "x", "c", "x", "w", "", "k", "x"]),
        ("quiet", "with an end that is far", ["HSET", "", "u", Far, "p", "3", "f", "99999999999"]),
        ("quiet", "huge", ["HSET", "", "u", Huge, "p", Huge, "f", Huge, "r", Huge, "c", Huge, "w", Huge, "k", Huge]),
        ("logins", "later than now", ["ZADD", "", Far, "x", "inf", "y"]),
        ("logins", "huge", ["ZADD", "", "1", Huge]),
        ("rejections", "later than now", ["ZADD", "", Far, "x", "inf", "y"]),
        ("marker", "garbage", ["HSET", "", "n", "x", "s", "x", "r", "x", "b", "x"]),
        ("marker", "numbers above all", ["HSET", "", "n", "9007199254740991", "s", Far, "r", "x", "b", Far]),
        ("marker", "huge", ["HSET", "", "n", Huge, "s", Huge, "r", Huge, "b", Huge]),
    ];

    private readonly StrictUpstream upstream = new();
    private readonly LogLines log = new();
    private readonly List<Replica> replicas = [];
    private RedisServer server = null!;

    public async ValueTask InitializeAsync() => server = await RedisServer.Start();

    public async ValueTask DisposeAsync()
    {
        replicas.ForEach(replica => replica.Dispose());
        await server.DisposeAsync();
    }

    public static TheoryData<string, string> Wrong =>
        new([
            .. from own in Own from command in Commands where command != own.Value select (own.Key, command),
            .. Garbage.Select(each => (each.Key, each.Kind)),
        ]);

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task It_is_told_once_and_the_token_is_renewed(string key, string kind)
    {
        var one = New();
        var cell = one.Cell(upstream.Source(), logins: [new() { Permit = 16, Per = TimeSpan.FromSeconds(2) }]);
        var token = await FirstToken(cell);
        await Spoil(key, kind);
        var before = await server.Scripts();

        var next = await Next(cell, token, isLogin: IsBudget(key));
        (await server.Scripts() - before).ShouldBeLessThan(120);
        upstream.IsLive(Value(next)).ShouldBeTrue();
        var again = New().Cell(upstream.Source());
        Value(await Fresh(again)).ShouldBe(Value(next)); // the other replica has it from Redis
        var last = await Next(cell, next, isLogin: IsBudget(key));

        upstream.IsLive(Value(last)).ShouldBeTrue();
        upstream.Reused.ShouldBe(0);
        log.Of(LogLevel.Error).ShouldBeLessThanOrEqualTo(1);
        log.Lines.ShouldNotContain(line => Unwanted.Contains(line.Substring(0, 3)));
        if ((key, kind) is not (("counter", "numbers above all") or ("logins", "huge"))) // these are as good as ours
        {
            log.Lines.Count(line => line.StartsWith("712 ", StringComparison.Ordinal)).ShouldBe(1, string.Join('\n', log.Lines));
            log.Lines.Count(line => line.StartsWith("713 ", StringComparison.Ordinal)).ShouldBe(1);
        }
    }

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task An_account_that_can_only_refresh_is_not_lost(string key, string kind)
    {
        if (IsBudget(key))
        {
            return; // it needs no login
        }

        var cell = New().Cell(upstream.Source(canLogin: false, upstream.Provision()));
        var token = await FirstToken(cell);
        await Spoil(key, kind);

        var next = await Next(cell, token, isLogin: false);
        upstream.IsLive(Value(next)).ShouldBeTrue();
        (upstream.Logins, upstream.Reused).ShouldBe((0, 0));
    }

    [Theory]
    [InlineData("logins", "SET")]
    [InlineData("rejections", "SET")]
    [InlineData("marker", "SET")]
    [InlineData("marker", "garbage")]
    [InlineData("logins", "later than now")]
    public async Task A_budget_that_was_overwritten_counts_as_spent_for_its_window_and_no_longer(string key, string kind)
    {
        var cell = New().Cell(upstream.Source(), logins: [new() { Permit = 2, Per = TimeSpan.FromSeconds(6) }]);
        await FirstToken(cell);
        var from = Environment.TickCount64;
        await Spoil(key, kind);
        await server.Ask("DEL", await Name("pair"));

        // it knows nothing of the budget
        var fresh = New().Cell(upstream.Source(), logins: [new() { Permit = 2, Per = TimeSpan.FromSeconds(6) }]);
        (await fresh.Get(None)).Problem.ShouldBe(TokenProblem.BudgetSpent);
        await Eventually(async () => (await fresh.Get(None)).Token is not null);
        (Environment.TickCount64 - from).ShouldBeGreaterThan(4_000);
        upstream.Logins.ShouldBe(2);
    }

    private static bool IsBudget(string key) => key is "logins" or "rejections" or "marker";

    private async Task<UpstreamToken> Next(TokenCell cell, UpstreamToken before, bool isLogin)
    {
        if (isLogin)
        {
            upstream.RefreshAnswers.Enqueue(TokenAnswer.Refused("invalid-grant"));
        }

        UpstreamToken? next = null;
        await Eventually(async () => (next = (await cell.Replace(before, 0, "s", None)).Token) is not null);
        return next!;
    }

    private static async Task<UpstreamToken> FirstToken(TokenCell cell)
    {
        UpstreamToken? token = null;
        await Eventually(async () => (token = (await cell.Get(None)).Token) is not null);
        return token!;
    }

    private async Task Spoil(string key, string kind)
    {
        var name = await Name(key);
        if (Commands.Contains(kind))
        {
            await server.Write(name, kind);
            return;
        }

        var command = Garbage.Single(each => each.Key == key && each.Kind == kind).Command;
        await server.Ask([
            "EVAL",
            "redis.call('DEL', KEYS[1]) return redis.call(unpack(ARGV))",
            "1",
            name,
            command[0],
            name,
            .. command[2..],
        ]);
    }

    /// <summary>The key that ends so, whether or not it is there now.</summary>
    private async Task<string> Name(string key)
    {
        var keys = (await server.Ask("KEYS", "*")).Split('\n');
        var counter = keys.Single(name => name.EndsWith(":counter", StringComparison.Ordinal))[..^":counter".Length];
        var marker = keys.FirstOrDefault(name => name.EndsWith(":marker", StringComparison.Ordinal)) ?? "";
        return key switch
        {
            "quiet" => counter[..(counter.IndexOf('}', StringComparison.Ordinal) + 1)] + ":quiet",
            "logins" or "rejections" or "marker" => marker[..(marker.LastIndexOf(':') + 1)] + key,
            _ => $"{counter}:{key}",
        };
    }

    private Replica New()
    {
        var replica = new Replica(server.Endpoint, "foreign", new() { Log = log });
        replicas.Add(replica);
        return replica;
    }
}
