using System.Text.Json.Nodes;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>What must always hold, over several processes.</summary>
public sealed class InvariantsTests(ThreeReplicas replicas) : IClassFixture<ThreeReplicas>
{
    private Fleet Fleet => replicas.Fleet;

    /// <summary>1.</summary>
    [Fact]
    public async Task Ninety_parallel_401s_over_three_replicas_are_one_renewal()
    {
        var simulator = await Begun("rejected");
        simulator.Faults.TokenDelay = TimeSpan.FromMilliseconds(300);
        simulator.RevokeAccessTokens();
        (await Fleet.AskAll(90, "rejected")).ShouldAllBe(answer => answer.Status == 200);
        (simulator.Logins, simulator.Refreshes).ShouldBe((1, 1));
    }

    /// <summary>3.</summary>
    [Fact]
    public async Task Who_waited_for_another_replicas_renewal_sends_what_came_of_it()
    {
        var simulator = await Begun("waited");
        var old = simulator.Received.Data[^1].Bearer();
        simulator.Faults.TokenDelay = TimeSpan.FromMilliseconds(500);
        simulator.RevokeAccessTokens();
        var first = Fleet.Ask(0, "waited");
        await Eventually.Holds(() => simulator.Refreshes == 1, "the first replica renews");
        var others = Fleet.AskAll(30, "waited");
        (await first).Status.ShouldBe(200);
        (await others).ShouldAllBe(answer => answer.Status == 200);
        simulator.Refreshes.ShouldBe(1);
        var renewedAt = simulator.Received.Token[^1].At + TimeSpan.FromMilliseconds(500);
        simulator.Received.Data.ShouldAllBe(request => request.Bearer() != old || request.At < renewedAt);
        simulator.Received.Data.Select(request => request.Bearer()).Distinct().Count().ShouldBe(2);
    }

    /// <summary>4.</summary>
    [Fact]
    public async Task A_token_that_ended_is_not_sent_by_any_replica_while_the_token_endpoint_is_down()
    {
        var simulator = (OAuth2Simulator)replicas.Landscape["ended"];
        replicas.Options["ended"].TokenLifetime = TimeSpan.FromSeconds(2);
        (await Fleet.AskAll(ThreeReplicas.Count, "ended")).ShouldAllBe(answer => answer.Status == 200);
        simulator.Faults.TokenAnswer = Answer.Empty(500);
        await Eventually.Holds(() => simulator.LiveTokens == 0, "the token ends");
        var sent = simulator.Received.Data.Count;
        var answers = await Fleet.AskAll(30, "ended");
        answers.ShouldAllBe(answer => answer.Status == 503 && answer.Code == "upstream-token-unavailable");
        simulator.Received.Data.Count.ShouldBe(sent);
    }

    /// <summary>5, and 17 where nobody has a token.</summary>
    [Fact]
    public async Task Without_a_token_no_replica_sends_a_request_and_none_blames_the_credentials()
    {
        var simulator = replicas.Landscape["secret"];
        simulator.Faults.TokenHangs = true;
        (await Fleet.AskAll(30, "secret")).ShouldAllBe(answer => answer.Status == 503 && answer.Code == "upstream-token-unavailable");
        simulator.Received.Data.ShouldBeEmpty();
        simulator.Logins.ShouldBe(1);
        simulator.Faults.Clear();
    }

    /// <summary>7.</summary>
    [Fact]
    public async Task Another_scope_or_secret_in_the_config_is_another_token_on_every_replica()
    {
        var simulator = await Begun("changed");
        var account = replicas.Landscape.Upstream("changed")["Accounts"]!["default"]!.AsObject();
        account["Scopes"] = new JsonArray("read");
        await Rewrite();
        for (var i = 0; i < ThreeReplicas.Count; i++)
        {
            await Eventually.Holds(async () => Scope(await Fleet.Ask(i, "changed")) == "read", "the new scope is in force");
        }
        simulator.Logins.ShouldBe(2);

        account["Audience"] = OAuth2Simulator.OtherAudience;
        await Rewrite();
        for (var i = 0; i < ThreeReplicas.Count; i++)
        {
            await Eventually.Holds(
                async () => (string?)Read(await Fleet.Ask(i, "changed"), "audience") == OAuth2Simulator.OtherAudience,
                "the new audience is in force"
            );
        }
        simulator.Logins.ShouldBe(3);

        account["Password"] = JsonNode.Parse("""{ "Env": "WRONG" }""");
        await Rewrite();
        for (var i = 0; i < ThreeReplicas.Count; i++)
        {
            await Eventually.Holds(
                async () => (await Fleet.Ask(i, "changed")) is { Status: 502, Code: "upstream-refused-login" },
                "what the old secret got is not used"
            );
        }
        simulator.LoginsGranted.ShouldBe(3);
        simulator.Logins.ShouldBeLessThanOrEqualTo(3 + 3, "three refusals of one secret, over all replicas");
    }

