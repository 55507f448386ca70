using Broker.Configuration;
using Broker.Tests.UpstreamTokens.Simulation;
using Broker.UpstreamTokens;
using Microsoft.Extensions.Time.Testing;
using Shouldly;
using Xunit;

namespace Broker.Tests.UpstreamTokens;

/// <summary>Who may log in when, while Redis is away and there are fewer logins than replicas.</summary>
public sealed class SeatTests
{
    private static readonly TimeSpan Lives = TimeSpan.FromMinutes(1);

    private readonly FakeTimeProvider clock = new();
    private readonly AtOnce store = new(new SimulatedRedis(new Pump(1)));

    [Theory]
    [InlineData(1, 60, 8)]
    [InlineData(2, 60, 3)]
    [InlineData(4, 60, 8)]
    [InlineData(5, 600, 8)] // as DeviceHive's accounts have it
    [InlineData(7, 60, 8)]
    [InlineData(3, 3600, 50)]
    public void However_replicas_use_their_turns_no_window_sees_more_logins_than_it_permits(int permit, int seconds, int replicas)
    {
        var chance = new Random(permit * seconds);
        var window = new LoginWindowOptions { Permit = permit, Per = TimeSpan.FromSeconds(seconds) };
        var times = new SharedTimes { MaxReplicas = replicas, SeatLives = TimeSpan.FromDays(300) };
        var seats = Enumerable
            .Range(0, replicas)
            .Select(i => Sitting(i, times, new Clock(clock, chance), times.ClocksDiffer * ((chance.NextDouble() * 2) - 1)))
            .ToArray();
        clock.Advance(window.Per * 1000 / permit); // away for long: clocks that nobody sets drift apart
        var (used, logins, step) = (new long[replicas], new List<long>(), window.Per / 100);
        for (var i = 0; i < 100 * 2 * replicas * 4; i++)
        {
            foreach (
                var replica in Enumerable
                    .Range(0, replicas)
                    .Where(replica => seats[replica].TurnIn(window, TimeSpan.FromHours(1)) == TimeSpan.Zero)
            )
            {
                // One login in so long is the replica's own share; some are eager, some late.
                if (clock.GetTimestamp() - used[replica] >= (window.Per * replicas / permit).Ticks && chance.Next(3) == 0)
                {
                    used[replica] = clock.GetTimestamp();
                    logins.Add(used[replica]);
                }
            }
            clock.Advance(step);
        }
        logins.Count.ShouldBeGreaterThan(replicas * 2);
        for (var i = 0; i + permit < logins.Count; i++)
        {
            (logins[i + permit] - logins[i]).ShouldBeGreaterThanOrEqualTo(window.Per.Ticks);
        }
    }

    [Fact]
    public void Who_waits_for_his_turn_finds_it_when_he_was_told()
    {
        var window = new LoginWindowOptions { Permit = 2, Per = TimeSpan.FromSeconds(60) };
        var seat = Sitting(5, new SharedTimes { MaxReplicas = 8, SeatLives = TimeSpan.FromDays(1) });
        for (var i = 0; i < 20; i++)
        {
            clock.Advance(TimeSpan.FromSeconds(37));
            var wait = seat.TurnIn(window, TimeSpan.FromHours(1));
            clock.Advance(wait);
            seat.TurnIn(window, TimeSpan.FromHours(1)).ShouldBe(TimeSpan.Zero);
        }
    }

