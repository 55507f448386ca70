using Broker.Configuration;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;

namespace Broker.Tests.UpstreamTokens;

public sealed class RenewerTests : IDisposable
{
    private static readonly TimeSpan Due = TimeSpan.FromMinutes(29);

    private readonly CellBench bench = new();

    public void Dispose() => bench.Dispose();

    [Fact]
    public async Task A_refresh_token_goes_before_a_login()
    {
        var source = new ScriptedSource { RefreshToken = "r", Rotates = true };
        var cell = bench.Cell(source: source);
        await Fresh(cell);
        Use(cell, Due);
        Use(cell, Due);
        await Fresh(cell);
        (source.Logins, source.Refreshes).ShouldBe((1, 2));
        source.Spent.ShouldBe(["r-1", "r-2"]);
    }

    [Theory]
    [InlineData(false, "r-1")]
    [InlineData(true, "first")]
    public async Task A_token_that_is_over_on_arrival_is_not_handed_out_but_what_gets_the_next_one_is_kept_where_it_is_the_only_way_in(
        bool canLogin,
        string spent
    )
    {
        var source = new ScriptedSource
        {
            RefreshToken = "r",
            Rotates = false,
            CanLogin = canLogin,
            FirstRefreshToken = "first",
            Life = TimeSpan.FromSeconds(20),
        };
        var cell = bench.Cell(source: source);
        var answer = source.OnRefresh();
        var wait = cell.Get(None).AsTask();
        bench.Pass(TimeSpan.FromSeconds(14)); // a caller's patience
        bench.Pass(TimeSpan.FromSeconds(10));
        (await wait).Token.ShouldBeNull();
        answer.SetResult(source.Next());
        bench.Pass(TimeSpan.FromSeconds(3));
        await Fresh(cell);
        source.Spent.ShouldBe(["first", spent]);
    }

    [Fact]
    public async Task Only_a_refused_refresh_leads_to_a_login()
    {
        var source = new ScriptedSource { RefreshToken = "r" };
        var cell = bench.Cell(source: source);
        var token = await Fresh(cell);
        source.OnRefresh(TokenAnswer.NotNow("http-429", TimeSpan.FromSeconds(30)));
        Use(cell, Left(token));
        (source.Logins, source.Refreshes).ShouldBe((1, 1));
        source.OnRefresh(TokenAnswer.Refused("http-401"));
        Use(cell, TimeSpan.FromSeconds(31));
        (source.Logins, source.Refreshes).ShouldBe((2, 2));
    }

    [Theory]
    [InlineData(true, 2, 1)]
    [InlineData(false, 1, 2)]
    public async Task After_an_unknown_refresh_a_rotating_kind_logs_in_and_another_tries_again(bool rotates, int logins, int refreshes)
    {
        var source = new ScriptedSource { RefreshToken = "r", Rotates = rotates };
        var cell = bench.Cell(source: source);
        var token = await Fresh(cell);
        source.OnRefresh(TokenAnswer.Unknown("cut"));
        Use(cell, Left(token));
        cell.TryGet(out var still).ShouldBeTrue();
        still.ShouldBe(token);
        Use(cell, TimeSpan.FromSeconds(3));
        (source.Logins, source.Refreshes).ShouldBe((logins, refreshes));
        (await Fresh(cell)).ShouldNotBe(token);
    }

    [Fact]
    public async Task An_account_that_cannot_log_in_tries_an_unknown_refresh_token_again()
    {
        var source = new ScriptedSource
        {
            CanLogin = false,
            Rotates = true,
            FirstRefreshToken = "first",
            RefreshToken = "r",
        };
        source.OnRefresh(TokenAnswer.Unknown("cut"));
        var cell = bench.Cell(source: source);
        (await cell.Get(None)).Problem.ShouldBe(TokenProblem.Unavailable);
        bench.Pass(TimeSpan.FromSeconds(2));
        await Fresh(cell);
        source.Spent.ShouldBe(["first", "first"]);
        source.Logins.ShouldBe(0);
    }

