using Broker.Configuration;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;

namespace Broker.Tests.UpstreamTokens;

public sealed class RejectionTests : IDisposable
{
    private readonly CellBench bench = new();

    public void Dispose() => bench.Dispose();

    [Fact]
    public async Task A_hundred_parallel_401s_are_one_renewal_and_who_comes_after_gets_the_successor_at_once()
    {
        var cell = bench.Cell();
        var refused = await Fresh(cell);
        var login = bench.Source.OnLogin();
        var waits = Enumerable.Range(0, 100).Select(i => cell.Replace(refused, bench.Now, $"s{i}", None).AsTask()).ToArray();
        login.SetResult(bench.Source.Next());
        var results = await Task.WhenAll(waits);
        results.ShouldAllBe(result => result.Token == results[0].Token && result.Token != null && result.Token != refused);
        bench.Source.Logins.ShouldBe(2);
        var late = cell.Replace(refused, bench.Now, "late", None);
        late.IsCompleted.ShouldBeTrue();
        (await late).Token.ShouldBe(results[0].Token);
        bench.Source.Logins.ShouldBe(2);
    }

    [Fact]
    public async Task A_401_on_a_request_sent_before_one_that_succeeded_renews_nothing()
    {
        var cell = bench.Cell();
        var token = await Fresh(cell);
        var sent = bench.Now;
        bench.Pass(TimeSpan.FromSeconds(1));
        token.Succeeded(bench.Now);
        token.Succeeded(bench.Now - 5); // an older one changes nothing
        (await cell.Replace(token, sent, "s", None)).Problem.ShouldBe(TokenProblem.TokenRefused);
        bench.Source.Logins.ShouldBe(1);
        bench.Pass(TimeSpan.FromSeconds(1));
        (await cell.Replace(token, bench.Now, "s", None)).Token.ShouldNotBeNull().ShouldNotBe(token);
    }

    [Fact]
    public async Task A_401_of_a_token_whose_end_came_on_the_way_gets_the_next_one_whoever_went_through_before()
    {
        bench.Source.Life = Times.IdleTimeout * 2; // unused by then: nobody renews it meanwhile
        var cell = bench.Cell();
        var token = await Fresh(cell);
        cell.RefusedAgain(token, "s");
        var sent = bench.Now;
        bench.Pass(TimeSpan.FromSeconds(1));
        token.Succeeded(bench.Now);
        bench.Pass(bench.Source.Life);
        (await cell.Replace(token, sent, "s", None)).Token.ShouldNotBeNull().ShouldNotBe(token);
    }