    [Fact]
    public void However_long_redis_is_away_turns_go_on()
    {
        var window = new LoginWindowOptions { Permit = 4, Per = TimeSpan.FromSeconds(60) };
        var seat = Sitting(3, new SharedTimes { MaxReplicas = 8, SeatLives = TimeSpan.FromDays(1) });
        clock.Advance(TimeSpan.FromDays(30));
        clock.Advance(seat.TurnIn(window, TimeSpan.FromDays(30)));
        seat.TurnIn(window, TimeSpan.FromDays(31)).ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void Without_a_seat_or_with_one_that_was_not_said_in_time_there_is_no_turn()
    {
        var window = new LoginWindowOptions { Permit = 1, Per = TimeSpan.FromSeconds(10) };
        var times = new SharedTimes { MaxReplicas = 2, SeatLives = Lives };
        using var none = new Seat(store, times, () => 1, clock);
        none.TurnIn(window, TimeSpan.FromHours(1)).ShouldBe(window.Per);
        var seat = Sitting(0, times);
        clock.Advance(seat.TurnIn(window, clock.GetElapsedTime(0)));
        seat.TurnIn(window, TimeSpan.FromHours(1)).ShouldBe(TimeSpan.Zero);
        clock.Advance(TimeSpan.FromMinutes(10));
        clock.Advance(seat.TurnIn(window, TimeSpan.FromMinutes(10)));
        seat.TurnIn(window, TimeSpan.FromMinutes(11)).ShouldBe(TimeSpan.Zero); // away since it was said
        seat.TurnIn(window, TimeSpan.FromMinutes(1)).ShouldBe(window.Per); // it was another's long before Redis went away
    }

    [Fact]
    public void Redis_said_its_time_halfway_and_who_had_to_wait_too_long_for_it_has_no_seat()
    {
        var window = new LoginWindowOptions { Permit = 1, Per = TimeSpan.FromSeconds(10) };
        var times = new SharedTimes { MaxReplicas = 2, SeatLives = TimeSpan.FromDays(1) };
        var there = Sitting(0, times);
        foreach (var took in new[] { TimeSpan.FromMilliseconds(900), times.ClocksDiffer })
        {
            var late = Sitting(0, times, took: took);
            for (var i = 0; i < 24; i++)
            {
                clock.Advance(window.Per / 4);
                late.TurnIn(window, TimeSpan.Zero).ShouldBe(there.TurnIn(window, TimeSpan.Zero), TimeSpan.FromMilliseconds(50));
            }
        }
        var never = Sitting(0, times, took: times.ClocksDiffer + TimeSpan.FromTicks(1));
        for (var i = 0; i < 24; i++)
        {
            clock.Advance(window.Per / 4);
            never.TurnIn(window, TimeSpan.Zero).ShouldBe(window.Per);
        }
    }

    /// <summary>A replica that sits there, and says nothing from now on.</summary>
    private Seat Sitting(int number, SharedTimes times, TimeProvider? own = null, TimeSpan wrong = default, TimeSpan took = default)
    {
        var seat = new Seat(new Always(number, clock, wrong, took), times, () => 1, own ?? clock);
        seat.Want();
        seat.Dispose();
        return seat;
    }

    /// <summary>It says the time in the middle of the call.</summary>
    private sealed class Always(int number, FakeTimeProvider clock, TimeSpan wrong, TimeSpan took) : AtOnce(new SimulatedRedis(new Pump(1)))
    {
        public override Task<Seating?> Sit(Broker.UpstreamTokens.Attempt who, int? had, int seats, TimeSpan lives)
        {
            clock.Advance(took / 2);
            var now = clock.GetUtcNow().Ticks;
            clock.Advance(took - (took / 2));
            return Task.FromResult<Seating?>(new(number, TimeSpan.FromTicks(now) + wrong));
        }
    }

    /// <summary>One replica's: runs a little slow or fast, and has the time of day quite wrong.</summary>
    private sealed class Clock(FakeTimeProvider right, Random chance) : TimeProvider
    {
        private readonly double pace = 1 + (chance.Next(2) == 0 ? 0.0001 : -0.0001);
        private readonly long booted = chance.NextInt64(1_000_000_000_000);
        private readonly long from = right.GetTimestamp();

        public override long TimestampFrequency => right.TimestampFrequency;

        public override long GetTimestamp() => booted + (long)((right.GetTimestamp() - from) * pace);

        public override DateTimeOffset GetUtcNow() => right.GetUtcNow() + TimeSpan.FromTicks(booted);
    }
}