    [Fact]
    public async Task A_long_outage_of_the_token_endpoint_does_not_lose_an_account_that_cannot_log_in()
    {
        var source = new ScriptedSource
        {
            CanLogin = false,
            Rotates = true,
            FirstRefreshToken = "first",
            RefreshToken = "r",
        };
        for (var i = 0; i < 30; i++)
        {
            source.OnRefresh(TokenAnswer.Unknown("http-502"));
        }
        var cell = bench.Cell(source: source);
        for (var i = 0; i < 30; i++)
        {
            (await cell.Get(None)).Problem.ShouldBe(TokenProblem.Unavailable);
            bench.Pass(TimeSpan.FromMinutes(6));
        }
        await Fresh(cell);
        source.Spent.ShouldBe(Enumerable.Repeat("first", 31));
    }

    [Fact]
    public async Task A_refresh_token_that_was_spent_after_all_is_tried_three_times_more_at_most()
    {
        var source = new ScriptedSource
        {
            CanLogin = false,
            Rotates = true,
            FirstRefreshToken = "first",
            RefreshToken = "r",
        };
        source.OnRefresh(TokenAnswer.Unknown("cut"));
        for (var i = 0; i < 10; i++)
        {
            source.OnRefresh(TokenAnswer.Refused("invalid_grant"));
        }
        var cell = bench.Cell(source: source);
        for (var i = 0; i < 10; i++)
        {
            (await cell.Get(None)).Problem.ShouldBe(i == 0 ? TokenProblem.Unavailable : TokenProblem.LoginRefused);
            bench.Pass(TimeSpan.FromMinutes(6));
        }
        source.Refreshes.ShouldBe(4);
    }

    [Fact]
    public async Task After_three_refusals_of_one_secret_no_login_until_it_changes()
    {
        var cell = bench.Cell();
        for (var i = 0; i < 20; i++)
        {
            bench.Source.OnLogin(TokenAnswer.Refused("http-401"));
        }
        for (var i = 0; i < 20; i++)
        {
            (await cell.Get(None)).Problem.ShouldBe(TokenProblem.LoginRefused);
            bench.Pass(TimeSpan.FromMinutes(6));
        }
        bench.Source.Logins.ShouldBe(3);
        var changed = new ScriptedSource();
        await Fresh(bench.Cell(source: changed, secret: "new"));
        changed.Logins.ShouldBe(1);
    }

    [Fact]
    public async Task Refusals_count_over_all_cells_of_one_identity_and_outlive_them()
    {
        for (var i = 0; i < 6; i++)
        {
            var source = new ScriptedSource();
            source.OnLogin(TokenAnswer.Refused("http-401"));
            var cell = bench.Cell($"cell{i % 2}", source, identity: "same", version: i);
            (await cell.Get(None)).Problem.ShouldBe(TokenProblem.LoginRefused);
            bench.Pass(TimeSpan.FromHours(2));
            cell.IsGone.ShouldBeTrue();
            source.Logins.ShouldBe(i < 3 ? 1 : 0);
        }
    }

    [Fact]
    public async Task Failed_logins_count_and_permits_are_never_given_back()
    {
        using var small = new CellBench { Logins = [new() { Permit = 3, Per = TimeSpan.FromMinutes(10) }] };
        var cell = small.Cell();
        for (var i = 0; i < 3; i++)
        {
            small.Source.OnLogin(TokenAnswer.Unknown("down"));
            (await cell.Get(None)).Problem.ShouldBe(TokenProblem.Unavailable);
            small.Pass(TimeSpan.FromSeconds(10));
        }
        var spent = await cell.Get(None);
        spent.Problem.ShouldBe(TokenProblem.BudgetSpent);
        spent.RetryAfter.ShouldBe(TimeSpan.FromMinutes(10) - TimeSpan.FromSeconds(30));
        small.Source.Logins.ShouldBe(3);
        small.Pass(spent.RetryAfter.GetValueOrDefault());
        await Fresh(cell);
    }

