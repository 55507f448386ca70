using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;

namespace Broker.Tests.UpstreamTokens;

public sealed class TokenCellTests : IDisposable
{
    private readonly CellBench bench = new();

    public void Dispose() => bench.Dispose();

    [Fact]
    public async Task An_empty_cell_logs_in_once_for_all_who_wait()
    {
        var login = bench.Source.OnLogin();
        var cell = bench.Cell();
        var waits = Enumerable.Range(0, 100).Select(_ => cell.Get(None).AsTask()).ToArray();
        login.SetResult(bench.Source.Next());
        var results = await Task.WhenAll(waits);
        results.ShouldAllBe(result => result.Token == results[0].Token && result.Token != null);
        bench.Source.Logins.ShouldBe(1);
    }

    [Fact]
    public async Task A_due_token_is_handed_out_and_renewed_behind_it_once()
    {
        var cell = bench.Cell();
        var first = await Fresh(cell);
        bench.Source.OnLogin();
        bench.Pass(TimeSpan.FromMinutes(27.9));
        cell.TryGet(out _).ShouldBeTrue();
        bench.Source.Logins.ShouldBe(1);
        bench.Pass(TimeSpan.FromMinutes(1));
        for (var i = 0; i < 10; i++)
        {
            cell.TryGet(out var token).ShouldBeTrue();
            token.ShouldBe(first);
        }
        bench.Source.Logins.ShouldBe(2);
    }

    [Fact]
    public async Task A_token_in_use_is_renewed_before_anyone_asks()
    {
        var cell = bench.Cell();
        var first = await Fresh(cell);
        bench.Pass(TimeSpan.FromMinutes(20));
        cell.TryGet(out _).ShouldBeTrue();
        bench.Pass(TimeSpan.FromMinutes(9));
        bench.Source.Logins.ShouldBe(2);
        (await Fresh(cell)).ShouldNotBe(first);
    }

    [Fact]
    public async Task The_margin_is_never_more_than_a_quarter_of_the_life()
    {
        bench.Source.Life = TimeSpan.FromSeconds(40);
        for (var i = 0; i < 100; i++)
        {
            var token = await Fresh(bench.Cell($"{i}"));
            bench.Clock.GetElapsedTime(bench.Now, token.DueAt).TotalSeconds.ShouldBeInRange(30, 32);
        }
    }

    [Fact]
    public async Task Two_cells_are_not_due_at_the_same_time()
    {
        var due = new HashSet<long>();
        for (var i = 0; i < 20; i++)
        {
            due.Add((await Fresh(bench.Cell($"{i}"))).DueAt);
        }
        due.Count.ShouldBe(20);
    }

    [Fact]
    public async Task A_token_past_its_end_is_never_handed_out_while_the_endpoint_is_down()
    {
        var cell = bench.Cell();
        var token = await Fresh(cell);
        for (var i = 0; i < 1000; i++)
        {
            bench.Source.OnLogin(TokenAnswer.Unknown("down"));
        }
        for (var i = 0; i < 360; i++)
        {
            bench.Pass(TimeSpan.FromSeconds(10));
            var isOver = bench.Now >= token.EndsAt;
            token.IsOver.ShouldBe(isOver);
            cell.TryGet(out _).ShouldBe(!isOver);
            var result = await cell.Get(None);
            (result.Token is null).ShouldBe(isOver);
            if (isOver)
            {
                result.Problem.ShouldBe(TokenProblem.Unavailable);
                result.RetryAfter.ShouldNotBeNull().ShouldBeGreaterThan(TimeSpan.Zero);
            }
        }
        bench.Source.Logins.ShouldBeInRange(5, 25);
    }

    [Fact]
    public async Task One_who_gives_up_does_not_cancel_what_others_wait_for()
    {
        var login = bench.Source.OnLogin();
        var cell = bench.Cell();
        using var mine = new CancellationTokenSource();
        var given = cell.Get(mine.Token).AsTask();
        var other = cell.Get(None).AsTask();
        await mine.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(given);
        other.IsCompleted.ShouldBeFalse();
        login.SetResult(bench.Source.Next());
        (await other).Token.ShouldNotBeNull();
        bench.Source.Logins.ShouldBe(1);
    }

    [Fact]
    public async Task A_wait_that_runs_out_is_no_refusal_and_the_renewal_goes_on()
    {
        var login = bench.Source.OnLogin();
        var cell = bench.Cell();
        var wait = cell.Get(None).AsTask();
        bench.Pass(Times.TokenWaitTimeout);
        var result = await wait;
        result.Token.ShouldBeNull();
        result.Problem.ShouldBe(TokenProblem.Unavailable);
        result.RetryAfter.ShouldNotBeNull();
        login.SetResult(bench.Source.Next());
        (await Fresh(cell)).ShouldNotBeNull();
        bench.Source.Logins.ShouldBe(1);
    }

