using Broker.Configuration;
using Broker.Tests.Redis;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;
using static Broker.Tests.UpstreamTokens.SharedRenewalTests;

namespace Broker.Tests.UpstreamTokens;

/// <summary>Redis is stopped, killed, emptied, set back: requests go on, and no token is lost.</summary>
public sealed class RedisAwayTests : IAsyncLifetime
{
    private static readonly Replica.Settings Impatient = new() { CallTimeout = TimeSpan.FromMilliseconds(300) };

    private readonly StrictUpstream upstream = new();
    private readonly List<Replica> replicas = [];
    private RedisServer server = null!;

    public async ValueTask InitializeAsync() => server = await RedisServer.Start();

    public async ValueTask DisposeAsync()
    {
        replicas.ForEach(replica => replica.Dispose());
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_held_token_serves_on_while_redis_is_stopped_and_a_word_is_said_once()
    {
        var log = new LogLines();
        var replica = New(Impatient with { Log = log });
        var cell = replica.Cell(upstream.Source());
        var token = await FirstToken(cell);
        server.Freeze();
        await Fresh(cell);
        for (var i = 0; i < 3; i++)
        {
            (await cell.Replace(token, 0, "s", None)).Token.ShouldBeNull(); // no login before a window has passed: others may have used it
        }
        (await Fresh(cell)).ShouldBe(token);
        server.Thaw();
        await Eventually(async () => (await cell.Replace(token, 0, "s", None)).Token is not null);
        (upstream.Logins, upstream.Refreshes, upstream.Reused).ShouldBe((1, 1, 0));
        log.Lines.Count(line => line.StartsWith("700 ", StringComparison.Ordinal)).ShouldBe(1);
    }

    [Fact]
    public async Task Away_a_rotating_refresh_token_is_not_spent_and_a_login_is_within_the_local_share()
    {
        var cell = New(Impatient).Cell(upstream.Source(), logins: [new() { Permit = 16, Per = TimeSpan.FromSeconds(1) }]);
        var token = await FirstToken(cell);
        await server.Kill();
        TokenResult next = default;
        await Eventually(async () => (next = await cell.Replace(token, 0, "s", None)).Token is not null);
        (upstream.Logins, upstream.Refreshes).ShouldBe((2, 0));
        upstream.IsLive(Value(next.Token!)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_login_made_while_redis_was_away_is_counted_there_when_it_is_back()
    {
        var cell = New(Impatient).Cell(upstream.Source(), logins: [new() { Permit = 16, Per = TimeSpan.FromSeconds(1) }]);
        var token = await FirstToken(cell);
        server.Freeze();
        await Eventually(async () => (await cell.Replace(token, 0, "s", None)).Token is not null);
        server.Thaw();
        var log = (await server.Ask("KEYS", "*:logins")).Trim().Split('\n')[^1].Trim();
        await Eventually(async () => (await server.Ask("ZCARD", log)).Contains('2', StringComparison.Ordinal)); // without a request
        upstream.Logins.ShouldBe(2);
    }

    [Fact]
    public async Task An_account_that_can_only_refresh_is_not_touched_while_redis_is_away()
    {
        var first = upstream.Provision();
        var cell = New(Impatient).Cell(upstream.Source(canLogin: false, first));
        var token = await FirstToken(cell);
        await server.Kill();
        (await cell.Replace(token, 0, "s", None)).Problem.ShouldBe(TokenProblem.Unavailable);
        (upstream.Logins, upstream.Refreshes).ShouldBe((0, 1));
    }

    [Fact]
    public async Task A_start_without_redis_is_quick_and_becomes_whole_when_it_comes()
    {
        await server.Kill();
        var cell = New(Impatient).Cell(upstream.Source());
        var result = await cell.Get(None);
        result.Problem.ShouldBe(TokenProblem.BudgetSpent); // a window has to pass first
        upstream.Logins.ShouldBe(0);
        await server.Restart();
        var other = New(Impatient).Cell(upstream.Source());
        await Eventually(async () => (await other.Get(None)).Token is not null);
        upstream.Logins.ShouldBe(1);
    }

    [Fact]
    public async Task After_each_restart_the_holder_of_a_pair_tells_it_without_a_request()
    {
        var one = New();
        await Fresh(one.Cell(upstream.Source()));
        for (var i = 0; i < 3; i++)
        {
            await server.Kill();
            await Task.Delay(i * 700);
            await server.Restart();
            await Eventually(async () => (await server.Ask("KEYS", "*:pair")).Length > 0);
        }
    }

    [Fact]
    public async Task A_redis_that_comes_back_empty_is_told_what_its_clients_hold()
    {
        var (one, other) = (New(), New());
        var token = await Fresh(one.Cell(upstream.Source()));
        await server.Kill();
        await server.Restart();
        await Eventually(async () => (await other.Tokens.Read(other.Name())).Pair is not null); // without a request
        Value(await Fresh(other.Cell(upstream.Source()))).ShouldBe(Value(token));
        await one.Cell(upstream.Source()).Replace(token, 0, "s", None);
        (upstream.Logins, upstream.Refreshes, upstream.Reused).ShouldBe((1, 1, 0));
    }

    [Fact]
    public async Task A_redis_set_back_to_an_old_snapshot_learns_the_newer_pair_before_the_old_one_is_spent()
    {
        var patient = new Replica.Settings
        {
            Times = new() { Lease = TimeSpan.FromSeconds(1), Poll = TimeSpan.FromMilliseconds(200) },
        };
        var one = New(patient);
        var cell = one.Cell(upstream.Source());
        var token = await Fresh(cell);
        await server.Ask("SAVE");
        await cell.Replace(token, 0, "s", None);
        await server.Kill();
        await server.Restart();
        var other = New(patient).Cell(upstream.Source());
        var old = await other.Get(None);
        // Whether it found the old one or the new one: in the end it has the live one, and nothing was spent twice.
        var now = old.Token!;
        await Eventually(async () =>
        {
            now = upstream.IsLive(Value(now)) ? now : (await other.Replace(now, 0, "s", None)).Token ?? now;
            return upstream.IsLive(Value(now));
        });
        (upstream.Logins, upstream.Refreshes, upstream.Reused).ShouldBe((1, 1, 0));
    }

    [Fact]
    public async Task A_budget_that_redis_forgot_counts_as_spent_for_one_window()
    {
        IReadOnlyList<LoginWindowOptions> windows = [new() { Permit = 4, Per = TimeSpan.FromMinutes(10) }];
        var replica = New();
        await Fresh(replica.Cell(upstream.Source(), "one", logins: windows));
        await server.Kill();
        await server.Restart();
        var others = new StrictUpstream();
        await Eventually(async () => (await server.Ask("KEYS", "*:marker")).Length > 0);
        var fresh = New().Cell(upstream.Source(), "one", secret: "changed", logins: windows);
        (await fresh.Get(None)).Problem.ShouldBe(TokenProblem.BudgetSpent);
        upstream.Logins.ShouldBe(1);
    }

    [Fact]
    public async Task A_commit_that_was_not_answered_is_made_up_for()
    {
        var replica = New(Impatient);
        var cell = replica.Cell(upstream.Source());
        var token = await FirstToken(cell);
        var hold = upstream.Hold();
        var replace = cell.Replace(token, 0, "s", None).AsTask();
        await Eventually(async () => (await replica.Tokens.Read(replica.Name())).Note is not null);
        await Eventually(() => Task.FromResult(upstream.HasTakenHolds)); // the note was answered, and the call is on its way
        server.Freeze();
        hold.SetResult();
        var next = (await replace).Token.ShouldNotBeNull();
        upstream.IsLive(Value(next)).ShouldBeTrue();
        server.Thaw();
        var other = New().Cell(upstream.Source());
        await Eventually(async () => (await other.Get(None)).Token is { } seen && upstream.IsLive(Value(seen)));
        (upstream.Logins, upstream.Refreshes, upstream.Reused).ShouldBe((1, 1, 0));
    }

    /// <summary>Connecting may take an impatient replica longer than it waits for an answer.</summary>
    internal static async Task<UpstreamToken> FirstToken(TokenCell cell)
    {
        await Eventually(async () => (await cell.Get(None)).Token is not null);
        return await Fresh(cell);
    }

    private Replica New(Replica.Settings? settings = null)
    {
        var replica = new Replica(server.Endpoint, "p", settings);
        replicas.Add(replica);
        return replica;
    }
}