    [Fact]
    public async Task An_endpoints_budget_is_shared_by_its_accounts_and_an_accounts_is_not()
    {
        using var small = new CellBench
        {
            Logins =
            [
                new()
                {
                    Permit = 3,
                    Per = TimeSpan.FromMinutes(1),
                    Scope = LoginScope.Endpoint,
                },
                new() { Permit = 2, Per = TimeSpan.FromMinutes(1) },
            ],
        };
        await Fresh(small.Cell("a"));
        await Fresh(small.Cell("b"));
        await Fresh(small.Cell("c"));
        (await small.Cell("d").Get(None)).Problem.ShouldBe(TokenProblem.BudgetSpent);
        (await small.Cell("d", version: 9).Get(None)).Problem.ShouldBe(TokenProblem.BudgetSpent);
        small.Source.Logins.ShouldBe(3);
    }

    [Fact]
    public async Task A_cell_of_an_older_config_does_not_log_its_successor_out()
    {
        var old = new ScriptedSource { RefreshToken = "r", Rotates = true };
        var before = bench.Cell(source: old, identity: "who", onlyOne: true, secret: "old");
        await Fresh(before);
        var now = bench.Cell(identity: "who", onlyOne: true, secret: "new", version: 2);
        await Fresh(now);
        Use(before, Due);
        (old.Logins, old.Refreshes).ShouldBe((1, 0));
        bench.Pass(TimeSpan.FromMinutes(2));
        (await before.Get(None)).Problem.ShouldBe(TokenProblem.Unavailable);
        (old.Logins, old.Refreshes).ShouldBe((1, 0));
        bench.Cell(source: old, identity: "who", onlyOne: true, secret: "old", version: 3).ShouldBe(before);
        bench.Pass(TimeSpan.FromSeconds(5)); // the old config came back; its refresh token was killed by the login in between
        await Fresh(before);
        (old.Logins, old.Refreshes).ShouldBe((2, 0));
    }

    [Fact]
    public async Task Of_cells_that_share_a_refresh_token_one_renews_at_a_time()
    {
        var login = bench.Source.OnLogin();
        var first = bench.Cell("a", identity: "who", onlyOne: true);
        var firstWait = first.Get(None).AsTask();
        var second = bench.Cell("b", identity: "who", onlyOne: true, version: 2);
        var secondWait = second.Get(None).AsTask();
        bench.Source.Logins.ShouldBe(1);
        login.SetResult(bench.Source.Next());
        (await firstWait).Token.ShouldNotBeNull();
        (await secondWait).Token.ShouldNotBeNull();
        bench.Source.Logins.ShouldBe(2);
    }

    [Fact]
    public async Task A_fault_of_a_source_is_an_answer_that_nobody_knows()
    {
        bench.Source.OnLogin().SetException(new InvalidOperationException("a secret in a message"));
        var cell = bench.Cell();
        (await cell.Get(None)).Problem.ShouldBe(TokenProblem.Unavailable);
        bench.Pass(TimeSpan.FromSeconds(2));
        await Fresh(cell);
    }

