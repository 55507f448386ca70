using System.Text.Json.Nodes;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>
/// Users of a DeviceHive upstream whom it disables, whom another replica let in, and who are not to be told from the config's.
/// </summary>
public sealed class UpstreamUserEndTests
{
    [Fact]
    public async Task A_user_whom_the_upstream_disables_is_a_401_and_all_that_came_of_him_is_over_also_when_he_is_enabled_again()
    {
        await using var bed = await UpstreamUserBed.Start();
        var (access, refresh) = TokenBed.Pair(await bed.LogIn("operator", DeviceHiveSimulator.OperatorPassword));
        var created = TokenBed.Pair(await bed.Post("/token/create", """{"userId":2}""", access));
        (await bed.Get("/api/rest/device/device-a", access)).ShouldBe(200);

        await bed.SetStatus(2, 1);

        (await bed.Get("/api/rest/device/device-a", access)).ShouldBe(401);
        await Eventually.Holds(
            async () => (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).Status == 401,
            "his session is over"
        );
        (await bed.LogIn("operator", DeviceHiveSimulator.OperatorPassword)).Status.ShouldBe(401);

        await bed.SetStatus(2, 0);
        var again = TokenBed.Pair(await bed.LogIn("operator", DeviceHiveSimulator.OperatorPassword));
        (await bed.Get("/api/rest/device/device-a", again.Access)).ShouldBe(200);
        (await bed.Get("/api/rest/device/device-a", access)).ShouldBe(401);
        (await bed.Get("/api/rest/device/device-a", created.Access)).ShouldBe(401);
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{created.Refresh}}"}""")).Status.ShouldBe(401);
    }

    [Fact]
    public async Task An_account_of_ours_that_the_upstream_refuses_is_still_our_fault()
    {
        await using var bed = await UpstreamUserBed.Start();
        await bed.SetStatus(1, 1);

        (await bed.Get("/shared/device/device-a", "key:test-key")).ShouldBe(502);
    }

    [Fact]
    public async Task A_user_let_in_by_one_replica_goes_out_with_his_own_token_from_another_and_from_one_that_starts_later()
    {
        await using var redis = await RedisServer.Start();
        void Share(JsonObject broker) =>
            broker["Redis"] = JsonNode.Parse(
                $$"""
                { "Endpoints": [ "{{redis.Endpoint}}" ], "NamingKey": { "Env": "REDIS_NAMES" }, "Encryption": { "first": { "Env": "REDIS_KEY" } }, "CallTimeout": "00:00:00.400", "Poll": "00:00:00.200", "RecoveryDelay": "00:00:00.200" }
                """
            );
        var one = await UpstreamUserBed.Start(Share);
        await using var other = await UpstreamUserBed.Start(Share, one.Simulator);
        var (access, refresh) = TokenBed.Pair(await one.LogIn("operator", DeviceHiveSimulator.OperatorPassword));

        var renewed = (Status: 503, Body: "");
        await Eventually.Holds(
            async () => (renewed = await other.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).Status != 503,
            "the other replica answers"
        );
        renewed.Status.ShouldBe(201); // the first that it hears of him
        await Eventually.Holds(async () => await other.Get("/api/rest/device/device-a", access) == 200, "the other replica knows him");
        await one.Broker.DisposeAsync();
        await using var late = await UpstreamUserBed.Start(Share, one.Simulator);
        await Eventually.Holds(async () => await late.Get("/api/rest/device/device-a", access) == 200, "one that starts later knows him");

        one.Simulator.Received.Data.Select(request => TokenBed.Payload(request.Header("Authorization")!["Bearer ".Length..], "u"))
            .Distinct()
            .ShouldBe(["2"]);
        one.Simulator.LoginsGranted.ShouldBe(1);
        await one.SetStatus(2, 1);
        await Eventually.Holds(async () => await late.Get("/api/rest/device/device-a", access) == 401, "he is refused where he asks");
        await Eventually.Holds(async () => await other.Get("/api/rest/device/device-a", access) == 401, "and elsewhere");
    }

    [Fact]
    public async Task A_caller_of_the_config_is_refused_no_sooner_than_a_user_of_the_upstream()
    {
        await using var bed = await UpstreamUserBed.Start(broker => broker["Callers"]!["clerk"] = TokenBed.User(3, "GetDevice", "1"));
        bed.Simulator.Faults.TokenDelay = TimeSpan.FromMilliseconds(700);
        (await bed.LogIn("nobody", "wrong")).Status.ShouldBe(401);
        var from = TimeProvider.System.GetTimestamp();

        (await bed.LogIn("clerk", "wrong")).Status.ShouldBe(401);

        TimeProvider.System.GetElapsedTime(from).ShouldBeGreaterThan(TimeSpan.FromMilliseconds(650));
        bed.Simulator.Logins.ShouldBe(1);
        (await bed.LogIn("clerk", TokenBed.Password)).Status.ShouldBe(201);
    }
}