    /// <summary>9.</summary>
    [Fact]
    public async Task A_pair_moved_to_another_account_or_changed_by_a_bit_is_a_miss_for_a_broker_that_starts()
    {
        var before = await Pairs();
        var one = await Begun("moved");
        var ofOne = (await Pairs()).Except(before).ShouldHaveSingleItem();
        var two = await Begun("moved-too");
        var ofTwo = (await Pairs()).Except(before).Except([ofOne]).ShouldHaveSingleItem();
        await replicas.Redis.Ask("COPY", ofOne, ofTwo, "REPLACE");
        var blob = await replicas.Redis.Ask("HGET", ofOne, "b");
        await replicas.Redis.Ask("HSET", ofOne, "b", blob[..^1] + (char)(blob[^1] ^ 1));
        await using var newcomer = await Fleet.Start(replicas.Landscape, 1, replicas.Redis.Endpoint);
        (await newcomer.Ask(0, "moved")).Status.ShouldBe(200);
        (await newcomer.Ask(0, "moved-too")).Status.ShouldBe(200);
        (one.Logins, two.Logins).ShouldBe((2, 2));
        one.Received.Data.Select(request => request.Bearer())
            .ShouldNotContain(bearer => two.Received.Data.Any(request => request.Bearer() == bearer));
    }

    /// <summary>12.</summary>
    [Fact]
    public async Task Callers_of_one_replica_who_give_up_do_not_end_the_login_that_others_wait_for()
    {
        var simulator = replicas.Landscape["given-up"];
        simulator.Faults.TokenDelay = TimeSpan.FromSeconds(1);
        using var giveUp = new CancellationTokenSource();
        var impatient = Enumerable.Range(0, 20).Select(_ => Fleet.Ask(0, "given-up", giveUp.Token)).ToList();
        await Eventually.Holds(() => simulator.Logins == 1, "the first replica logs in");
        var others = Task.WhenAll(Enumerable.Range(0, 20).Select(i => Fleet.Ask(1 + (i % 2), "given-up")));
        await giveUp.CancelAsync();
        foreach (var request in impatient)
        {
            await Should.ThrowAsync<OperationCanceledException>(request);
        }
        (await others).ShouldAllBe(answer => answer.Status == 200);
        simulator.Logins.ShouldBe(1);
    }

    /// <summary>17.</summary>
    [Fact]
    public async Task A_wait_for_another_replica_that_runs_out_is_never_told_as_bad_credentials()
    {
        var simulator = replicas.Landscape["patient"];
        simulator.Faults.TokenHangs = true;
        var first = Fleet.Ask(0, "patient");
        await Eventually.Holds(() => simulator.Logins == 1, "the first replica logs in");
        var others = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => Fleet.Ask(1 + (i % 2), "patient")));
        others.Append(await first).ShouldAllBe(answer => answer.Status == 503 && answer.Code == "upstream-token-unavailable");
        simulator.Logins.ShouldBe(1);
        simulator.Faults.Clear();
    }

    private static JsonNode? Read(Answered answer, string name) => answer.Status == 200 ? JsonNode.Parse(answer.Body)![name] : null;

    private static string? Scope(Answered answer) => (string?)Read(answer, "scope");

    /// <summary>Every replica has served the account, with one login.</summary>
    private async Task<Simulator> Begun(string name)
    {
        (await Fleet.AskAll(ThreeReplicas.Count, name)).ShouldAllBe(answer => answer.Status == 200);
        replicas.Landscape[name].Logins.ShouldBe(1);
        return replicas.Landscape[name];
    }

    private async Task Rewrite()
    {
        for (var i = 0; i < ThreeReplicas.Count; i++)
        {
            await Fleet.Write(i, replicas.Landscape.Config(replicas.Redis.Endpoint));
        }
    }

    private async Task<string[]> Pairs() => (await replicas.Redis.Ask("KEYS", "*:pair")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
