using Broker.Configuration;
using Broker.Tests.Redis;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;

namespace Broker.Tests.UpstreamTokens;

/// <summary>Several replicas, one real Redis, one upstream that rotates strictly.</summary>
public sealed class SharedRenewalTests(SharedRedis redis) : IClassFixture<SharedRedis>, IDisposable
{
    private readonly string prefix = SharedRedis.NewPrefix();
    private readonly StrictUpstream upstream = new();
    private readonly List<Replica> replicas = [];

    public void Dispose() => replicas.ForEach(replica => replica.Dispose());

    [Fact]
    public async Task Many_replicas_and_a_thousand_first_requests_log_in_once()
    {
        var cells = Enumerable.Range(0, 8).Select(_ => New().Cell(upstream.Source())).ToList();
        var tokens = await Task.WhenAll(Enumerable.Range(0, 1000).Select(i => Fresh(cells[i % 8])));
        tokens.Select(Value).Distinct().ShouldHaveSingleItem();
        (upstream.Logins, upstream.Refreshes).ShouldBe((1, 0));
    }

    [Fact]
    public async Task A_token_that_is_due_everywhere_is_refreshed_once()
    {
        upstream.Life = TimeSpan.FromSeconds(2);
        var cells = Enumerable.Range(0, 4).Select(_ => New().Cell(upstream.Source())).ToList();
        await Task.WhenAll(cells.Select(Fresh));
        upstream.Life = TimeSpan.FromMinutes(30);
        await Eventually(async () =>
        {
            var tokens = await Task.WhenAll(cells.Select(Fresh)); // never one without a token
            return upstream.Refreshes > 0 && tokens.All(token => upstream.IsLive(Value(token)));
        });
        (upstream.Logins, upstream.Refreshes, upstream.Reused).ShouldBe((1, 1, 0));
    }

    [Fact]
    public async Task A_newer_generation_is_taken_and_a_rejected_token_renewed_once()
    {
        var (one, other) = (New().Cell(upstream.Source()), New().Cell(upstream.Source()));
        var (first, same) = (await Fresh(one), await Fresh(other));
        var replaced = await one.Replace(first, 0, "s", None);
        var taken = await other.Replace(same, 0, "s", None);
        Value(taken.Token!).ShouldBe(Value(replaced.Token!));
        (upstream.Logins, upstream.Refreshes).ShouldBe((1, 1));
    }

    [Fact]
    public async Task A_fresh_cell_touches_no_network()
    {
        var cell = New().Cell(upstream.Source());
        await Fresh(cell);
        var before = await Commands();
        for (var i = 0; i < 1000; i++)
        {
            cell.TryGet(out _).ShouldBeTrue();
        }
        (await Commands()).ShouldBe(before);
    }

    [Fact]
    public async Task A_replica_killed_while_it_refreshes_costs_one_login_and_nothing_is_sent_twice()
    {
        var (dying, living) = (New(), New());
        await Fresh(dying.Cell(upstream.Source()));
        var cell = living.Cell(upstream.Source());
        var token = await Fresh(cell);
        var hold = upstream.Hold();
        var replace = dying.Cell(upstream.Source()).Replace(await Fresh(dying.Cell(upstream.Source())), 0, "s", None).AsTask();
        await Eventually(async () => (await living.Tokens.Read(living.Name())).Note is not null);
        await Eventually(() => Task.FromResult(upstream.HasTakenHolds)); // the note was answered, and the call is on its way
        dying.Dispose(); // between note and commit: no release, no extension, no answer taken
        hold.SetResult();
        TokenResult next = default;
        await Eventually(async () => (next = await cell.Replace(token, 0, "s", None)).Token is not null);
        upstream.IsLive(Value(next.Token!)).ShouldBeTrue();
        upstream.Reused.ShouldBe(0);
        upstream.Logins.ShouldBe(2);
    }

