using Broker.Tests.Redis;
using Shouldly;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>Rotating refresh tokens over two brokers.</summary>
[Collection(Lanes.TokenService)]
public sealed class RotationTests : IAsyncLifetime
{
    private RedisServer redis = null!;
    private TokenFleet fleet = null!;

    private BrokerProcess One => fleet.Brokers[0];

    private BrokerProcess Other => fleet.Brokers[1];

    public async ValueTask InitializeAsync()
    {
        redis = await RedisServer.Start();
        fleet = await TokenFleet.Start(2, _ => [redis.Endpoint]);
    }

    public async ValueTask DisposeAsync()
    {
        await fleet.DisposeAsync();
        await redis.DisposeAsync();
    }

    [Fact]
    public async Task A_lost_answer_comes_again_from_either_broker_until_the_successor_is_used_and_then_the_old_one_ends_the_session_at_both()
    {
        var login = await TokenFleet.Login(One);
        var first = TokenFleet.PairOf(await TokenFleet.Used(One, login.Refresh));
        TokenFleet.PairOf(await TokenFleet.Used(Other, login.Refresh)).Refresh.ShouldBe(first.Refresh);
        TokenFleet.PairOf(await TokenFleet.Used(One, login.Refresh)).Refresh.ShouldBe(first.Refresh);
        var second = TokenFleet.PairOf(await TokenFleet.Used(Other, first.Refresh));
        second.Refresh.ShouldNotBe(first.Refresh);
        await fleet.Counts(One, second.Access);
        await fleet.Counts(Other, second.Access);

        (await TokenFleet.Used(One, login.Refresh)).ShouldBe(new(401, null, "")); // long within the grace, which the use has closed

        foreach (var broker in fleet.Brokers)
        {
            foreach (var access in new[] { login.Access, first.Access, second.Access })
            {
                await fleet.IsRefused(broker, access);
            }
            (await TokenFleet.Used(broker, second.Refresh)).Status.ShouldBe(401);
            (await TokenFleet.Used(broker, first.Refresh)).Status.ShouldBe(401);
        }
    }

    [Fact]
    public async Task Of_uses_at_the_same_moment_at_both_brokers_all_get_the_same_successor()
    {
        var pair = await TokenFleet.Login(One);
        for (var i = 0; i < 10; i++)
        {
            var refresh = pair.Refresh;
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(j => TokenFleet.Used(fleet.Brokers[j % 2], refresh)));
            answers.Select(answer => TokenFleet.PairOf(answer).Refresh).Distinct().Count().ShouldBe(1);
            pair = TokenFleet.PairOf(answers[0]);
        }
        await fleet.Counts(Other, pair.Access);
    }

    [Fact]
    public async Task While_redis_stands_still_login_and_refresh_are_503_and_the_same_token_goes_on_when_it_is_back()
    {
        var login = await TokenFleet.Login(One);
        await fleet.Counts(One, login.Access);
        await fleet.Counts(Other, login.Access);
        redis.Freeze();
        foreach (var broker in fleet.Brokers)
        {
            (await TokenFleet.Use(broker, login.Refresh)).Status.ShouldBe(503);
            (await TokenFleet.LogIn(broker)).Status.ShouldBe(503);
            (await fleet.Ask(broker, login.Access)).ShouldBe(200);
        }

        redis.Thaw();
        // A use that Redis read when it went on counts, and is the same one within the grace.
        var next = TokenFleet.PairOf(await TokenFleet.Used(One, login.Refresh));
        TokenFleet.PairOf(await TokenFleet.Used(Other, login.Refresh)).Refresh.ShouldBe(next.Refresh);
    }
}
