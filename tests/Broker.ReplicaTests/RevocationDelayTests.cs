using Broker.Tests.Redis;
using Shouldly;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>How long after a token, a session or a caller was ended at one broker another one still lets it pass.</summary>
[Collection(Lanes.TokenService)]
public sealed class RevocationDelayTests(ITestOutputHelper output)
{
    private const int Tries = 3;
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(1);

    private static readonly (string User, Func<Pair, string> What)[] Kinds =
    [
        (TokenFleet.User, pair => "token=" + pair.Access),
        (TokenFleet.User, pair => "token=" + pair.Refresh),
        ("clerk", _ => "caller=key:clerk"),
    ];

    /// <summary>As it ships; by the word on the channel alone, for the broker looks once in five seconds; by looking alone, for no word gets through.</summary>
    [Theory]
    [InlineData("{}", false, 30)]
    [InlineData("""{ "Poll": "00:00:10" }""", false, 30)]
    [InlineData("{}", true, 8)]
    public async Task What_is_ended_at_one_broker_is_refused_at_the_other_within_a_second(string redisOptions, bool isDeaf, int rounds)
    {
        await using var redis = await RedisServer.Start();
        await using var wire = new Wire(redis.Port);
        var words = 0;
        wire.Gate = passing =>
        {
            var isWord =
                passing.IsAnswer && passing.Bytes.Span.IndexOf("message"u8) >= 0 && passing.Bytes.Span.IndexOf("\r\nledger\r\n"u8) >= 0;
            words += isWord ? 1 : 0;
            return Task.FromResult(!isWord || !isDeaf);
        };
        await using var fleet = await TokenFleet.Start(
            2,
            i => [i == 0 ? redis.Endpoint : wire.Endpoint],
            redisOptions,
            broker => broker["TokenService"]!["UnknownAfter"] = "00:10:00"
        );
        var first = await TokenFleet.Login(fleet.Brokers[0]);
        await fleet.Counts(fleet.Brokers[0], first.Access);
        await fleet.Counts(fleet.Brokers[1], first.Access);

        // A machine that stands still for a moment is not the broker's: of three tries the best one counts, and all are told.
        var best = TimeSpan.MaxValue;
        for (var i = 0; i < Tries && best >= Bound; i++)
        {
            List<TimeSpan> delays = [];
            foreach (var (user, what) in Enumerable.Repeat(Kinds, rounds).SelectMany(kinds => kinds))
            {
                delays.Add(await Delay(fleet, await TokenFleet.Login(fleet.Brokers[0], user), what));
                if (delays[^1] >= Bound)
                {
                    break;
                }
            }
            delays.Sort();
            output.WriteLine(
                $"{redisOptions}{(isDeaf ? ", no word" : "")}: {delays.Count} ended; ms median {delays[delays.Count / 2].TotalMilliseconds:F1}, "
                    + $"p90 {delays[delays.Count * 9 / 10].TotalMilliseconds:F1}, max {delays[^1].TotalMilliseconds:F1}"
            );
            best = delays[^1] < best ? delays[^1] : best;
        }

        best.ShouldBeLessThan(Bound);
        words.ShouldBeGreaterThan(0, "words are sent, and come by here");
    }

    /// <summary>From the moment at which it is asked for to the first refusal at the other broker.</summary>
    private static async Task<TimeSpan> Delay(TokenFleet fleet, Pair pair, Func<Pair, string> what)
    {
        (await fleet.Ask(fleet.Brokers[1], pair.Access)).ShouldBe(200); // and it is remembered there
        var from = TimeProvider.System.GetTimestamp();
        var ended = TokenFleet.End(fleet.Brokers[0], what(pair));
        await Eventually.Holds(async () => await fleet.Ask(fleet.Brokers[1], pair.Access) == 401, "it is refused");
        var delay = TimeProvider.System.GetElapsedTime(from);
        (await ended).Status.ShouldBe(200);
        return delay;
    }
}