    [Fact]
    public async Task Another_config_of_an_account_that_can_only_refresh_goes_on_with_the_chain_and_not_with_its_first_token()
    {
        var first = upstream.Provision();
        await Fresh(New().Cell(upstream.Source(canLogin: false, first), secret: "scopes"));
        var other = await Fresh(New().Cell(upstream.Source(canLogin: false, first), secret: "other scopes"));
        upstream.IsLive(Value(other)).ShouldBeTrue();
        (upstream.Refreshes, upstream.Reused).ShouldBe((2, 0));
    }

    [Fact]
    public async Task A_replica_that_starts_with_an_older_config_does_not_send_its_first_token_again_once_another_secret_has_the_account()
    {
        var first = upstream.Provision();
        await Fresh(New().Cell(upstream.Source(canLogin: false, first), secret: "first"));
        var second = upstream.Provision();
        var other = await Fresh(New().Cell(upstream.Source(canLogin: false, second), secret: "second"));
        (await New().Cell(upstream.Source(canLogin: false, first), secret: "first").Get(None)).Token.ShouldBeNull();
        upstream.IsLive(Value(other)).ShouldBeTrue();
        (upstream.Refreshes, upstream.Reused).ShouldBe((2, 0));
    }

    [Fact]
    public async Task A_replica_that_waits_for_an_epoch_to_pass_neither_wakes_itself_nor_others()
    {
        var first = upstream.Provision();
        var cells = Enumerable.Range(0, 3).Select(_ => New().Cell(upstream.Source(canLogin: false, first))).ToList();
        var before = await Commands();
        await Task.WhenAll(cells.Select(Fresh));
        (await Commands() - before).ShouldBeLessThan(500); // it was some thousand
        upstream.Refreshes.ShouldBe(1);
    }

    [Fact]
    public async Task Two_fingerprints_that_are_refused_in_turn_are_each_tried_three_times_by_one_replica()
    {
        upstream.LoginAnswer = TokenAnswer.Refused("http-401");
        var brief = Replica.Quick with { RetryDelay = TimeSpan.FromMilliseconds(1), MaxRetryDelay = TimeSpan.FromMilliseconds(5) };
        TokenCell[] cells =
        [
            New().Cell(upstream.Source(), secret: "old", times: brief),
            New().Cell(upstream.Source(), secret: "new", times: brief),
        ];
        var enough = long.MaxValue;
        await Eventually(async () =>
        {
            foreach (var cell in cells)
            {
                (await cell.Get(None)).Problem.ShouldBe(TokenProblem.LoginRefused);
            }
            var commands = await Commands();
            enough = upstream.Logins >= 6 ? Math.Min(enough, commands + 100) : enough;
            return commands >= enough; // so many more looks, and no login
        });
        upstream.Logins.ShouldBe(6);
    }

    [Fact]
    public async Task Only_a_refused_refresh_leads_to_a_login()
    {
        var cell = New().Cell(upstream.Source());
        var token = await Fresh(cell);
        upstream.RefreshAnswers.Enqueue(TokenAnswer.NotNow("http-429"));
        (await cell.Replace(token, 0, "s", None)).Problem.ShouldBe(TokenProblem.Unavailable);
        upstream.Logins.ShouldBe(1);
    }

    [Fact]
    public async Task Three_refusals_are_counted_over_all_replicas()
    {
        upstream.LoginAnswer = TokenAnswer.Refused("http-401");
        var cells = Enumerable.Range(0, 4).Select(_ => New().Cell(upstream.Source())).ToList();
        await Eventually(async () =>
        {
            foreach (var cell in cells)
            {
                (await cell.Get(None)).Problem.ShouldBe(TokenProblem.LoginRefused);
            }
            return upstream.Logins == 3;
        });
        await Task.WhenAll(cells.Select(cell => cell.Get(None).AsTask()));
        upstream.Logins.ShouldBe(3);
    }

