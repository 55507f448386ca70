using Broker.UpstreamTokens;
using Shouldly;
using Xunit;

namespace Broker.Tests.UpstreamTokens;

/// <summary>What every store of shared tokens does, real or simulated.</summary>
public abstract class SharedTokensConformance
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(10);
    private static readonly NamingKey Names = new("a name key of the tests, long enough");

    private ulong chance = 1;

    private protected RecordKey Name { get; } = new(Names.Name("identity", $"{Guid.NewGuid()}"), Names.Name("record"));

    /// <summary>The store under test.</summary>
    private protected abstract ISharedTokens Store { get; }

    /// <summary>Lets the store's time pass.</summary>
    private protected abstract Task Pass(TimeSpan time);

    /// <summary>The store restarts, keeps what it has, and has a new run id.</summary>
    private protected abstract Task Restart();

    /// <summary>The store restarts empty.</summary>
    private protected abstract Task RestartEmpty();

    [Fact]
    public async Task What_was_never_stored_is_absent()
    {
        var seen = await Store.Read(Name);
        (seen.Outcome, seen.Number, seen.Pair, seen.Note, seen.LeaseLeft, seen.Quiet, seen.LacksKey).ShouldBe(
            (StoreOutcome.Done, 0, null, null, TimeSpan.Zero, default, null)
        );
        seen.Run.ShouldNotBeNullOrEmpty();
        seen.Now.ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task A_lease_is_one_attempts_until_it_is_released()
    {
        var (one, other) = (New(), New());
        var taken = await Store.Take(Name, one, Long);
        taken.Number.ShouldBeGreaterThan(0);
        var refused = await Store.Take(Name, other, Long);
        refused.Number.ShouldBe(0);
        refused.LeaseLeft.ShouldBeInRange(Long / 2, Long);
        (await Store.Release(Name, other)).ShouldBe(StoreOutcome.Done); // not its own: nothing
        (await Store.Take(Name, other, Long)).Number.ShouldBe(0);
        await Store.Release(Name, one);
        (await Store.Take(Name, other, Long)).Number.ShouldBeGreaterThan(taken.Number);
    }

    [Fact]
    public async Task A_lease_that_is_not_extended_ends()
    {
        var (one, other) = (New(), New());
        var first = await Store.Take(Name, one, Short);
        (await Store.Extend(Name, one, Short * 4)).ShouldBe(StoreOutcome.Done);
        await Pass(Short * 1.5);
        (await Store.Take(Name, other, Long)).Number.ShouldBe(0);
        await Pass(Short * 4);
        (await Store.Extend(Name, one, Long)).ShouldBe(StoreOutcome.Lost);
        (await Store.Take(Name, other, Long)).Number.ShouldBeGreaterThan(first.Number);
        (await Store.Note(Name, one, Digest, Long, Long)).ShouldBe(StoreOutcome.Lost);
    }

    [Fact]
    public async Task A_number_is_above_what_was_stored_and_an_empty_store_never_counts_backwards()
    {
        var first = await Store.Take(Name, New(), Short);
        await RestartEmpty();
        var second = await Taken();
        second.StoredState.Number.ShouldBeGreaterThan(first.Number);
        await Store.Commit(Name, second.Attempt, Pair(second.StoredState.Number + 1_000_000_000_000), Long);
        await Store.Release(Name, second.Attempt);
        (await Taken()).StoredState.Number.ShouldBeGreaterThan(second.StoredState.Number + 1_000_000_000_000);
    }

    [Fact]
    public async Task A_pair_comes_back_as_it_was()
    {
        var (attempt, seen) = await Taken();
        var pair = Pair(seen.Number);
        (await Store.Commit(Name, attempt, pair, TimeSpan.FromMinutes(5))).ShouldBe(StoreOutcome.Done);
        var read = await Store.Read(Name);
        read.Pair.ShouldBe(pair with { RunId = read.Run });
        read.PairLeft!.Value.ShouldBeInRange(TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(5));
        await Store.Commit(Name, attempt, pair, null);
        (await Store.Read(Name)).PairLeft.ShouldBeNull();
    }

    [Fact]
    public async Task An_older_number_is_void_and_the_same_one_only_its_own_attempts()
    {
        var (late, seen) = await Taken(Short);
        await Pass(Short * 1.5);
        var (attempt, newer) = await Taken();
        (await Store.Commit(Name, attempt, Pair(newer.Number, "new"), Long)).ShouldBe(StoreOutcome.Done);
        (await Store.Commit(Name, attempt, Pair(newer.Number, "new"), Long)).ShouldBe(StoreOutcome.Done);
        (await Store.Commit(Name, late, Pair(seen.Number, "old"), Long)).ShouldBe(StoreOutcome.Lost);
        (await Store.Commit(Name, late, Pair(newer.Number, "old"), Long)).ShouldBe(StoreOutcome.Lost);
        (await Store.Read(Name)).Pair!.Access.ShouldBe("new");
    }

    [Fact]
    public async Task A_note_stands_until_it_is_withdrawn_or_a_pair_is_committed()
    {
        var (attempt, seen) = await Taken();
        (await Store.Note(Name, attempt, Digest, Long, Long)).ShouldBe(StoreOutcome.Done);
        var note = (await Store.Read(Name)).Note!.Value;
        (note.Number, note.Spends, note.Attempt).ShouldBe((seen.Number, Digest, attempt));
        note.Left.ShouldBeInRange(Long / 2, Long);
        await Store.Settle(Name, New(), new(SpendIntentFate.Withdraw, default, null, default, default, null));
        (await Store.Read(Name)).Note.ShouldNotBeNull();
        await Store.Settle(Name, attempt, new(SpendIntentFate.Shorten, TimeSpan.Zero, null, default, default, null));
        (await Store.Read(Name)).Note!.Value.Left.ShouldBe(TimeSpan.Zero);
        await Store.Settle(Name, attempt, new(SpendIntentFate.Withdraw, default, null, default, default, null));
        (await Store.Read(Name)).Note.ShouldBeNull();
        await Store.Note(Name, attempt, Digest, Long, Long);
        await Store.Commit(Name, attempt, Pair(seen.Number), Long);
        (await Store.Read(Name)).Note.ShouldBeNull();
    }

    [Fact]
    public async Task Extending_the_lease_extends_its_note_and_never_shortens_it()
    {
        var (attempt, _) = await Taken();
        await Store.Note(Name, attempt, Digest, Long, Long);
        await Store.Extend(Name, attempt, Short);
        (await Store.Read(Name)).Note!.Value.Left.ShouldBeGreaterThan(Long / 2);
        await Store.Extend(Name, attempt, Long * 10);
        (await Store.Read(Name)).Note!.Value.Left.ShouldBeGreaterThan(Long * 5);
    }

    [Fact]
    public async Task A_quiet_time_is_not_shortened_and_ends_with_a_commit()
    {
        var (attempt, seen) = await Taken();
        var refused = Names.Name("fingerprint");
        await Store.Settle(Name, attempt, new(SpendIntentFate.Leave, default, Long, TokenProblem.LoginRefused, Long, refused));
        await Store.Settle(Name, attempt, new(SpendIntentFate.Leave, default, Short, TokenProblem.Unavailable, Long, refused));
        var quiet = (await Store.Read(Name)).Quiet;
        (quiet.Problem, quiet.Failures, quiet.Refused, quiet.Refusals).ShouldBe((TokenProblem.LoginRefused, 2, refused, 2));
        quiet.Left.ShouldBeGreaterThan(Long / 2);
        await Store.Settle(Name, attempt, new(SpendIntentFate.Leave, default, null, default, default, Names.Name("another")));
        (await Store.Read(Name)).Quiet.Refusals.ShouldBe(1);
        await Store.Commit(Name, attempt, Pair(seen.Number), Long);
        (await Store.Read(Name)).Quiet.ShouldBe(default);
    }

    [Fact]
    public async Task A_restart_begins_an_epoch_with_the_next_lease()
    {
        var (attempt, before) = await Taken();
        await Store.Commit(Name, attempt, Pair(before.Number), null);
        await Store.Release(Name, attempt);
        await Pass(Short);
        (await Store.Read(Name)).EpochAge.ShouldBeGreaterThanOrEqualTo(Short);
        await Restart();
        var (_, seen) = await Taken();
        seen.Run.ShouldNotBe(before.Run);
        seen.EpochAge.ShouldBeLessThan(Short * 5);
        seen.Pair!.RunId.ShouldBe(before.Run);
    }

    [Fact]
    public async Task A_pair_is_republished_over_an_older_epochs_and_never_over_this_ones()
    {
        var (attempt, seen) = await Taken();
        await Store.Commit(Name, attempt, Pair(seen.Number, "old"), null);
        await Store.Release(Name, attempt);
        await Restart();
        var mine = Pair(seen.Number + 10, "mine") with { RunId = seen.Run };
        (await Store.Republish(Name, mine, null, null)).ShouldBe(StoreOutcome.Done);
        (await Store.Republish(Name, Pair(seen.Number + 5, "older") with { RunId = seen.Run }, null, null)).ShouldBe(StoreOutcome.Done);
        var now = await Store.Read(Name);
        (now.Pair!.Access, now.Pair.FencingToken, Run: now.Pair.RunId).ShouldBe(("mine", seen.Number + 10, seen.Run));
        var (next, taken) = await Taken();
        taken.Number.ShouldBeGreaterThan(mine.FencingToken);
        await Store.Commit(Name, next, Pair(taken.Number, "present"), null);
        (await Store.Republish(Name, Pair(taken.Number + 10, "mine") with { RunId = seen.Run }, null, null)).ShouldBe(StoreOutcome.Lost);
        (await Store.Read(Name)).Pair!.Access.ShouldBe("present");
    }

    [Fact]
    public async Task A_pair_whose_number_is_of_an_earlier_epoch_gives_way_to_a_higher_one()
    {
        var (late, seen) = await Taken();
        await Restart();
        (await Store.Commit(Name, late, Pair(seen.Number, "late") with { RunId = seen.Run }, Long)).ShouldBe(StoreOutcome.Done);
        (await Store.Republish(Name, Pair(seen.Number + 5, "newer") with { RunId = seen.Run }, Long, null)).ShouldBe(StoreOutcome.Done);
        (await Store.Read(Name)).Pair!.Access.ShouldBe("newer");
    }

    [Fact]
    public async Task A_late_commit_of_an_earlier_epoch_is_void_where_this_one_has_a_pair_whatever_their_numbers()
    {
        var (late, seen) = await Taken();
        await Store.Release(Name, late);
        await Restart();
        var (attempt, taken) = await Taken();
        await Store.Commit(Name, attempt, Pair(taken.Number, "present") with { RunId = taken.Run }, Long);
        var ahead = Pair(taken.Number + 10, "late") with { RunId = seen.Run }; // the clock of that Redis was ahead of this one's
        (await Store.Commit(Name, late, ahead, Long)).ShouldBe(StoreOutcome.Lost);
        (await Store.Read(Name)).Pair!.Access.ShouldBe("present");
        // who has the lease is not late: his slot was elsewhere meanwhile
        (await Store.Commit(Name, attempt, ahead, Long)).ShouldBe(StoreOutcome.Done);
    }

    [Fact]
    public async Task What_is_older_than_a_pair_that_ran_out_comes_back_no_more_neither_by_a_late_commit_nor_by_who_held_it_before_an_epoch()
    {
        var (late, seen) = await Taken();
        await Store.Release(Name, late);
        await Restart();
        var (attempt, taken) = await Taken();
        await Store.Commit(Name, attempt, Pair(taken.Number) with { RunId = taken.Run }, Short);
        await Store.Release(Name, attempt);
        await Pass(Short * 1.5);
        (await Store.Read(Name)).Pair.ShouldBeNull();
        (await Store.Commit(Name, late, Pair(seen.Number, "late") with { RunId = seen.Run }, Long)).ShouldBe(StoreOutcome.Lost);
        (await Store.Republish(Name, Pair(seen.Number, "held") with { RunId = seen.Run }, Long, null)).ShouldBe(StoreOutcome.Lost);
        (await Store.Read(Name)).Pair.ShouldBeNull();
        (await Store.Republish(Name, Pair(taken.Number + 1, "newer") with { RunId = seen.Run }, Long, null)).ShouldBe(StoreOutcome.Done);
        (await Taken()).StoredState.Number.ShouldBeGreaterThan(taken.Number + 1);
    }

    [Fact]
    public async Task A_pair_of_this_epoch_that_ran_out_is_not_republished_and_one_without_an_end_is()
    {
        var (attempt, seen) = await Taken();
        await Store.Commit(Name, attempt, Pair(seen.Number), Short);
        await Pass(Short * 1.5);
        var mine = Pair(seen.Number) with { RunId = seen.Run };
        (await Store.Republish(Name, mine, Long, null)).ShouldBe(StoreOutcome.Lost);
        (await Store.Read(Name)).Pair.ShouldBeNull();
        (await Store.Republish(Name, mine, null, null)).ShouldBe(StoreOutcome.Done);
        (await Store.Read(Name)).Pair.ShouldNotBeNull();
    }

    [Fact]
    public async Task A_pair_that_was_taken_away_stands_as_none_above_all_that_went_before()
    {
        var (attempt, seen) = await Taken();
        await Store.Commit(Name, attempt, Pair(seen.Number), Long);
        await Store.Release(Name, attempt);
        var (operators, taken) = await Taken();
        (await Store.Commit(Name, operators, Pair(taken.Number, "") with { Refresh = null }, Long)).ShouldBe(StoreOutcome.Done);
        await Store.Release(Name, operators);
        var read = (await Store.Read(Name)).Pair!;
        (read.IsForgotten, read.FencingToken).ShouldBe((true, taken.Number));
        await Restart();
        await Store.Republish(Name, Pair(seen.Number) with { RunId = seen.Run }, Long, null);
        (await Store.Read(Name)).Pair!.IsForgotten.ShouldBeTrue();
        (await Taken()).StoredState.Number.ShouldBeGreaterThan(taken.Number);
    }

    [Fact]
    public async Task A_note_is_republished_unless_a_higher_one_or_a_newer_pair_is_there()
    {
        var (attempt, seen) = await Taken();
        await RestartEmpty();
        await Store.Republish(Name, null, null, new(seen.Number, Digest, attempt, Long));
        (await Store.Read(Name)).Note!.Value.Number.ShouldBe(seen.Number);
        await Store.Republish(Name, null, null, new(seen.Number - 1, Digest, attempt, Long));
        (await Store.Read(Name)).Note!.Value.Number.ShouldBe(seen.Number);
        var (next, taken) = await Taken();
        await Store.Commit(Name, next, Pair(taken.Number), null);
        await Store.Republish(Name, null, null, new(seen.Number, Digest, attempt, Long));
        (await Store.Read(Name)).Note.ShouldBeNull();
    }

    [Fact]
    public async Task A_budget_is_spent_by_so_many_permits_and_one_attempt_takes_one()
    {
        var budget = Names.Name("budget", $"{Guid.NewGuid()}");
        BudgetWindow[] windows = [new(3, TimeSpan.FromHours(1)), new(100, TimeSpan.FromHours(2))];
        var same = New();
        var first = await Store.Permit(new(budget, same, windows, false, 0));
        (first.Outcome, first.Count).ShouldBe((StoreOutcome.Done, 1));
        (await Store.Permit(new(budget, same, windows, false, 1))).Count.ShouldBe(1);
        (await Store.Permit(new(budget, New(), windows, true, 1))).Outcome.ShouldBe(StoreOutcome.Done);
        (await Store.Permit(new(budget, New(), windows, true, 2))).Outcome.ShouldBe(StoreOutcome.Lost); // rejections: half
        (await Store.Permit(new(budget, New(), windows, false, 2))).Outcome.ShouldBe(StoreOutcome.Done);
        var spent = await Store.Permit(new(budget, New(), windows, false, 3));
        (spent.Outcome, spent.Count).ShouldBe((StoreOutcome.Lost, 3));
        spent.Wait.ShouldBeInRange(TimeSpan.FromMinutes(50), TimeSpan.FromHours(1));
    }

    [Fact]
    public async Task A_budget_whose_marker_is_lost_counts_as_spent_for_one_per()
    {
        var budget = Names.Name("budget", $"{Guid.NewGuid()}");
        BudgetWindow[] windows = [new(3, Short * 4)];
        var known = (await Store.Permit(new(budget, New(), windows, false, 0))).Count;
        await RestartEmpty();
        (await Store.Permit(new(budget, New(), [], false, known, IsReminder: true))).Count.ShouldBe(known);
        (await Store.Permit(new(budget, New(), windows, false, 0))).Outcome.ShouldBe(StoreOutcome.Lost);
        await Pass(Short * 5);
        (await Store.Permit(new(budget, New(), windows, false, 0))).Outcome.ShouldBe(StoreOutcome.Done);
    }

    [Fact]
    public async Task A_permit_given_after_the_marker_was_lost_does_not_hide_the_loss()
    {
        var budget = Names.Name("budget", $"{Guid.NewGuid()}");
        BudgetWindow[] windows = [new(3, TimeSpan.FromMinutes(10))];
        var before = await Store.Permit(new(budget, New(), windows, false, 0));
        await RestartEmpty();
        var open = await Store.Permit(new(budget, New(), windows, false, 0)); // who knows of nothing finds no marker
        (open.Outcome, open.Count).ShouldBe((StoreOutcome.Done, 1));
        open.Run.ShouldNotBe(before.Run);
        await Store.Permit(new(budget, New(), [], false, before.Count, IsReminder: true, KnownFrom: before.Run));
        (await Store.Permit(new(budget, New(), windows, false, 1, KnownFrom: open.Run))).Outcome.ShouldBe(StoreOutcome.Lost);
    }

    [Fact]
    public async Task A_login_made_alone_counts_once_and_from_when_it_was_made()
    {
        var budget = Names.Name("budget", $"{Guid.NewGuid()}");
        BudgetWindow[] windows = [new(2, TimeSpan.FromMinutes(10))];
        LoneLogin[] alone =
        [
            new(New(), TimeSpan.FromMinutes(9), false),
            new(New(), TimeSpan.FromMinutes(11), false),
            new(New(), TimeSpan.FromMinutes(4), true),
        ];
        (await Store.Permit(new(budget, New(), [], false, 0, IsReminder: true, alone))).Count.ShouldBe(3);
        var spent = await Store.Permit(new(budget, New(), windows, false, 0, Alone: alone)); // told twice
        (spent.Outcome, spent.Count).ShouldBe((StoreOutcome.Lost, 3));
        spent.Wait.ShouldBeInRange(TimeSpan.FromSeconds(20), TimeSpan.FromMinutes(1));
        BudgetWindow[] wider = [new(3, TimeSpan.FromMinutes(10))];
        // the one rejection that half of three allows was alone
        (await Store.Permit(new(budget, New(), wider, true, 3))).Outcome.ShouldBe(StoreOutcome.Lost);
        (await Store.Permit(new(budget, New(), wider, false, 3))).Outcome.ShouldBe(StoreOutcome.Done);
    }

    [Fact]
    public async Task Each_seat_is_one_replicas_as_long_as_it_says_so_and_then_anothers()
    {
        var (one, two, three, lives) = (New(), New(), New(), Short * 3);
        (await Seat(one, null, 2, lives)).ShouldBe(null); // who had a seat has not had time to say so
        await Pass(lives);
        (await Seat(one, null, 2, lives)).ShouldBe(0);
        (await Seat(two, null, 2, lives)).ShouldBe(1);
        (await Seat(three, null, 2, lives)).ShouldBe(null);
        (await Seat(three, 1, 2, lives)).ShouldBe(null);
        await Pass(lives / 2);
        (await Seat(two, 1, 2, lives)).ShouldBe(1);
        await Pass(lives * 0.7);
        (await Seat(three, null, 2, lives)).ShouldBe(0);
        (await Seat(one, 0, 2, lives)).ShouldBe(null);
    }

    [Fact]
    public async Task After_an_epoch_a_seat_is_his_who_had_it_and_new_ones_have_to_wait()
    {
        var (one, two, lives) = (New(), New(), Short * 3);
        await Store.Sit(one, null, 2, lives);
        await Pass(lives);
        (await Seat(one, null, 2, lives)).ShouldBe(0);
        await RestartEmpty();
        (await Seat(two, null, 2, TimeSpan.FromMinutes(1))).ShouldBe(null);
        (await Seat(one, 0, 2, lives)).ShouldBe(0);
    }

    [Fact]
    public async Task With_a_seat_or_without_one_Redis_says_what_time_it_has()
    {
        var (one, two, lives) = (New(), New(), Short * 3);
        await Store.Sit(one, null, 1, lives);
        await Pass(lives);
        foreach (var (who, number) in new (Attempt, int?)[] { (one, 0), (two, null) })
        {
            var before = (await Store.Read(Name)).Now;
            var seating = (await Store.Sit(who, null, 1, lives)).ShouldNotBeNull();
            seating.Number.ShouldBe(number);
            seating.Now.ShouldBeInRange(TimeSpan.FromMicroseconds(before), TimeSpan.FromMicroseconds((await Store.Read(Name)).Now));
        }
    }

    [Fact]
    public async Task Who_waits_is_woken_by_a_commit_and_by_a_release()
    {
        var (attempt, seen) = await Taken();
        var woken = Store.Changed(Name, TimeSpan.FromMinutes(5));
        await Store.Commit(Name, attempt, Pair(seen.Number), null);
        await woken.WaitAsync(TimeSpan.FromSeconds(60));
        woken = Store.Changed(Name, TimeSpan.FromMinutes(5));
        await Store.Release(Name, attempt);
        await woken.WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>A time that is short and not too short for a busy machine.</summary>
    private protected static TimeSpan Short { get; } = TimeSpan.FromMilliseconds(400);

    private static OpaqueName Digest { get; } = Names.Name("spends", "r");

    private async Task<int?> Seat(Attempt who, int? had, int seats, TimeSpan lives) =>
        (await Store.Sit(who, had, seats, lives)).ShouldNotBeNull().Number;

    private protected Attempt New() => new(0xabcd, chance++);

    private protected async Task<(Attempt Attempt, StoredState StoredState)> Taken(TimeSpan? lease = null)
    {
        var attempt = New();
        var seen = await Store.Take(Name, attempt, lease ?? Long);
        seen.Number.ShouldBeGreaterThan(0);
        return (attempt, seen);
    }

    private protected static SharedPair Pair(long generation, string access = "access") =>
        new()
        {
            FencingToken = generation,
            Record = Names.Name("record"),
            Access = access,
            Refresh = "refresh",
            Life = TimeSpan.FromMinutes(30),
            EndsAt = 1_800_000_000_000_000,
            EndsAtUtc = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero),
            By = "replica",
        };
}
