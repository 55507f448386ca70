using Broker.Credentials;
using Broker.Tests.Credentials;
using Broker.TokenService;
using Microsoft.Extensions.Time.Testing;
using Shouldly;
using Xunit;

namespace Broker.Tests.TokenService;

public sealed class LedgerTests
{
    private readonly FakeTimeProvider clock = new(new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public async Task The_wait_grows_with_each_failure_to_a_quarter_of_an_hour_and_a_day_later_all_is_forgotten()
    {
        var attempts = new LocalLoginThrottle(clock);
        var waits = new List<double>();
        for (var i = 0; i < 24; i++)
        {
            var turn = await attempts.Begin("alice", "1", default);
            if (!turn.MayTry)
            {
                waits.Add(turn.Wait.TotalSeconds);
                clock.Advance(turn.Wait);
                (await attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue();
            }
        }

        waits.ShouldBe([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]);
        clock.Advance(TimeSpan.FromDays(1));
        (await attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue();
        (await attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue();
    }

    [Fact]
    public async Task Many_attempts_at_the_same_moment_are_many_and_only_that_name_at_that_address_waits()
    {
        var attempts = new LocalLoginThrottle(clock);
        var turns = new List<LoginAttempt>();
        for (var i = 0; i < 1000; i++)
        {
            turns.Add(await attempts.Begin("alice", "1", default));
        }

        turns.Count(turn => turn.MayTry).ShouldBe(LocalLoginThrottle.Free);
        (await attempts.Begin("alice", "2", default)).MayTry.ShouldBeTrue();
        (await attempts.Begin("bob", "1", default)).MayTry.ShouldBeTrue();
    }

    [Fact]
    public async Task A_flood_of_names_takes_bounded_room_and_does_not_set_a_guesser_free()
    {
        var attempts = new LocalLoginThrottle(clock, capacity: 100);
        for (var i = 0; i < LocalLoginThrottle.Free; i++)
        {
            await attempts.Begin("alice", "1", default);
        }

        for (var i = 0; i < 1000; i++)
        {
            await attempts.Begin($"name-{i}", "1", default);
        }

        attempts.Count.ShouldBeLessThanOrEqualTo(100);
        (await attempts.Begin("alice", "1", default)).MayTry.ShouldBeFalse();
    }

    [Fact]
    public async Task Beyond_a_thousand_names_of_an_address_they_share_one_count_that_no_success_breaks_until_names_are_forgotten()
    {
        var attempts = new LocalLoginThrottle(clock);
        for (var i = 0; i < LocalLoginThrottle.NamesApart; i++)
        {
            await attempts.Begin($"name-{i}", "1", default);
        }

        for (var i = 0; i < LocalLoginThrottle.Free; i++)
        {
            (await attempts.Begin($"beyond-{i}", "1", default)).MayTry.ShouldBeTrue();
            var mine = await attempts.Begin("mine", "1", default); // with a password that is right
            mine.MayTry.ShouldBe(i < LocalLoginThrottle.Free - 1);
            if (mine.MayTry)
            {
                await attempts.Succeeded("mine", "1", wasBegun: true, default);
                await attempts.Succeeded("mine", "1", wasBegun: false, default); // and once more, remembered
            }
        }

        (await attempts.Look("alice", "1", default)).MayTry.ShouldBeFalse();
        for (var growing = TimeSpan.Zero; growing < LocalLoginThrottle.Longest; )
        {
            var turn = await attempts.Begin("alice", "1", default);
            turn.Wait.ShouldBeGreaterThan(growing);
            growing = turn.Wait;
            clock.Advance(turn.Wait);
            (await attempts.Begin("mine", "1", default)).MayTry.ShouldBeTrue();
            await attempts.Succeeded("mine", "1", wasBegun: true, default);
        }

        attempts.Count.ShouldBe(LocalLoginThrottle.NamesApart + 1);
        (await attempts.Begin("name-0", "1", default)).MayTry.ShouldBeTrue();
        (await attempts.Begin("alice", "2", default)).MayTry.ShouldBeTrue();
        clock.Advance(LocalLoginThrottle.FewForgotten);
        (await attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue(); // apart again
    }

    [Fact]
    public async Task A_name_that_is_written_in_another_way_is_no_other_name()
    {
        var attempts = new LocalLoginThrottle(clock);
        for (var i = 0; i < LocalLoginThrottle.Free; i++)
        {
            (await attempts.Begin(i % 2 == 0 ? "alice" : "ALICE ", "1", default)).MayTry.ShouldBeTrue();
        }

        (await attempts.Begin(" Alice", "1", default)).MayTry.ShouldBeFalse();
    }

    [Fact]
    public async Task A_password_that_nobody_looked_at_does_not_count()
    {
        var attempts = new LocalLoginThrottle(clock);
        for (var i = 0; i < 100; i++)
        {
            (await attempts.Begin("alice", "1", default)).MayTry.ShouldBeTrue();
            await attempts.Withdraw("alice", "1", default);
        }
    }

    [Fact]
    public async Task After_the_grace_an_old_refresh_token_is_reuse_and_an_ended_line_is_forgotten()
    {
        var rotation = new LocalRefreshTokenRotation(clock);
        var line = (await rotation.Begin(clock.GetUtcNow().AddHours(1), default))!;
        RefreshUse Use(int place) => new(line, place, $"successor of {place}", TimeSpan.FromSeconds(10), clock.GetUtcNow().AddHours(1));

        (await rotation.Use(Use(0), default)).ShouldBe(new(RotationVerdict.First, "successor of 0"));
        clock.Advance(TimeSpan.FromSeconds(9));
        (await rotation.Use(Use(0) with { Successor = "another" }, default)).ShouldBe(new(RotationVerdict.WithinGrace, "successor of 0"));
        clock.Advance(TimeSpan.FromSeconds(1));
        (await rotation.Use(Use(0), default)).Verdict.ShouldBe(RotationVerdict.Reused);
        (await rotation.Use(Use(2), default)).Verdict.ShouldBe(RotationVerdict.Reused);
        (await rotation.Use(Use(1), default)).ShouldBe(new(RotationVerdict.First, "successor of 1"));

        clock.Advance(TimeSpan.FromHours(2));
        await rotation.Use(Use(0) with { Family = (await rotation.Begin(clock.GetUtcNow().AddHours(1), default))! }, default);
        rotation.Count.ShouldBe(1);
        (await new LocalRefreshTokenRotation(clock).Use(Use(2), default)).Verdict.ShouldBe(RotationVerdict.UnknownFamily);
    }

    [Fact]
    public void What_is_not_known_is_no_permission()
    {
        default(LoginAttempt).MayTry.ShouldBeFalse();
        default(RotationAnswer).Verdict.ShouldBe(RotationVerdict.Unknown);
        default(RefreshResult).RevocationStatus.ShouldBe(Broker.Credentials.RevocationStatus.Unknown);
    }
}
