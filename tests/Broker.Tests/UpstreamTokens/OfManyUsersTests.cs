using Broker.Configuration;
using Broker.Tests.Redis;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.ConfigBench;

namespace Broker.Tests.UpstreamTokens;

/// <summary>Accounts with templates: whatever one user brings on itself stays its own, in memory and with Redis.</summary>
public sealed class OfManyUsersTests(SharedRedis redis) : IClassFixture<SharedRedis>, IDisposable
{
    private readonly List<IDisposable> opened = [];

    public static TheoryData<bool, string> Answers
    {
        get
        {
            var all = new TheoryData<bool, string>();
            string[] answers =
            [
                RawEndpoint.Json("""{"error":"invalid_grant"}""", 400),
                RawEndpoint.Json("<html>", 403),
                RawEndpoint.Json("", 401),
                RawEndpoint.Json("{}", 404),
                RawEndpoint.Json("{}", 429, "Retry-After: 3600\r\n"),
                RawEndpoint.Json("{}", 503, "Retry-After: 3600\r\n"),
                RawEndpoint.Json("no", 500),
                RawEndpoint.Json("""{"error":"unknown user"}"""),
                RawEndpoint.Json("<html>"),
                "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
            ];
            foreach (var answer in answers)
            {
                all.Add(false, answer);
                all.Add(true, answer);
            }
            return all;
        }
    }

    public void Dispose() => opened.ForEach(one => one.Dispose());

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task A_user_whom_the_upstream_does_not_know_holds_up_nobody_else(bool isShared, string answer)
    {
        await using var endpoint = Endpoint(answer);
        var account = Account(Bench(isShared), endpoint);
        for (var i = 0; i < 20; i++)
        {
            (await Of(account, "mallory")).Token.ShouldBeNull();
        }
        var asked = endpoint.Requests.Count;
        (await Of(account, "alice")).Token.ShouldNotBeNull();
        (await Of(account, "mallory")).Token.ShouldBeNull();
        (await Of(account, "bob")).Token.ShouldNotBeNull();
        asked.ShouldBeLessThan(7);
        endpoint.Requests.Count.ShouldBeLessThan(asked + 6);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_user_who_was_refused_for_good_is_asked_for_no_more_and_all_others_are(bool isShared)
    {
        await using var endpoint = Endpoint(RawEndpoint.Json("""{"error":"invalid_grant"}""", 400));
        var account = Account(Bench(isShared), endpoint, new() { Permit = 1000, Per = TimeSpan.FromHours(1) });
        await SharedRenewalTests.Eventually(async () => (await Of(account, "mallory")).Token is null && endpoint.Requests.Count == 3);
        for (var i = 0; i < 20; i++)
        {
            (await Of(account, "mallory")).Problem.ShouldBe(TokenProblem.LoginRefused);
        }
        endpoint.Requests.Count.ShouldBe(3);
        (await Of(account, "alice")).Token.ShouldNotBeNull();
        (await Of(account, "bob")).Token.ShouldNotBeNull();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_window_is_each_users_own_unless_it_says_otherwise(bool isShared)
    {
        await using var endpoint = Endpoint(RawEndpoint.Json("no", 500));
        var account = Account(Bench(isShared), endpoint, new() { Permit = 2, Per = TimeSpan.FromHours(1) });
        await Spent(account, "mallory");
        endpoint.Requests.Count.ShouldBeInRange(1, 2); // a permit whose lease was lost on a slow machine is spent too
        foreach (var user in new[] { "alice", "bob", "carol", "dave" })
        {
            (await Of(account, user)).Token.ShouldNotBeNull();
        }
    }

    [Theory]
    [InlineData(false, LoginScope.Account)]
    [InlineData(true, LoginScope.Account)]
    [InlineData(false, LoginScope.Endpoint)]
    [InlineData(true, LoginScope.Endpoint)]
    public async Task Of_a_window_that_all_users_share_one_user_has_half_at_most(bool isShared, object scope)
    {
        await using var endpoint = Endpoint(RawEndpoint.Json("no", 500));
        var account = Account(
            Bench(isShared),
            endpoint,
            new()
            {
                Permit = 4,
                Per = TimeSpan.FromHours(1),
                Scope = (LoginScope)scope,
            }
        );
        await Spent(account, "mallory");
        endpoint.Requests.Count.ShouldBeInRange(1, 2); // a permit whose lease was lost on a slow machine is spent too
        (await Of(account, "alice")).Token.ShouldNotBeNull();
        (await Of(account, "bob")).Token.ShouldNotBeNull();
        (await Of(account, "carol")).Problem.ShouldBe(TokenProblem.BudgetSpent);
    }

    [Theory]
    [InlineData(LoginScope.User)]
    [InlineData(LoginScope.Account)]
    public async Task An_account_without_templates_is_one_user(object scope)
    {
        await using var endpoint = Endpoint(RawEndpoint.Json("no", 500));
        LoginWindowOptions window = new()
        {
            Permit = 2,
            Per = TimeSpan.FromHours(1),
            Scope = (LoginScope)scope,
        };
        foreach (var isShared in new[] { false, true })
        {
            var account = Account(Bench(isShared), endpoint, window, tenant: "mallory");
            var before = endpoint.Requests.Count;
            await Spent(account, "mallory");
            (endpoint.Requests.Count - before).ShouldBeInRange(1, 2);
        }
    }

    private static async Task<TokenResult> Of(Account account, string user) =>
        await account.Cell(new Dictionary<string, string> { ["user"] = user }).ShouldNotBeNull().Get(CancellationToken.None);

    private static async Task Spent(Account account, string user)
    {
        TokenResult last = default;
        await SharedRenewalTests.Eventually(async () => (last = await Of(account, user)).Problem == TokenProblem.BudgetSpent);
        last.RetryAfter.ShouldNotBeNull();
    }

    private static RawEndpoint Endpoint(string refusal) =>
        new(refusal)
        {
            Answers = request =>
                request.Contains("mallory", StringComparison.Ordinal)
                    ? refusal
                    : RawEndpoint.Json("""{"access_token":"a","expires_in":3600}"""),
        };

    private static Account Account(ConfigBench bench, RawEndpoint endpoint, LoginWindowOptions? window = null, string tenant = "{user}") =>
        bench.Account(
            OAuth2(Client with { Parameters = new Dictionary<string, string> { ["tenant"] = tenant } }, endpoint.Address.AbsoluteUri) with
            {
                AllowInsecure = true,
                RetryDelay = window is null ? TimeSpan.FromMinutes(5) : TimeSpan.FromMilliseconds(1),
                MaxRetryDelay = window is null ? TimeSpan.FromMinutes(5) : TimeSpan.FromMilliseconds(5),
                Logins = window is null ? null : [window],
            }
        );

    private ConfigBench Bench(bool isShared)
    {
        if (!isShared)
        {
            var bench = new ConfigBench(TimeProvider.System);
            opened.Add(bench);
            return bench;
        }
        var replica = new Replica(redis.Server.Endpoint, SharedRedis.NewPrefix());
        opened.Add(replica);
        return new(replica.Vault);
    }
}
