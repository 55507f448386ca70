using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.Tests.Simulators;

public class OAuth2SimulatorTests
{
    private static readonly (string, string) ClientCredentials = ("grant_type", "client_credentials");

    [Fact]
    public async Task A_client_is_refused_where_its_secret_does_not_belong()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        using var wire = new Wire(simulator);

        var body = await wire.Form(
            OAuth2Simulator.TokenPath,
            ClientCredentials,
            ("client_id", OAuth2Simulator.BodyClientId),
            ("client_secret", OAuth2Simulator.BodyClientSecret)
        );
        var basicInBody = await wire.Form(
            OAuth2Simulator.TokenPath,
            ClientCredentials,
            ("client_id", OAuth2Simulator.BasicClientId),
            ("client_secret", OAuth2Simulator.BasicClientSecret)
        );
        var bodyInBasic = await Basic(
            wire,
            OAuth2Simulator.BodyClientId,
            OAuth2Simulator.BodyClientSecret,
            "grant_type=client_credentials"
        );

        body.Status.ShouldBe(200);
        (basicInBody.Status, basicInBody.Text).ShouldBe((401, """{"error":"invalid_client"}"""));
        (bodyInBasic.Status, bodyInBasic.Text).ShouldBe((401, """{"error":"invalid_client"}"""));
    }

    [Fact]
    public async Task Scope_and_audience_are_checked_and_reach_the_data_routes()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        using var wire = new Wire(simulator);

        var wide = await Service(wire, "grant_type=client_credentials&scope=admin");
        var elsewhere = await Service(wire, "grant_type=client_credentials&audience=https%3A%2F%2Fother.example");
        var narrow = await Service(
            wire,
            $"grant_type=client_credentials&scope=read&audience={Uri.EscapeDataString(OAuth2Simulator.OtherAudience)}"
        );
        var token = narrow.Json.GetProperty("access_token").GetString();
        var echo = (await wire.Get("/api/a%2Fb?x=1", token)).Json;

        wide.Text.ShouldBe("""{"error":"invalid_scope"}""");
        elsewhere.Text.ShouldBe("""{"error":"invalid_target"}""");
        echo.GetProperty("target").GetString().ShouldBe("/api/a%2Fb?x=1");
        echo.GetProperty("audience").GetString().ShouldBe(OAuth2Simulator.OtherAudience);
        echo.GetProperty("headers").TryGetProperty("Authorization", out _).ShouldBeFalse();
        (await wire.Json("/api/chargers/c-1/start", new { }, token)).Status.ShouldBe(403);
    }

    [Theory]
    [InlineData("tenant=acme", "acme", 200)]
    [InlineData("tenant=other", "acme", 400)]
    [InlineData("tenant=acme", "other", 400)]
    public async Task The_tenants_client_needs_its_parameter_and_its_header(string parameter, string header, int status)
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        using var wire = new Wire(simulator);

        var reply = await Basic(
            wire,
            OAuth2Simulator.TenantClientId,
            OAuth2Simulator.TenantClientSecret,
            $"grant_type=client_credentials&{parameter}",
            (OAuth2Simulator.TenantHeader, header)
        );

        reply.Status.ShouldBe(status);
    }

    [Fact]
    public async Task A_rotated_refresh_token_used_again_revokes_the_pair_when_told_so()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new() { ReuseRevokes = true });
        using var wire = new Wire(simulator);
        var next = (await Refresh(wire, OAuth2Simulator.InitialRefreshToken)).Json;

        (await Refresh(wire, OAuth2Simulator.InitialRefreshToken)).Text.ShouldBe("""{"error":"invalid_grant"}""");

        (await Refresh(wire, next.GetProperty("refresh_token").GetString()!)).Status.ShouldBe(400);
        (await wire.Get("/api/x", next.GetProperty("access_token").GetString())).Status.ShouldBe(401);
    }

    [Fact]
    public async Task A_static_refresh_token_works_again_and_again()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new() { RotatesRefreshTokens = false, OmitsExpiresIn = true });
        using var wire = new Wire(simulator);

        (await Refresh(wire, OAuth2Simulator.InitialRefreshToken)).Json.TryGetProperty("expires_in", out _).ShouldBeFalse();
        (await Refresh(wire, OAuth2Simulator.InitialRefreshToken)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task An_answer_set_for_refreshes_waits_for_one_and_leaves_logins_alone()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        using var wire = new Wire(simulator);
        simulator.Faults.AnswerNextRefreshes(Answer.Json(400, new { error = "invalid_grant" }));

        var token = (await Service(wire, "grant_type=client_credentials")).Json.GetProperty("access_token").GetString()!;
        (await Refresh(wire, OAuth2Simulator.InitialRefreshToken)).Text.ShouldBe("""{"error":"invalid_grant"}""");
        (await Refresh(wire, OAuth2Simulator.InitialRefreshToken)).Status.ShouldBe(200);

        simulator.AcceptedUntil(token).ShouldNotBeNull().ShouldBeGreaterThan(DateTimeOffset.UtcNow);
        simulator.RevokeAccessTokens();
        simulator.AcceptedUntil(token).ShouldBeNull();
    }

    [Fact]
    public async Task Streams_are_served_by_token_only()
    {
        await using var simulator = await OAuth2Simulator.StartAsync(new());
        using var wire = new Wire(simulator);
        var token = (await Service(wire, "grant_type=client_credentials")).Json.GetProperty("access_token").GetString()!;

        (await wire.Get("/api/stream")).Status.ShouldBe(401);
        (await wire.Get("/api/stream?events=2", token)).Text.ShouldBe("id: 1\ndata: {\"number\":1}\n\nid: 2\ndata: {\"number\":2}\n\n");
        var upload = (await wire.Send("POST", "/api/upload", "abc", "application/octet-stream", token)).Json;
        upload.GetProperty("bytes").GetInt64().ShouldBe(3);
        upload.GetProperty("sha256").GetString().ShouldBe(Convert.ToHexStringLower(SHA256.HashData("abc"u8)));

        using var socket = new ClientWebSocket();
        socket.Options.SetRequestHeader("Authorization", $"Bearer {token}");
        await socket.ConnectAsync(new UriBuilder(simulator.Address) { Scheme = "ws", Path = "/api/ws" }.Uri, CancellationToken.None);
        await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, CancellationToken.None);
        var buffer = new byte[16];
        var received = await socket.ReceiveAsync(buffer, CancellationToken.None);
        Encoding.UTF8.GetString(buffer, 0, received.Count).ShouldBe("hello");
    }

    private static Task<Reply> Refresh(Wire wire, string token) => Service(wire, $"grant_type=refresh_token&refresh_token={token}");

    private static Task<Reply> Service(Wire wire, string form) =>
        Basic(wire, OAuth2Simulator.BasicClientId, OAuth2Simulator.BasicClientSecret, form);

    private static Task<Reply> Basic(Wire wire, string id, string secret, string form, params (string, string)[] headers)
    {
        var basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Uri.EscapeDataString(id)}:{Uri.EscapeDataString(secret)}"));
        return wire.Send(
            "POST",
            OAuth2Simulator.TokenPath,
            form,
            "application/x-www-form-urlencoded",
            null,
            [("Authorization", $"Basic {basic}"), .. headers]
        );
    }
}
