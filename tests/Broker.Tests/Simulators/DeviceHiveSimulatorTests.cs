using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.Tests.Simulators;

public class DeviceHiveSimulatorTests
{
    [Theory]
    [InlineData("devicehive", "75EBE271E862")]
    [InlineData("device_hive!", "75EBE271E862")]
    [InlineData("AQIDBA==", "01020304")]
    [InlineData("abc", "")]
    public void The_signing_key_is_the_secret_read_as_Base64_without_its_last_incomplete_quad(string secret, string key) =>
        Convert.ToHexString(JjwtKey.From(secret)).ShouldBe(key);

    [Fact]
    public async Task A_login_answers_201_and_a_payload_with_its_expiry_in_milliseconds()
    {
        var clock = new FakeTimeProvider();
        await using var simulator = await DeviceHiveSimulator.StartAsync(new() { Time = clock });
        using var wire = new Wire(simulator);

        var reply = await LogIn(wire, DeviceHiveSimulator.AdminLogin, DeviceHiveSimulator.AdminPassword);

        reply.Status.ShouldBe(201);
        var parts = reply.Json.GetProperty("accessToken").GetString()!.Split('.');
        Decode(parts[0]).ShouldBe("""{"alg":"HS256"}""");
        var expires = (clock.GetUtcNow() + TimeSpan.FromMinutes(30)).ToUnixTimeMilliseconds();
        Decode(parts[1]).ShouldBe($$$"""{"payload":{"u":1,"a":[0],"n":["*"],"dt":["*"],"e":{{{expires}}},"t":1}}""");
    }

    [Fact]
    public async Task A_body_without_a_type_is_JSON_and_both_bases_serve_tokens()
    {
        await using var simulator = await DeviceHiveSimulator.StartAsync(new());
        using var wire = new Wire(simulator);
        var body = JsonSerializer.Serialize(new { login = DeviceHiveSimulator.AdminLogin, password = DeviceHiveSimulator.AdminPassword });

        (await wire.Send("POST", "/api/rest/token", body)).Status.ShouldBe(201);
        (await wire.Send("POST", "/auth/rest/token", body, "text/plain")).Status.ShouldBe(415);
    }

    [Fact]
    public async Task Ten_bad_passwords_lock_a_user_out_and_end_its_tokens()
    {
        await using var simulator = await DeviceHiveSimulator.StartAsync(new());
        using var wire = new Wire(simulator);
        var token = await Operator(wire);
        for (var i = 0; i < 10; i++)
        {
            (await LogIn(wire, DeviceHiveSimulator.OperatorLogin, "wrong")).Text.ShouldBe(
                """{"error":401,"message":"Invalid credentials"}"""
            );
        }

        var right = await LogIn(wire, DeviceHiveSimulator.OperatorLogin, DeviceHiveSimulator.OperatorPassword);

        right.Text.ShouldBe("""{"error":401,"message":"User is locked or disabled"}""");
        (await wire.Get("/api/rest/device", token)).Status.ShouldBe(401);
    }