    [Fact]
    public async Task A_quiet_time_holds_for_all_replicas()
    {
        upstream.LoginAnswer = TokenAnswer.NotNow("http-503", TimeSpan.FromMinutes(1));
        (await New().Cell(upstream.Source()).Get(None)).Problem.ShouldBe(TokenProblem.Unavailable);
        var other = await New().Cell(upstream.Source()).Get(None);
        other.Problem.ShouldBe(TokenProblem.Unavailable);
        other.RetryAfter!.Value.ShouldBeInRange(TimeSpan.FromSeconds(50), TimeSpan.FromSeconds(60));
        upstream.Logins.ShouldBe(1);
    }

    [Fact]
    public async Task The_budget_is_one_for_all_replicas_and_failures_count()
    {
        upstream.LoginAnswer = TokenAnswer.Unknown("http-500");
        var cells = Enumerable
            .Range(0, 4)
            .Select(i => New().Cell(upstream.Source(), logins: [new() { Permit = 3, Per = TimeSpan.FromMinutes(10) }]))
            .ToList();
        await Eventually(async () =>
        {
            var results = await Task.WhenAll(cells.Select(cell => cell.Get(None).AsTask()));
            return results.All(result => result.Problem == TokenProblem.BudgetSpent);
        });
        upstream.Logins.ShouldBe(3);
    }

    [Fact]
    public async Task Who_was_told_to_wait_for_the_budget_takes_what_another_stores_meanwhile()
    {
        upstream.LoginAnswer = TokenAnswer.Unknown("http-500");
        LoginWindowOptions[] one = [new() { Permit = 1, Per = TimeSpan.FromMinutes(10) }];
        await New().Cell(upstream.Source(), logins: one).Get(None);
        var (waiting, late) = (New().Cell(upstream.Source(), logins: one), New());
        TokenResult result = default;
        await Eventually(async () => (result = await waiting.Get(None)).Problem == TokenProblem.BudgetSpent);
        result.RetryAfter!.Value.ShouldBeGreaterThan(TimeSpan.FromMinutes(5));
        var (attempt, life) = (new Attempt(1, 1), TimeSpan.FromMinutes(30));
        StoredState seen = default;
        await Eventually(async () => (seen = await late.Tokens.Take(late.Name(), attempt, TimeSpan.FromSeconds(1))).Number > 0);
        await late.Tokens.Commit(
            late.Name(),
            attempt,
            new SharedPair
            {
                FencingToken = seen.Number,
                Record = waiting.Name,
                Access = "late",
                Refresh = "r",
                Life = life,
                EndsAt = seen.Now + (long)life.TotalMicroseconds,
                EndsAtUtc = DateTimeOffset.UtcNow + life,
                By = "late",
            },
            life
        );
        await Eventually(async () => (await waiting.Get(None)).Token is { } token && Value(token) == "late");
        upstream.Logins.ShouldBe(1);
    }

    private Replica New(Replica.Settings? settings = null)
    {
        var replica = new Replica(redis.Server.Endpoint, prefix, settings);
        replicas.Add(replica);
        return replica;
    }

    private async Task<long> Commands() =>
        long.Parse(
            (await redis.Server.Ask("INFO", "commandstats"))
                .Split('\n')
                .Where(line => line.Contains("cmdstat_eval", StringComparison.Ordinal))
                .Sum(line => long.Parse(line.Split("calls=")[1].Split(',')[0], System.Globalization.CultureInfo.InvariantCulture))
                .ToString(System.Globalization.CultureInfo.InvariantCulture),
            System.Globalization.CultureInfo.InvariantCulture
        );

    internal static async Task Eventually(Func<Task<bool>> isSo)
    {
        var end = DateTime.UtcNow.AddSeconds(60);
        while (!await isSo())
        {
            (DateTime.UtcNow < end).ShouldBeTrue("it never came to be");
            await Task.Delay(20);
        }
    }
}