    [Fact]
    public async Task The_kept_refresh_token_survives_a_restart_and_the_file_is_the_owners_alone()
    {
        var folder = Directory.CreateTempSubdirectory();
        var keep = Path.Combine(folder.FullName, "keep");
        try
        {
            var first = new ScriptedSource
            {
                CanLogin = false,
                Rotates = true,
                FirstRefreshToken = "first",
                RefreshToken = "r",
            };
            await Fresh(bench.Cell(source: first, keep: keep, onlyOne: true));
            first.Spent.ShouldBe(["first"]);
            new FileInfo(keep).UnixFileMode.ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
            folder.GetFiles().Length.ShouldBe(1); // nothing is left beside it

            using var restarted = new CellBench();
            var second = new ScriptedSource
            {
                CanLogin = false,
                Rotates = true,
                FirstRefreshToken = "first",
                RefreshToken = "q",
            };
            await Fresh(restarted.Cell(source: second, keep: keep, onlyOne: true));
            second.Spent.ShouldBe(["r-1"]);

            using var replaced = new CellBench();
            var third = new ScriptedSource
            {
                CanLogin = false,
                Rotates = true,
                FirstRefreshToken = "another",
                RefreshToken = "p",
            };
            await Fresh(replaced.Cell(source: third, keep: keep, onlyOne: true));
            third.Spent.ShouldBe(["another"]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_kept_refresh_token_is_never_spent_twice_when_configs_come_and_go()
    {
        var folder = Directory.CreateTempSubdirectory();
        var keep = Path.Combine(folder.FullName, "keep");
        List<ScriptedSource> sources = [];
        for (var version = 1; version <= 5; version++)
        {
            var source = new ScriptedSource
            {
                CanLogin = false,
                Rotates = true,
                FirstRefreshToken = "first",
                RefreshToken = $"v{version}",
                Life = TimeSpan.FromMinutes(5),
            };
            sources.Add(source);
            var cell = bench.Cell($"scope{version % 2}", source, identity: "who", version: version, onlyOne: true, keep: keep);
            await Fresh(cell);
            bench.Pass(TimeSpan.FromMinutes(6));
        }
        var spent = sources.SelectMany(source => source.Spent).ToList();
        spent.Count.ShouldBeGreaterThan(4);
        spent.ShouldBeUnique();
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_keep_file_that_cannot_be_written_is_told_and_the_account_goes_on()
    {
        var log = new LogLines();
        using var logged = new CellBench(log);
        var source = new ScriptedSource
        {
            CanLogin = false,
            Rotates = true,
            FirstRefreshToken = "first",
            RefreshToken = "r",
        };
        var cell = logged.Cell(source: source, keep: "/nonexistent/folder/keep", onlyOne: true);
        await Fresh(cell);
        log.Lines.ShouldContain(line => line.StartsWith("304 "));
        logged.Pass(TimeSpan.FromMinutes(31));
        await Fresh(cell);
        source.Spent.ShouldBe(["first", "r-1"]);
    }

    [Fact]
    public async Task No_secret_stands_in_a_log_line()
    {
        var log = new LogLines();
        using var logged = new CellBench(log);
        var source = new ScriptedSource { RefreshToken = "refresh-secret", Life = TimeSpan.FromMinutes(5) };
        var cell = logged.Cell(source: source, secret: "password-secret");
        source.OnLogin().SetException(new InvalidOperationException("token-1 refresh-secret"));
        await cell.Get(None);
        logged.Pass(TimeSpan.FromSeconds(2));
        source.OnRefresh(TokenAnswer.Refused("http-401"));
        var token = await Fresh(cell);
        await cell.Replace(token, logged.Now, "s", None);
        log.Lines.Count.ShouldBeGreaterThan(2);
        log.Lines.ShouldContain(line => line.Contains("up/one")); // the scan does see what is there
        foreach (var secret in new[] { "token-", "refresh-secret", "password-secret" })
        {
            log.Lines.ShouldAllBe(line => !line.Contains(secret));
        }
        $"{token} {source.Next()} {source.Next().Pair} {logged.Vault.Names.Name("x")}".ShouldNotContain("token-");
    }

    private TimeSpan Left(UpstreamToken token) => bench.Clock.GetElapsedTime(bench.Now, token.DueAt);

    private void Use(TokenCell cell, TimeSpan time)
    {
        for (var passed = TimeSpan.Zero; passed < time; passed += TimeSpan.FromSeconds(10))
        {
            bench.Pass(TimeSpan.FromTicks(Math.Min(TimeSpan.FromSeconds(10).Ticks, (time - passed).Ticks)));
            cell.TryGet(out _);
        }
    }
}
