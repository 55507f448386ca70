using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.Tests.Simulators;

public class DamoovSimulatorTests
{
    private const string LoginPath = "/v1/Auth/Login";
    private const string RefreshPath = "/v1/Auth/RefreshToken";
    private static readonly (string, string) Instance = ("InstanceId", DamoovSimulator.InstanceId);

    [Theory]
    [InlineData("Devicetoken", 200)]
    [InlineData("DeviceToken", 401)]
    [InlineData("devicetoken", 401)]
    public async Task The_key_in_the_login_string_is_exactly_Devicetoken(string key, int status)
    {
        await using var simulator = await DamoovSimulator.StartAsync(new());
        using var wire = new Wire(simulator);
        var fields = JsonSerializer.Serialize(new Dictionary<string, string> { [key] = DamoovSimulator.Alice });

        (await wire.Json(LoginPath, new { LoginFields = fields, Password = DamoovSimulator.InstanceKey }, null, Instance)).Status.ShouldBe(
            status
        );
    }

    [Fact]
    public async Task A_user_needs_the_instance_header_and_an_administrator_does_not()
    {
        await using var simulator = await DamoovSimulator.StartAsync(new());
        using var wire = new Wire(simulator);
        var user = new { loginFields = new { deviceToken = DamoovSimulator.Alice }, password = DamoovSimulator.InstanceKey };

        (await wire.Json(LoginPath, user)).Status.ShouldBe(401);
        (await wire.Json(LoginPath, user, null, Instance)).Status.ShouldBe(200);
        (await LogInAdmin(wire)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_second_login_kills_the_first_refresh_token()
    {
        await using var simulator = await DamoovSimulator.StartAsync(new());
        using var wire = new Wire(simulator);
        var first = Pair(await LogInAdmin(wire));
        var second = Pair(await LogInAdmin(wire));

        (await wire.Json(RefreshPath, first)).Status.ShouldBe(401);
        (await wire.Json(RefreshPath, second)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_refresh_changes_both_tokens_and_needs_both()
    {
        await using var simulator = await DamoovSimulator.StartAsync(new());
        using var wire = new Wire(simulator);
        var old = Pair(await LogInAdmin(wire));

        (await wire.Json(RefreshPath, new { old.RefreshToken })).Status.ShouldBe(422);
        (await wire.Json(RefreshPath, old with { AccessToken = "another" })).Status.ShouldBe(401);
        var next = Pair(await wire.Json("/v1/RefreshToken", old));

        next.AccessToken.ShouldNotBe(old.AccessToken);
        next.RefreshToken.ShouldNotBe(old.RefreshToken);
        (simulator.Refreshes, simulator.RefreshesGranted).ShouldBe((3, 1));
    }

    [Theory]
    [InlineData(false, 200)]
    [InlineData(true, 401)]
    public async Task A_spent_refresh_token_takes_the_live_one_with_it_when_told_so(bool reuseRevokes, int status)
    {
        await using var simulator = await DamoovSimulator.StartAsync(new() { ReuseRevokes = reuseRevokes });
        using var wire = new Wire(simulator);
        var old = Pair(await LogInAdmin(wire));
        var live = Pair(await wire.Json(RefreshPath, old));

        (await wire.Json(RefreshPath, old)).Status.ShouldBe(401);
        (await wire.Json(RefreshPath, live)).Status.ShouldBe(status);
    }

    [Fact]
    public async Task The_sixth_login_of_a_minute_locks_out_for_an_hour_right_or_wrong()
    {
        var clock = new FakeTimeProvider();
        await using var simulator = await DamoovSimulator.StartAsync(new() { Time = clock });
        using var wire = new Wire(simulator);
        for (var i = 0; i < 5; i++)
        {
            (await wire.Json(LoginPath, new { LoginFields = "{}", Password = "wrong" })).Status.ShouldBe(401);
        }

        (await LogInAdmin(wire)).Status.ShouldBe(429);
        clock.Advance(TimeSpan.FromMinutes(59));
        (await LogInAdmin(wire)).Status.ShouldBe(429);
        clock.Advance(TimeSpan.FromMinutes(1));
        (await LogInAdmin(wire)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task The_wrong_kind_of_token_is_403_and_an_expired_one_401()
    {
        var clock = new FakeTimeProvider();
        await using var simulator = await DamoovSimulator.StartAsync(new() { Time = clock });
        using var wire = new Wire(simulator);
        var admin = Pair(await LogInAdmin(wire)).AccessToken;
        var body = new { Identifiers = new { UserId = DamoovSimulator.Bob } };

        (await wire.Json("/trips/get/admin/v1", body, admin)).Json.GetProperty("Result").GetProperty("Trips").GetArrayLength().ShouldBe(2);
        (await wire.Json("/trips/get/v1/", new { }, admin)).Status.ShouldBe(403);
        clock.Advance(TimeSpan.FromDays(1));
        (await wire.Json("/trips/get/admin/v1", body, admin)).Status.ShouldBe(401);
    }

    [Fact]
    public async Task A_200_can_carry_a_refusal()
    {
        await using var simulator = await DamoovSimulator.StartAsync(new() { StatusInBody = true });
        using var wire = new Wire(simulator);

        var reply = await wire.Json(RefreshPath, new { AccessToken = "a", RefreshToken = "b" });

        (reply.Status, reply.Json.GetProperty("Status").GetInt32()).ShouldBe((200, 401));
    }

    private static Task<Reply> LogInAdmin(Wire wire) =>
        wire.Json(
            LoginPath,
            new
            {
                LoginFields = JsonSerializer.Serialize(new { email = DamoovSimulator.AdminEmail }),
                Password = DamoovSimulator.AdminPassword,
            }
        );

    private static Tokens Pair(Reply reply)
    {
        var result = reply.Json.GetProperty("Result");
        return new(result.GetProperty("AccessToken").GetProperty("Token").GetString()!, result.GetProperty("RefreshToken").GetString()!);
    }

    private sealed record Tokens(string AccessToken, string RefreshToken);
}
