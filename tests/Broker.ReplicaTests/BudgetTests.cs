using System.Text.Json.Nodes;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>
/// 13 and 6: never more logins than the budget, over all replicas, failures counted, while Redis is there, away, back or another.
/// </summary>
public sealed class BudgetTests : IAsyncLifetime
{
    private const int Brokers = 3;
    private const int Permit = 6;
    private static readonly TimeSpan Per = TimeSpan.FromSeconds(2.5);

    private readonly List<Wire> wires = [];
    private readonly Landscape landscape = new()
    {
        Redis = JsonNode
            .Parse(
                """{ "CallTimeout": "00:00:00.400", "Lease": "00:00:02", "Poll": "00:00:00.200", "RecoveryDelay": "00:00:00.500", "MaxReplicas": 3 }"""
            )!
            .AsObject(),
    };

    private RedisServer redis = null!;
    private OAuth2Simulator simulator = null!;

    public async ValueTask InitializeAsync()
    {
        redis = await RedisServer.Start();
        for (var i = 0; i < Brokers; i++)
        {
            wires.Add(new(redis.Port));
        }
        simulator = await landscape.OAuth2(
            "budget",
            Landscape.Strict,
            more: $$""" "MaxRetryDelay": "00:00:00.100", "TokenWaitTimeout": "00:00:05", "Logins": [ { "Permit": {{Permit}}, "Per": "{{Per}}" } ] """
        );
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var wire in wires)
        {
            await wire.DisposeAsync();
        }
        await redis.DisposeAsync();
        await landscape.DisposeAsync();
    }

    [Fact]
    public async Task Logins_that_fail_stay_within_the_budget_with_redis_without_it_and_when_it_is_back()
    {
        await using var fleet = await Fleet.Start(landscape, Brokers, i => [wires[i].Endpoint]);
        simulator.Faults.TokenAnswer = Answer.Empty(500); // so that everybody wants to log in all the time
        await using var load = new Load(fleet, landscape.Names, TimeSpan.FromMilliseconds(20));
        await More(Permit + 1);
        wires.ForEach(wire => wire.Fault = WireFault.Drops);
        await More(Permit); // each by itself
        wires.ForEach(wire => wire.Fault = WireFault.None);
        await More(Permit + 1);

        await using var empty = await RedisServer.Start();
        foreach (var wire in wires)
        {
            wire.Target = empty.Port;
            wire.Reset();
        }
        await More(Permit + 1);
        await WithinTheBudget(redis, empty);
        load.Failed.ShouldAllBe(failure => failure.Status == 503);
    }

    [Fact]
    public async Task Redis_down_at_the_start_and_up_later_costs_no_login_beyond_the_budget_and_no_account()
    {
        wires.ForEach(wire => wire.Fault = WireFault.Resets);
        await using var fleet = await Fleet.Start(landscape, Brokers, i => [wires[i].Endpoint]);
        await Task.WhenAll(
            Enumerable
                .Range(0, Brokers)
                .Select(i =>
                    Eventually.Holds(async () => (await fleet.Ask(i, "budget")).Status == 200, "the account is served without Redis")
                )
        );
        simulator.Logins.ShouldBe(Brokers);
        (await fleet.AskAll(30, "budget")).ShouldAllBe(answer => answer.Status == 200);
        wires.ForEach(wire => wire.Fault = WireFault.None);
        await Eventually.Holds(
            () => fleet.Brokers.All(broker => broker.Log.Contains("\"Id\":701", StringComparison.Ordinal)),
            "Redis is reached"
        );
        simulator.RevokeAccessTokens();
        for (var i = 0; i < Brokers; i++)
        {
            await Eventually.Holds(async () => (await fleet.Ask(i, "budget")).Status == 200, "and with Redis again");
        }
        await Eventually.Holds(
            async () =>
            {
                await fleet.AskAll(Brokers, "budget");
                return simulator.Received.Data.TakeLast(Brokers).Select(request => request.Bearer()).Distinct().Count() == 1;
            },
            "all of them share one token"
        );
        await WithinTheBudget(redis);
    }

    private Task More(int logins)
    {
        var from = simulator.Logins;
        return Eventually.Holds(() => simulator.Logins >= from + logins, $"{logins} more logins are tried");
    }

    private async Task WithinTheBudget(params RedisServer[] counted)
    {
        var logins = simulator.LoginTimes();
        (await Permits.Of(counted)).ShouldKeep(Permit, Per, logins);
        // And as the upstream saw them. What was permitted at one time may arrive a little later: so much of the window is left out.
        simulator.MostLoginsIn(Per * 0.7).ShouldBeLessThanOrEqualTo(Permit, string.Join(' ', logins.Select(at => $"{at:ss.f}")));
    }
}
