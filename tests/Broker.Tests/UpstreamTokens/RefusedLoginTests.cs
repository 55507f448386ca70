using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;

namespace Broker.Tests.UpstreamTokens;

/// <summary>
/// What answers that nobody can classify lead to, in a process that shares nothing: an account that can log in does, and no password is
/// tried without end.
/// </summary>
public sealed class RefusedLoginTests : IDisposable
{
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly CellBench bench = new();

    public static TheoryData<string> Unclear => ["403", "not-json", "redirect"];

    public void Dispose() => bench.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_refused_refresh_leads_to_a_login_whatever_the_word(bool isDefinite)
    {
        var source = new ScriptedSource { RefreshToken = "r" };
        var cell = bench.Cell(source: source);
        var token = await Fresh(cell);
        source.OnRefresh(TokenAnswer.Refused("http-403", isDefinite));
        (await cell.Replace(token, bench.Now, "s", None)).Token.ShouldNotBeNull();
        (source.Logins, source.Refreshes).ShouldBe((2, 1));
    }

    [Fact]
    public async Task The_third_unknown_refresh_in_a_row_leads_to_a_login()
    {
        var source = new ScriptedSource { RefreshToken = "r", Life = TimeSpan.FromMinutes(5) };
        var cell = bench.Cell(source: source);
        await Fresh(cell);
        for (var i = 0; i < 3; i++)
        {
            source.OnRefresh(TokenAnswer.Unknown("http-500"));
        }
        bench.Pass(TimeSpan.FromMinutes(6));
        for (var i = 0; i < 60 && (await cell.Get(None)).Token is null; i++)
        {
            bench.Pass(TimeSpan.FromSeconds(1));
        }
        await Fresh(cell);
        (source.Logins, source.Refreshes).ShouldBe((2, 3));
    }

    [Fact]
    public async Task Two_unknown_refreshes_with_a_good_one_in_between_are_not_three_in_a_row()
    {
        var source = new ScriptedSource { RefreshToken = "r", Life = TimeSpan.FromMinutes(5) };
        var cell = bench.Cell(source: source);
        await Fresh(cell);
        for (var round = 0; round < 5; round++)
        {
            source.OnRefresh(TokenAnswer.Unknown("http-500"));
            source.OnRefresh(TokenAnswer.Unknown("cut"));
            bench.Pass(TimeSpan.FromMinutes(6));
            for (var i = 0; i < 20; i++)
            {
                await cell.Get(None);
                bench.Pass(TimeSpan.FromSeconds(1));
            }
            await Fresh(cell);
        }
        source.Logins.ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(Unclear))]
    public async Task A_login_that_is_refused_in_no_clear_words_backs_off_to_an_hour_and_succeeds_when_it_may(string what)
    {
        for (var i = 0; i < 40; i++)
        {
            bench.Source.OnLogin(Answer(what));
        }
        var cell = bench.Cell();
        var logins = new List<int>();
        for (var hour = 0; hour < 10; hour++)
        {
            for (var minute = 0; minute < 60; minute++)
            {
                (await cell.Get(None)).Token.ShouldBeNull();
                bench.Pass(Minute);
            }
            logins.Add(bench.Source.Logins);
        }
        logins[0].ShouldBeLessThan(13); // after 2 + 4 + ... s
        (logins[9] - logins[4]).ShouldBeInRange(4, 6); // one an hour
        while (bench.Source.Logins < 40)
        {
            await cell.Get(None);
            bench.Pass(TimeSpan.FromMinutes(61));
        }
        await Fresh(cell);
    }

    [Fact]
    public async Task No_Retry_After_shortens_that()
    {
        for (var i = 0; i < 100; i++)
        {
            bench.Source.OnLogin(TokenAnswer.Refused("http-403", isDefinite: false) with { RetryAfter = TimeSpan.Zero });
        }
        var cell = bench.Cell();
        for (var second = 0; second < 3600; second++)
        {
            await cell.Get(None);
            bench.Pass(TimeSpan.FromSeconds(1));
        }
        bench.Source.Logins.ShouldBeLessThan(13);
    }

    [Fact]
    public async Task It_outlives_the_cell_and_another_secret_is_tried_at_once()
    {
        for (var i = 0; i < 30; i++)
        {
            bench.Source.OnLogin(TokenAnswer.Refused("http-401", isDefinite: false));
        }
        for (var minute = 0; minute < 240; minute++)
        {
            await bench.Cell(identity: "who").Get(None);
            bench.Pass(Minute);
        }
        var logins = bench.Source.Logins;
        bench.Pass(TimeSpan.FromMinutes(31)); // unused, and let go
        await bench.Cell(identity: "who").Get(None);
        bench.Source.Logins.ShouldBeLessThanOrEqualTo(logins + 1);
        var right = new ScriptedSource();
        await Fresh(bench.Cell(source: right, identity: "who", secret: "put right", version: 2));
        right.Logins.ShouldBe(1);
    }

    [Fact]
    public async Task A_definite_word_stops_after_three_also_between_others()
    {
        for (var i = 0; i < 20; i++)
        {
            bench.Source.OnLogin(TokenAnswer.Refused("invalid_grant", isDefinite: i % 2 == 0));
        }
        var cell = bench.Cell();
        for (var i = 0; i < 100; i++)
        {
            await cell.Get(None);
            bench.Pass(TimeSpan.FromMinutes(61));
        }
        bench.Source.Logins.ShouldBe(5);
    }

    [Fact]
    public async Task An_account_that_can_only_refresh_is_not_lost_by_refusals_in_no_clear_words()
    {
        var source = new ScriptedSource
        {
            CanLogin = false,
            FirstRefreshToken = "first",
            RefreshToken = "r",
            Rotates = true,
        };
        for (var i = 0; i < 12; i++)
        {
            source.OnRefresh(TokenAnswer.Refused("http-403", isDefinite: false));
        }
        var cell = bench.Cell(source: source);
        for (var i = 0; i < 12; i++)
        {
            (await cell.Get(None)).Problem.ShouldBe(TokenProblem.Unavailable);
            bench.Pass(TimeSpan.FromMinutes(61));
        }
        await Fresh(cell);
        source.Refreshes.ShouldBe(13);
    }

    [Fact]
    public async Task What_one_user_of_a_client_was_answered_holds_up_none_whose_values_are_others()
    {
        var (refused, other) = (new ScriptedSource(), new ScriptedSource());
        refused.OnLogin(TokenAnswer.Refused("invalid_grant"));
        (await bench.Cell("refused", refused, identity: "alice").Get(None)).Problem.ShouldBe(TokenProblem.LoginRefused);
        await Fresh(bench.Cell("other", other, identity: "bob"));
    }

    private static TokenAnswer Answer(string what) =>
        what == "403" ? TokenAnswer.Refused("http-403", isDefinite: false) : TokenAnswer.WithoutToken(what);
}