    [Fact]
    public async Task An_upstream_that_refuses_what_it_just_issued_is_asked_ever_more_seldom()
    {
        var cell = bench.Cell();
        var token = await Fresh(cell);
        for (var second = 0; second < 600; second++)
        {
            var result = await cell.Replace(token, bench.Now, $"s{second}", None);
            if (result.Token is { } next)
            {
                token = next;
            }
            else
            {
                result.Problem.ShouldBe(TokenProblem.TokenRefused);
                result.RetryAfter.ShouldNotBeNull();
            }
            bench.Pass(TimeSpan.FromSeconds(1));
        }
        bench.Source.Logins.ShouldBeInRange(8, 11); // 2 + 4 + ... + 256 s, not 600 logins
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_upstream_that_ends_sessions_has_each_token_replaced_at_once(bool hasRefresh)
    {
        var log = new LogLines();
        using var logged = new CellBench(log) { Source = new() { RefreshToken = hasRefresh ? "r" : null } };
        var cell = logged.Cell();
        var token = await Fresh(cell);
        for (var session = 0; session < 100; session++)
        {
            token.Succeeded(logged.Now);
            logged.Pass(TimeSpan.FromSeconds(25));
            token = (await cell.Replace(token, logged.Now, $"s{session % 3}", None)).Token.ShouldNotBeNull($"session {session}");
        }
        (logged.Source.Logins + logged.Source.Refreshes).ShouldBe(101);
        log.Lines.ShouldAllBe(line => !line.StartsWith("310 "));
    }

    [Fact]
    public async Task Each_token_that_is_refused_at_its_first_use_is_told_and_who_is_refused_meanwhile_hears_when_to_come_back()
    {
        var log = new LogLines();
        using var logged = new CellBench(log);
        var cell = logged.Cell();
        var token = await Fresh(cell);
        for (var i = 0; i < 4; i++)
        {
            token = (await cell.Replace(token, logged.Now, $"s{i}", None)).Token.ShouldNotBeNull();
            var again = cell.RefusedAgain(token, $"s{i}");
            (again.Problem, again.RetryAfter).ShouldBe((TokenProblem.TokenRefused, TimeSpan.FromSeconds(2 << i)));
            (await cell.Replace(token, logged.Now, "other", None)).RetryAfter.ShouldBe(TimeSpan.FromSeconds(2 << i));
            logged.Pass(TimeSpan.FromSeconds(2 << i));
        }
        log.Lines.Count(line => line.StartsWith("310 ")).ShouldBe(4);
    }

    [Fact]
    public async Task A_caller_who_is_refused_one_thing_after_another_does_not_burn_the_logins_though_others_use_each_token()
    {
        var cell = bench.Cell();
        var token = await Fresh(cell);
        for (var second = 0; second < 600; second++)
        {
            token.Succeeded(bench.Now - 1); // others go through with it
            bench.Pass(TimeSpan.FromSeconds(1));
            if ((await cell.Replace(token, bench.Now, $"s{second}", None)).Token is { } next)
            {
                token = next;
                cell.RefusedAgain(token, $"s{second}");
            }
        }
        bench.Source.Logins.ShouldBeLessThan(13);
    }

    [Fact]
    public async Task Refreshes_that_cost_no_login_are_bounded_the_same()
    {
        bench.Source.RefreshToken = "r";
        var cell = bench.Cell();
        var token = await Fresh(cell);
        for (var second = 0; second < 600; second++)
        {
            token = (await cell.Replace(token, bench.Now, $"s{second}", None)).Token ?? token;
            bench.Pass(TimeSpan.FromSeconds(1));
        }
        bench.Source.Logins.ShouldBe(1);
        bench.Source.Refreshes.ShouldBeInRange(8, 10);
    }

    [Fact]
    public async Task Rejections_use_at_most_half_of_the_budget()
    {
        using var small = new CellBench { Logins = [new() { Permit = 6, Per = TimeSpan.FromHours(1) }] };
        var cell = small.Cell();
        var token = await Fresh(cell);
        TokenResult last = default;
        for (var i = 0; i < 60; i++)
        {
            last = await cell.Replace(token, small.Now, $"s{i}", None);
            token = last.Token ?? token;
            small.Pass(TimeSpan.FromSeconds(20));
        }
        small.Source.Logins.ShouldBe(4);
        last.Problem.ShouldBe(TokenProblem.BudgetSpent);
        last.RetryAfter.ShouldNotBeNull().ShouldBeGreaterThan(TimeSpan.Zero);
        cell.TryGet(out var still).ShouldBeTrue();
        still.ShouldBe(token);
        small.Pass(TimeSpan.FromMinutes(30)); // the renewal that is due has permits left
        (await Fresh(cell)).ShouldNotBe(token);
    }

    [Fact]
    public async Task A_subject_refused_with_two_tokens_rejects_none_for_ten_minutes()
    {
        var cell = bench.Cell();
        var first = await Fresh(cell);
        var second = (await cell.Replace(first, bench.Now, "route:42", None)).Token.ShouldNotBeNull();
        cell.RefusedAgain(second, "route:42");
        bench.Pass(TimeSpan.FromMinutes(9.9));
        (await cell.Replace(second, bench.Now, "route:42", None)).Problem.ShouldBe(TokenProblem.TokenRefused);
        bench.Source.Logins.ShouldBe(2);
        bench.Pass(TimeSpan.FromMinutes(0.2));
        (await cell.Replace(second, bench.Now, "route:42", None)).Token.ShouldNotBeNull();
        bench.Source.Logins.ShouldBe(3);
    }

    [Fact]
    public async Task A_barred_subject_bars_no_other_and_not_the_same_of_another_account()
    {
        var one = bench.Cell("one");
        var two = bench.Cell("two");
        one.RefusedAgain(await Fresh(one), "s");
        (await one.Replace(await Fresh(one), bench.Now, "other", None)).Token.ShouldNotBeNull();
        (await two.Replace(await Fresh(two), bench.Now, "s", None)).Token.ShouldNotBeNull();
    }

    [Fact]
    public async Task Barred_subjects_are_no_more_than_ten_thousand()
    {
        var cell = bench.Cell();
        var token = await Fresh(cell);
        for (var i = 0; i <= RefusedSubjects.Capacity; i++)
        {
            cell.RefusedAgain(token, $"s{i}");
        }
        bench.Vault.Subjects.Contains(cell, "s0").ShouldBeFalse();
        bench.Vault.Subjects.Contains(cell, "s1").ShouldBeTrue();
    }

    [Fact]
    public async Task A_refused_token_is_handed_on_while_its_renewal_fails()
    {
        var cell = bench.Cell();
        var token = await Fresh(cell);
        bench.Source.OnLogin(TokenAnswer.Unknown("down"));
        (await cell.Replace(token, bench.Now, "s", None)).Problem.ShouldBe(TokenProblem.Unavailable);
        cell.TryGet(out var still).ShouldBeTrue();
        still.ShouldBe(token);
    }

    [Fact]
    public async Task The_same_bytes_again_are_no_successor()
    {
        var cell = bench.Cell();
        var token = await Fresh(cell);
        bench.Source.OnLogin(TokenAnswer.Token(Value(token), null, TimeSpan.FromMinutes(1)));
        (await cell.Replace(token, bench.Now, "s", None)).Problem.ShouldBe(TokenProblem.TokenRefused);
    }

    [Fact]
    public async Task A_fixed_key_is_not_replaced()
    {
        var token = UpstreamToken.FixedHeader(bench.Clock, "X-Key", "k");
        var cell = TokenCell.Fixed(bench.Clock, token);
        cell.TryGet(out var given).ShouldBeTrue();
        given.ShouldBe(token);
        (await cell.Replace(token, bench.Now, "s", None)).Problem.ShouldBe(TokenProblem.TokenRefused);
        cell.RefusedAgain(token, "s");
    }
}
