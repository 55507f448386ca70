using Broker.Tests.Redis;
using Broker.TokenService;
using Shouldly;
using Xunit;
using static Broker.Tests.TokenService.LedgerReplica;

namespace Broker.Tests.TokenService;

/// <summary>
/// A line of rotating refresh tokens in Redis that is not as the brokers left it: it is refused, however often it is tried, and told once.
/// </summary>
public sealed class ForeignLineTests(SharedRedis redis) : IClassFixture<SharedRedis>, IDisposable
{
    private readonly string prefix = SharedRedis.NewPrefix();
    private readonly List<string> lines = [];
    private readonly List<LedgerReplica> replicas = [];

    public void Dispose() => replicas.ForEach(replica => replica.Dispose());

    // csharpier-ignore
    private static readonly string[] Changes =
    [
        "turned back", "turned back, no seal", "of another line", "damaged", "truncated", "empty", "huge", "huge place",
        "no number", "SET", "RPUSH", "SADD", "ZADD", "XADD",
    ];

    public static TheoryData<string, int> Kinds =>
        new(
            from kind in Changes
            from place in Enumerable.Range(0, 3) // two spent ones, and the one that is next
            where (kind, place) is not ("turned back", 2) and not ("huge place" or "no number", > 0) // as it was; and simply forgotten
            select (kind, place)
        );

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task It_gives_no_successor_at_the_first_try_nor_at_a_later_one_nor_at_many_at_once(string kind, int place)
    {
        var (one, other) = (await New(), await New());
        var line = await Line(one);
        var key = await redis.Server.Ask("KEYS", prefix + ":*line*");
        var another = await Line(one);
        await one.Ledgers.Rotation.Use(Use(line, 0, "first"), default);
        await one.Ledgers.Rotation.Use(Use(line, 1, "second"), default);
        await Change(key, kind, place);

        List<RotationAnswer> answers = [];
        for (var i = 0; i < 3; i++)
        {
            answers.AddRange(
                await Task.WhenAll(
                    Enumerable
                        .Range(0, 8)
                        .Select(n => (n % 2 == 0 ? one : other).Ledgers.Rotation.Use(Use(line, place, "stolen"), default).AsTask())
                )
            );
        }

        answers.ShouldAllBe(answer => answer == new RotationAnswer(RotationVerdict.UnknownFamily, null));
        lock (lines)
        {
            lines.Count(text => text.StartsWith("Error 225", StringComparison.Ordinal)).ShouldBe(2); // each replica once
            lines.Count(text => text.StartsWith("Error", StringComparison.Ordinal)).ShouldBe(2);
        }

        (one.Link.IsAway, other.Link.IsAway).ShouldBe((false, false));
        (await one.Ledgers.Rotation.Use(Use(another, 0, "next"), default)).ShouldBe(new(RotationVerdict.First, "next")); // the others go on
    }

    private async Task Change(string key, string kind, int place)
    {
        var whole = await redis.Server.Ask("HGET", key, "b");
        await (
            kind switch
            {
                "turned back" => redis.Server.Ask("HSET", key, "n", $"{place}"),
                "turned back, no seal" => redis.Server.Ask("HSET", key, "n", $"{place}", "b", ""),
                "of another line" => redis.Server.Ask(
                    "EVAL",
                    "redis.call('HSET', KEYS[1], 'b', redis.call('HGET', KEYS[2], 'b'), 'n', ARGV[1]) return 1",
                    "2",
                    key,
                    (await redis.Server.Ask("KEYS", prefix + ":*line*")).Split('\n').Single(name => name != key),
                    $"{place}"
                ),
                "damaged" => redis.Server.Ask("HSET", key, "n", $"{place}", "b", "nonsense"),
                "truncated" => redis.Server.Ask("HSET", key, "n", $"{place}", "b", whole[..^1]),
                "empty" => redis.Server.Ask("HSET", key, "n", $"{place}", "b", "", "g", "", "e", ""),
                "huge" => redis.Server.Ask("HSET", key, "n", $"{place}", "b", new string('x', 8_000_000)),
                "huge place" => redis.Server.Ask("HSET", key, "n", new string('9', 8_000_000), "b", "x"),
                "no number" => redis.Server.Ask("HSET", key, "n", "nan", "b", "x", "g", "inf", "e", "1e308"),
                _ => redis.Server.Write(key, kind),
            }
        );
    }

    private static RefreshUse Use(string line, int place, string successor) =>
        new(line, place, successor, TimeSpan.FromMinutes(1), In(TimeSpan.FromDays(1)));

    private static async Task<string> Line(LedgerReplica replica) =>
        (await replica.Ledgers.Rotation.Begin(In(TimeSpan.FromDays(1)), default)).ShouldNotBeNull();

    private async Task<LedgerReplica> New()
    {
        var replica = new LedgerReplica(
            redis.Server.Endpoint,
            prefix,
            new() { Log = new LineLog(lines), CallTimeout = TimeSpan.FromSeconds(10) }
        );
        replicas.Add(replica);
        return await replica.Ready();
    }
}
