using Microsoft.Extensions.Time.Testing;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.Tests.Simulators;

public class TelemaxSimulatorTests
{
    private static readonly (string, string)[] Login = [("UserName", TelemaxSimulator.UserName), ("Password", TelemaxSimulator.Password)];

    [Theory]
    [InlineData("/api/Authentication/token/user")]
    [InlineData("/api/authentication/token/user")]
    [InlineData("/api/v2/authentication/token/user")]
    public async Task A_form_login_answers_a_token_with_a_float_of_seconds(string path)
    {
        await using var simulator = await TelemaxSimulator.StartAsync(new());
        using var wire = new Wire(simulator);

        var reply = await wire.Form(path, Login);

        reply.Text.ShouldContain("\"expires_in\":86399.0");
        reply.Json.GetProperty("access_token").GetString()!.Split('.').Length.ShouldBe(3);
        (simulator.Logins, simulator.LoginsGranted, simulator.LiveTokens).ShouldBe((1, 1, 1));
    }

    [Fact]
    public async Task Json_to_the_token_endpoint_yields_an_empty_token()
    {
        await using var simulator = await TelemaxSimulator.StartAsync(new());
        using var wire = new Wire(simulator);

        var reply = await wire.Json("/api/v2/authentication/token/user", new { TelemaxSimulator.UserName, TelemaxSimulator.Password });

        reply.Status.ShouldBe(200);
        reply.Json.GetProperty("access_token").GetString().ShouldBe("");
        simulator.LoginsGranted.ShouldBe(0);
    }

    [Theory]
    [InlineData("/api/authentication/token/api-key", "no-such-key", 400)]
    [InlineData("/api/authentication/token/api-key", "99999999-7f43-4c8e-9a58-1d2f6c0e4b12", 401)]
    [InlineData("/api/v2/authentication/token/api-key", "no-such-key", 401)]
    [InlineData("/api/v2/authentication/token/api-key", TelemaxSimulator.ApiKey, 200)]
    public async Task An_unknown_key_is_refused_by_its_shape(string path, string key, int status)
    {
        await using var simulator = await TelemaxSimulator.StartAsync(new());
        using var wire = new Wire(simulator);

        (await wire.Form(path, ("apiKey", key))).Status.ShouldBe(status);
    }

    [Theory]
    [InlineData("PUT", "/api/v2/vehicles/99/position/refresh", 401)]
    [InlineData("GET", "/api/v2/vehicles/350000000000099/device-ids", 401)]
    [InlineData("GET", "/api/v2/vehicles/99/last-position", 403)]
    [InlineData("GET", "/api/v2/vehicles/42/last-position", 200)]
    [InlineData("PUT", "/api/v2/vehicles/42/position/refresh", 200)]
    [InlineData("POST", "/api/GetLastPositionData?id=43", 200)]
    public async Task A_foreign_vehicle_is_401_on_some_routes_and_403_on_others(string method, string path, int status)
    {
        await using var simulator = await TelemaxSimulator.StartAsync(new());
        using var wire = new Wire(simulator);
        var token = (await wire.Form("/api/v2/authentication/token/user", Login)).Json.GetProperty("access_token").GetString();

        (await wire.Send(method, path, token: token)).Status.ShouldBe(status);
    }

    [Fact]
    public async Task The_rate_is_counted_a_token_and_says_when_to_come_back()
    {
        var clock = new FakeTimeProvider();
        await using var simulator = await TelemaxSimulator.StartAsync(new() { RateLimit = true, Time = clock });
        using var wire = new Wire(simulator);
        var token = (await wire.Form("/api/v2/authentication/token/user", Login)).Json.GetProperty("access_token").GetString();
        for (var i = 0; i < 60; i++)
        {
            (await wire.Get("/api/v2/companies", token)).Status.ShouldBe(200);
        }

        var refused = await wire.Get("/api/v2/companies", token);
        clock.Advance(TimeSpan.FromSeconds(60));
        var later = await wire.Get("/api/v2/companies", token);

        refused.Status.ShouldBe(429);
        refused.Headers.GetValues("Retry-After").ShouldBe(["60"]);
        refused.Headers.GetValues("X-RateLimit-Remaining").ShouldBe(["0"]);
        refused.Json.EnumerateObject().Select(member => member.Name).ShouldBe(["type", "code", "description", "requestId", "docUrl"]);
        later.Status.ShouldBe(200);
    }
}
