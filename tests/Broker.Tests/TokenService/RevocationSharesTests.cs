using Broker.TokenService;
using Microsoft.Extensions.Time.Testing;
using Shouldly;
using Xunit;

namespace Broker.Tests.TokenService;

/// <summary>What is revoked is bounded by who revokes it, and not by time alone.</summary>
public sealed class RevocationSharesTests
{
    private readonly FakeTimeProvider clock = new();
    private readonly RevocationShares shares;

    public RevocationSharesTests() => shares = new(clock);

    [Fact]
    public void Beyond_its_room_a_client_ends_all_that_is_its_own_and_that_slows_down()
    {
        var alone = Take(RevocationShares.MostOfItsOwn, isItsOwn: true).Count(room => room.IsThere);
        alone.ShouldBe(RevocationShares.MostOfItsOwn);

        // An hour of a client that makes and revokes tokens as fast as it can.
        var all = 0;
        for (var second = 0; second < 3600; second++)
        {
            foreach (var room in Take(20, isItsOwn: true))
            {
                room.IsThere.ShouldBeFalse();
                all += room.IsForAll ? 1 : 0;
                (room.IsForAll || room.Wait >= TimeSpan.FromSeconds(1)).ShouldBeTrue();
            }

            clock.Advance(TimeSpan.FromSeconds(1));
        }

        all.ShouldBeInRange(10, 16);
    }

    [Fact]
    public void Who_revokes_the_tokens_of_others_never_waits_longer_than_a_minute()
    {
        Take(RevocationShares.MostOfOthers, isItsOwn: false).ShouldAllBe(room => room.IsThere);
        for (var i = 0; i < 100; i++)
        {
            var room = Take(1, isItsOwn: false).Single();
            room.IsForAll.ShouldBeFalse();
            room.Wait.ShouldBeLessThanOrEqualTo(TimeSpan.FromMinutes(1));
            clock.Advance(room.Wait);
        }
    }

    [Fact]
    public void The_same_thing_again_takes_no_room_and_another_client_has_its_own()
    {
        for (var i = 0; i < RevocationShares.MostOfItsOwn * 2; i++)
        {
            shares.Take("key:app", "one", End, isItsOwn: true).IsThere.ShouldBeTrue();
        }

        Take(RevocationShares.MostOfItsOwn, isItsOwn: true);
        shares.Take("key:app", "one", End, isItsOwn: true).IsThere.ShouldBeTrue();
        shares.Take("key:other", "two", End, isItsOwn: true).IsThere.ShouldBeTrue();
    }

    [Fact]
    public void There_is_room_again_when_what_was_revoked_is_over_anyway()
    {
        Take(RevocationShares.MostOfItsOwn, isItsOwn: true);
        Take(1, isItsOwn: true).Single().IsThere.ShouldBeFalse();
        clock.Advance(TimeSpan.FromHours(3));
        Take(RevocationShares.MostOfItsOwn, isItsOwn: true).ShouldAllBe(room => room.IsThere);
    }

    private DateTimeOffset End => clock.GetUtcNow() + TimeSpan.FromHours(2);

    private List<RevocationRoom> Take(int count, bool isItsOwn) =>
        [.. Enumerable.Range(0, count).Select(_ => shares.Take("key:app", Guid.NewGuid().ToString(), End, isItsOwn))];
}