    [Fact]
    public async Task A_call_that_hangs_ends_at_its_deadline_and_counts_as_a_failure()
    {
        bench.Source.OnLogin();
        var cell = bench.Cell();
        var wait = cell.Get(None).AsTask();
        bench.Pass(Times.CallDeadline);
        await wait;
        (await cell.Get(None)).Problem.ShouldBe(TokenProblem.Unavailable);
        bench.Source.Logins.ShouldBe(1);
        bench.Pass(Times.RetryDelay);
        await Fresh(cell);
        bench.Source.Logins.ShouldBe(2);
    }

    [Fact]
    public async Task What_is_read_after_the_wait_counts()
    {
        var login = bench.Source.OnLogin();
        var cell = bench.Cell();
        var first = cell.Get(None).AsTask();
        login.SetResult(TokenAnswer.Token("a", null, TimeSpan.FromSeconds(30)));
        var token = (await first).Token.ShouldNotBeNull();
        bench.Pass(TimeSpan.FromSeconds(31));
        (await Fresh(cell)).ShouldNotBe(token);
    }

    [Fact]
    public async Task Life_counts_from_when_the_token_was_asked_for()
    {
        var login = bench.Source.OnLogin();
        var cell = bench.Cell();
        var asked = bench.Now;
        var wait = cell.Get(None).AsTask();
        bench.Pass(TimeSpan.FromSeconds(10));
        login.SetResult(TokenAnswer.Token("a", null, TimeSpan.FromSeconds(100)));
        (await wait).Token.ShouldNotBeNull().EndsAt.ShouldBe(asked + TimeSpan.FromSeconds(100).Ticks);
    }

    [Fact]
    public async Task In_the_quiet_time_nobody_asks_and_it_doubles()
    {
        var cell = bench.Cell();
        var expected = new[] { 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };
        foreach (var seconds in expected)
        {
            bench.Source.OnLogin(TokenAnswer.Unknown("down"));
            var before = bench.Source.Logins;
            (await cell.Get(None)).RetryAfter.ShouldBe(TimeSpan.FromSeconds(seconds));
            for (var i = 0; i < 10; i++)
            {
                (await cell.Get(None)).Problem.ShouldBe(TokenProblem.Unavailable);
            }
            bench.Pass(TimeSpan.FromSeconds(seconds - 1));
            (await cell.Get(None)).RetryAfter.ShouldBe(TimeSpan.FromSeconds(1));
            bench.Source.Logins.ShouldBe(before + 1);
            bench.Pass(TimeSpan.FromSeconds(1));
        }
        await Fresh(cell);
    }

    [Theory]
    [InlineData(90, 90)]
    [InlineData(0, 2)]
    [InlineData(86_400, 3600)]
    public async Task Retry_After_goes_before_the_back_off_within_reason(int said, int quiet)
    {
        bench.Source.OnLogin(TokenAnswer.NotNow("http-429", TimeSpan.FromSeconds(said)));
        (await bench.Cell().Get(None)).RetryAfter.ShouldBe(TimeSpan.FromSeconds(quiet));
    }

    [Fact]
    public async Task TryGet_allocates_nothing()
    {
        var cell = bench.Cell();
        await Fresh(cell);
        cell.TryGet(out _);
        Allocations.Of(() => cell.TryGet(out _)).ShouldBe(0);
    }

    [Fact]
    public async Task A_cell_that_nobody_uses_is_let_go_and_its_timer_with_it()
    {
        var cell = bench.Cell();
        await Fresh(cell);
        bench.Vault.Cells.Count().ShouldBe(1);
        bench.Pass(TimeSpan.FromHours(3));
        cell.IsGone.ShouldBeTrue();
        bench.Vault.Cells.ShouldBeEmpty();
        bench.Clock.Timers.ShouldBeEmpty();
        bench.Source.Logins.ShouldBeLessThanOrEqualTo(2);
    }

    [Fact]
    public async Task A_cell_that_was_let_go_comes_back_when_it_is_used_all_the_same()
    {
        var cell = bench.Cell();
        await Fresh(cell);
        bench.Pass(TimeSpan.FromHours(3));
        await Fresh(cell);
        bench.Cell().ShouldBe(cell);
        bench.Pass(TimeSpan.FromHours(3));
        var other = bench.Cell();
        other.ShouldNotBe(cell);
        (await Fresh(cell)).ShouldBe(await Fresh(other));
    }

    [Fact]
    public async Task Times_of_a_newer_config_are_taken_over_by_the_same_cell()
    {
        var cell = bench.Cell();
        await Fresh(cell);
        var newer = new ScriptedSource();
        bench.Cell(source: newer, version: 2).ShouldBe(cell);
        bench.Pass(TimeSpan.FromMinutes(29.9));
        await Fresh(cell);
        (bench.Source.Logins, newer.Logins).ShouldBe((1, 1));
    }
}
