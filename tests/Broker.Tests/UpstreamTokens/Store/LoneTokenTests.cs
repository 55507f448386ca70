using Broker.Configuration;
using Broker.Tests.Redis;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.CellBench;
using static Broker.Tests.UpstreamTokens.RedisAwayTests;
using static Broker.Tests.UpstreamTokens.SharedRenewalTests;

namespace Broker.Tests.UpstreamTokens;

/// <summary>Without Redis a token is got only near the end of the one before, and stays this process's own.</summary>
public sealed class LoneTokenTests : IAsyncLifetime
{
    /// <summary>Of 30 minutes a margin of 192 to 240 s: the last quarter of it is 48 s at least, and 60 s at most.</summary>
    internal static readonly CellTimes Times = Replica.Quick with { RenewBefore = TimeSpan.FromMinutes(4) };
    internal static readonly TimeSpan Due = TimeSpan.FromSeconds(150);
    internal static readonly TimeSpan NearEnd = TimeSpan.FromSeconds(40);

    private static readonly IReadOnlyList<LoginWindowOptions> Logins = [new() { Permit = 16, Per = TimeSpan.FromSeconds(1) }];

    private readonly StrictUpstream upstream = new();
    private readonly AheadClock clock = new();
    private readonly List<Replica> replicas = [];
    private RedisServer server = null!;

    public async ValueTask InitializeAsync() => server = await RedisServer.Start();

    public async ValueTask DisposeAsync()
    {
        replicas.ForEach(replica => replica.Dispose());
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_token_that_is_merely_due_is_left_as_it_is_and_one_near_its_end_is_got_by_a_login()
    {
        var cell = New().Cell(upstream.Source(), logins: Logins, times: Times);
        var token = await FirstToken(cell);
        server.Freeze();
        clock.LeaveOf(token, Due + TimeSpan.FromSeconds(20));
        (await cell.Renewer!.Run(cell, isRejection: false)).Problem.ShouldBe(TokenProblem.Unavailable);
        clock.LeaveOf(token, Due); // Redis is away for longer than a window now: a login would be within the share
        (await cell.Renewer!.Run(cell, isRejection: false)).Problem.ShouldBe(TokenProblem.Unavailable);
        (await Fresh(cell)).ShouldBe(token);
        upstream.Calls.ShouldBe(1);
        clock.LeaveOf(token, NearEnd);
        await Eventually(async () => await Fresh(cell) != token);
        clock.LeftOf(token).ShouldBeGreaterThan(NearEnd / 2); // at once, and not in its last second
        (upstream.Logins, upstream.Refreshes).ShouldBe((2, 0));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_was_got_alone_is_never_stored_and_what_would_refresh_it_never_sent(bool comesBackEmpty)
    {
        var cell = New().Cell(upstream.Source(), logins: Logins);
        var token = await FirstToken(cell);
        await (comesBackEmpty ? server.Kill() : Done(server.Freeze));
        var lone = token;
        await Eventually(async () => (lone = (await cell.Replace(token, 0, "s", None)).Token ?? token) != token);
        (upstream.Logins, upstream.IsLive(Value(lone))).ShouldBe((2, true));
        await (comesBackEmpty ? server.Restart() : Done(server.Thaw));
        var other = New();
        async Task<string?> Stored() => (await other.Tokens.Read(other.Name())).Pair?.Access;
        await Eventually(async () => await Stored() is not null);
        (await Stored()).ShouldBe(Value(token));
        (await Fresh(cell)).ShouldBe(lone);
        var now = lone;
        await Eventually(async () =>
        {
            (await Stored()).ShouldNotBe(Value(lone));
            now = (await cell.Replace(now, 0, "s", None)).Token ?? now;
            return now != lone && upstream.IsLive(Value(now));
        });
        await Eventually(async () => await Stored() == Value(now)); // a real renewal
        upstream.Sent.ShouldNotContain(Value(lone).Replace("access", "refresh", StringComparison.Ordinal));
    }

    private static Task Done(Action step)
    {
        step();
        return Task.CompletedTask;
    }

    private Replica New()
    {
        var replica = new Replica(server.Endpoint, "p", new() { CallTimeout = TimeSpan.FromMilliseconds(300), Clock = clock });
        replicas.Add(replica);
        return replica;
    }
}
