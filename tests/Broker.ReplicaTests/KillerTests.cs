using System.Globalization;
using System.Text.Json.Nodes;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>
/// Three brokers renew two accounts every second or two; the one that renews is killed or paused at a random moment, again and again.
/// KILLER_ROUNDS=n: as often as that; KILLER_SEED=n: the choices of that run.
/// </summary>
public sealed class KillerTests(ITestOutputHelper output)
{
    private const int Permit = 3;

    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(1.2);
    private static readonly TimeSpan Per = TimeSpan.FromSeconds(6);

    // So few that it is spent now and then: who needs a login waits for the window.
    private const int Scarce = 2;
    private static readonly TimeSpan ScarcePer = TimeSpan.FromSeconds(15);

    [Fact]
    public async Task However_the_renewing_replica_is_killed_or_paused_no_account_is_lost_and_no_budget_is_exceeded()
    {
        var rounds = Number("KILLER_ROUNDS") ?? 20;
        var seed = Number("KILLER_SEED") ?? Random.Shared.Next(100_000);
        output.WriteLine($"KILLER_SEED={seed} KILLER_ROUNDS={rounds}");
        var chance = new Random(seed);
        var most = 10 + (rounds * 2);
        await using var landscape = new Landscape
        {
            Redis = JsonNode
                .Parse(
                    """
                    { "CallTimeout": "00:00:00.400", "Lease": "00:00:01.200", "Poll": "00:00:00.200", "RecoveryDelay": "00:00:00.200" }
                    """
                )!
                .AsObject(),
        };
        var options = Landscape.Strict with { TokenLifetime = TimeSpan.FromSeconds(2) };
        var oauth = await landscape.OAuth2(
            "oauth",
            options,
            more: $$""" "CallDeadline": "00:00:01", "Logins": [ { "Permit": {{Permit}}, "Per": "{{Per}}" } ] """
        );
        // One login too many, and this account is locked out for longer than the test.
        var damoov = await landscape.Damoov(
            "damoov",
            options with
            {
                MaxLogins = most,
                LoginWindow = TimeSpan.FromDays(1),
                Lockout = TimeSpan.FromDays(1),
            },
            $$""" "CallDeadline": "00:00:01", "Logins": [ { "Permit": {{Scarce}}, "Per": "{{ScarcePer}}" }, { "Permit": {{most}}, "Per": "1.00:00:00" } ] """
        );
        await using var redis = await RedisServer.Start();
        await using Wire one = new(redis.Port),
            two = new(redis.Port),
            three = new(redis.Port);
        Wire[] wires = [one, two, three];
        await using var fleet = await Fleet.Start(landscape, wires.Length, i => [wires[i].Endpoint]);
        await Eventually.Holds(async () => (await fleet.Ask(0, "oauth")).Status == 200, "oauth is served");
        var ofOAuth = (await Permits.Budgets(redis)).ShouldHaveSingleItem();
        await Eventually.Holds(async () => (await fleet.Ask(0, "damoov")).Status == 200, "damoov is served");
        var ofDamoov = (await Permits.Budgets(redis)).Except([ofOAuth]).ShouldHaveSingleItem();
        await using var load = new Load(fleet, landscape.Names, TimeSpan.FromMilliseconds(20));
        var killer = new Killer(fleet, wires, [oauth, damoov], chance, Lease);
        for (var i = 0; i < rounds; i++)
        {
            var done = await killer.Strike();
            output.WriteLine($"{i}: {done}");
            await AllServe(fleet, landscape);
            await killer.Mend();
        }
        foreach (var simulator in new Simulator[] { oauth, damoov })
        {
            var before = simulator.LoginsGranted + simulator.RefreshesGranted;
            await Eventually.Holds(() => simulator.LoginsGranted + simulator.RefreshesGranted >= before + 2, "it is renewed on and on");
        }
        await AllServe(fleet, landscape);
        output.WriteLine(
            $"logins {oauth.Logins} and {damoov.Logins}, refreshes {oauth.Refreshes} and {damoov.Refreshes}, served {load.Served}, "
                + $"not served {load.Failed.Count}"
        );
        if (!load.Failed.All(IsAllowed))
        {
            output.WriteLine(fleet.Told());
        }
        damoov.Logins.ShouldBeLessThanOrEqualTo(most);
        await Kept(redis, ofOAuth, oauth, Permit, Per);
        await Kept(redis, ofDamoov, damoov, Scarce, ScarcePer);
        (oauth.SentTwice(), damoov.SentTwice()).ShouldBe((0, 0));
        load.Failed.ShouldAllBe(failure => IsAllowed(failure));
    }

    private static bool IsAllowed(Failure failure) =>
        failure.Status == 503 && failure.Code is ("upstream-token-unavailable" or "login-budget-spent");

    /// <summary>The budget was kept, and no login came before its permit.</summary>
    private static async Task Kept(RedisServer redis, string budget, Simulator simulator, int permit, TimeSpan per)
    {
        var logins = simulator.LoginTimes();
        var permits = await Permits.Of([redis], budget);
        permits.ShouldKeep(permit, per, logins);
        logins.Order().Zip(permits).ShouldAllBe(login => login.First >= login.Second);
    }

    private static async Task AllServe(Fleet fleet, Landscape landscape)
    {
        foreach (var broker in fleet.Brokers.Where(broker => !broker.IsPaused && !broker.IsDead))
        {
            foreach (var upstream in landscape.Names)
            {
                await Eventually.Holds(async () => (await fleet.Ask(broker, upstream)).Status == 200, $"{upstream} is served");
            }
        }
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : null;
}
