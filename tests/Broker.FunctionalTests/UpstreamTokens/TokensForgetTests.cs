using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>'broker upstream-tokens forget': what is taken away stays away, whoever held it.</summary>
public sealed class TokensForgetTests
{
    [Fact]
    public async Task A_forgotten_token_is_sent_by_no_replica_any_more_and_the_next_request_logs_in_once()
    {
        await using var bed = await TokensBed.Start();
        var (one, two) = (await bed.Broker(), await bed.Broker());
        var old = await bed.TokenOf(one);
        (await bed.TokenOf(two)).ShouldBe(old);

        (await bed.Done("forget", "api")).Out.ShouldStartWith("api/default forgotten");
        (await bed.Show()).GetProperty("state").GetString().ShouldBe("forgotten");
        bed.Simulator.Logins.ShouldBe(1, "nobody logs in before there is a request");

        var next = "";
        await Eventually.Holds(async () => (next = await bed.TokenOf(two)) != old, "the second sends another");
        await Eventually.Holds(async () => await bed.TokenOf(one) == next, "the first sends that, too");
        (bed.Simulator.Logins, bed.Simulator.Refreshes).ShouldBe((2, 0));
        (await bed.Show()).GetProperty("budgets")[0].GetProperty("left").GetInt32().ShouldBe(998, "the budget forgets nothing");
    }

    [Fact]
    public async Task An_account_that_can_only_refresh_is_not_lost_by_a_slip_of_the_hand()
    {
        await using var bed = await TokensBed.Start(
            """{ "Grant": "RefreshToken", "ClientId": "fleet-service", "ClientSecret": { "Env": "CLIENT_SECRET" }, "RefreshToken": { "Env": "REFRESH_TOKEN" } }"""
        );
        var broker = await bed.Broker();
        var token = await bed.TokenOf(broker);
        var refused = await bed.Run(["forget", "api"]);
        (refused.Exit, refused.Out).ShouldBe((1, ""));
        refused.ErrorLines.Single().ShouldContain("--even-if-lost");
        (await bed.TokenOf(broker)).ShouldBe(token);
        await bed.Done("forget", "api", "--even-if-lost");
        (await bed.Show()).GetProperty("state").GetString().ShouldBe("forgotten");
    }

    [Fact]
    public async Task An_account_that_was_refused_three_times_tries_again_after_it()
    {
        await using var bed = await TokensBed.Start(
            more: """, "RetryDelay": "00:00:00.001", "MaxRetryDelay": "00:00:00.001", "Logins": [ { "Permit": 1000, "Per": "01:00:00" } ]"""
        );
        bed.Simulator.Faults.TokenAnswer = Answer.Json(400, new { error = "invalid_grant" });
        await Eventually.Holds(
            async () =>
            {
                await bed.Run(["renew", "api"]);
                return bed.Simulator.Logins == 3 && (await bed.Show()).GetProperty("refusals").GetInt32() == 3;
            },
            "it was refused three times"
        );
        bed.Simulator.Faults.Clear();
        var renewed = await bed.Run(["renew", "api"]);
        renewed.ErrorLines.Single().ShouldContain("the upstream refuses the account's credentials");
        bed.Simulator.Logins.ShouldBe(3);
        await bed.Done("forget", "api");
        await bed.TokenOf(await bed.Broker());
        bed.Simulator.Logins.ShouldBe(4);
    }
}