    [Fact]
    public async Task An_expired_token_is_named_and_a_refresh_token_is_kept()
    {
        var clock = new FakeTimeProvider();
        await using var simulator = await DeviceHiveSimulator.StartAsync(new() { Time = clock });
        using var wire = new Wire(simulator);
        var login = (await LogIn(wire, DeviceHiveSimulator.OperatorLogin, DeviceHiveSimulator.OperatorPassword)).Json;
        var refresh = new { refreshToken = login.GetProperty("refreshToken").GetString() };
        clock.Advance(TimeSpan.FromMinutes(31));

        var expired = await wire.Get("/api/rest/device", login.GetProperty("accessToken").GetString());
        var first = await wire.Json("/auth/rest/token/refresh", refresh);
        var second = await wire.Json("/auth/rest/token/refresh", refresh);

        expired.Text.ShouldBe("""{"error":401,"message":"Token expired"}""");
        (first.Status, second.Status).ShouldBe((201, 201));
        first.Json.TryGetProperty("refreshToken", out _).ShouldBeFalse();
        (await wire.Get("/api/rest/device", second.Json.GetProperty("accessToken").GetString())).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_client_may_create_a_token_wider_than_its_own()
    {
        await using var simulator = await DeviceHiveSimulator.StartAsync(new());
        using var wire = new Wire(simulator);
        var token = await Operator(wire);

        var wider = await wire.Send(
            "POST",
            "/auth/rest/token/create",
            """{"userId":1,"actions":["*"],"networkIds":["*"]}""",
            "application/json",
            token
        );

        wider.Status.ShouldBe(201);
        var secret = await wire.Get("/api/rest/configuration/jwt.secret", wider.Json.GetProperty("accessToken").GetString());
        secret.Json.GetProperty("value").GetString().ShouldBe(DeviceHiveSimulator.JwtSecret);
    }

    [Theory]
    [InlineData("/api/rest/device/device-a", 200)]
    [InlineData("/api/rest/device;x=1/device-a;y=2", 200)]
    [InlineData("/api/rest/Device/device-a", 404)]
    [InlineData("/api/rest/device/device-b", 403)]
    [InlineData("/api/rest/configuration/jwt.secret", 403)]
    public async Task A_client_reaches_its_network_and_matrix_parameters_are_ignored(string path, int status)
    {
        await using var simulator = await DeviceHiveSimulator.StartAsync(new());
        using var wire = new Wire(simulator);

        (await wire.Get(path, await Operator(wire))).Status.ShouldBe(status);
    }

    [Fact]
    public async Task A_POST_that_says_so_is_a_DELETE()
    {
        await using var simulator = await DeviceHiveSimulator.StartAsync(new());
        using var wire = new Wire(simulator);
        var token = await Operator(wire);

        var reply = await wire.Send("POST", "/api/rest/device/device-c", "{}", null, token, ("X-HTTP-Method-Override", "DELETE"));

        reply.Status.ShouldBe(204);
        simulator.Received.Data[0].Method.ShouldBe("POST");
        (await wire.Get("/api/rest/device/count", token)).Json.GetProperty("count").GetInt32().ShouldBe(1);
    }

    [Fact]
    public async Task A_poll_waits_for_the_next_command_within_the_token()
    {
        await using var simulator = await DeviceHiveSimulator.StartAsync(new());
        using var wire = new Wire(simulator);
        var login = await LogIn(wire, DeviceHiveSimulator.AdminLogin, DeviceHiveSimulator.AdminPassword);
        var admin = login.Json.GetProperty("accessToken").GetString()!;
        var since = "timestamp=2000-01-01T00:00:00.000";
        var poll = wire.Get($"/api/rest/device/command/poll?networkIds=1&waitTimeout=60&{since}", await Operator(wire));

        (await wire.Json("/api/rest/device/device-b/command", new { command = "stop" }, admin)).Status.ShouldBe(201);
        (await wire.Json("/api/rest/device/device-a/command", new { command = "start" }, admin)).Status.ShouldBe(201);

        (await poll).Json.EnumerateArray().Select(command => command.GetProperty("command").GetString()).ShouldBe(["start"]);
        (await wire.Get("/api/rest/device/command/poll?networkIds=1,2&waitTimeout=0", await Operator(wire))).Status.ShouldBe(403);
    }

    private static Task<Reply> LogIn(Wire wire, string login, string password) => wire.Json("/auth/rest/token", new { login, password });

    private static async Task<string> Operator(Wire wire) =>
        (await LogIn(wire, DeviceHiveSimulator.OperatorLogin, DeviceHiveSimulator.OperatorPassword))
            .Json.GetProperty("accessToken")
            .GetString()!;

    private static string Decode(string part) => Encoding.UTF8.GetString(Base64Url.DecodeFromChars(part));
}
