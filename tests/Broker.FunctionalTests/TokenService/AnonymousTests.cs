using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.Operations;
using Broker.FunctionalTests.Rights;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>What may be held open by somebody whom nobody knows: for a time, and a number of them.</summary>
public sealed class AnonymousTests
{
    private const string Json = "application/json";
    private const string Form = "application/x-www-form-urlencoded";

    [Theory]
    [InlineData("/token", Json, false)]
    [InlineData("/token", Json, true)]
    [InlineData("/token/refresh", Json, false)]
    [InlineData("/auth/rest/token/refresh", Json, true)]
    [InlineData("/token/create", Json, false)]
    [InlineData("/token/plugin/create", Json, true)]
    [InlineData("/oauth/token", Form, false)]
    [InlineData("/oauth/token", Form, true)]
    [InlineData("/oauth/introspect", Form, false)]
    [InlineData("/oauth/revoke", Form, true)]
    [InlineData("/oauth/revoke-all", Form, false)]
    public async Task A_body_that_never_ends_is_given_up_in_time_whether_it_stops_or_trickles(string path, string type, bool isChunked)
    {
        await using var bed = await TokenBed.Start(broker => broker["Limits"] = JsonNode.Parse("""{ "AnonymousTimeout": "00:00:01" }"""));
        var token = await bed.LogIn("admin");
        foreach (var trickles in new[] { false, true })
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            using var client = new TcpClient();
            await client.ConnectAsync(bed.Broker.Address.Host, bed.Broker.Address.Port);
            var stream = client.GetStream();
            var framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: 60000";
            var head =
                $"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {type}\r\nAuthorization: Bearer {token.Access}\r\n{framing}\r\n\r\n{(isChunked ? "ffff\r\n" : "")}";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(head), limit.Token);
            var answering = RawHttp.Read(stream, isHead: false, limit.Token);
            while (trickles && !answering.IsCompleted)
            {
                await stream.WriteAsync("a"u8.ToArray(), limit.Token);
                await Task.WhenAny(answering, Task.Delay(20, limit.Token));
            }

            var answer = await answering;

            answer.Status.ShouldBe(408, answer.Body);
            answer["Content-Type"].ShouldBe("application/json");
            answer["Connection"].ShouldBe("close");
            JsonNode.Parse(answer.Body)!["error"].ShouldNotBeNull();
        }

        (await bed.Get("/net/1", token.Access)).Status.ShouldBe(200);
        bed.Broker.Log.ShouldNotContain("\"Level\":\"Error\"");
    }

    [Theory]
    [InlineData("/token", Json)]
    [InlineData("/oauth/token", Form)]
    public async Task A_stream_whose_body_never_ends_is_given_up_in_time(string path, string type)
    {
        await using var bed = await TokenBed.Start(broker =>
        {
            broker["Limits"] = JsonNode.Parse("""{ "AnonymousTimeout": "00:00:00.3" }""");
            broker.Parent!["Kestrel"] = JsonNode.Parse(
                """{ "Endpoints": { "h2": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" } } }"""
            );
        });
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        using var connection = await RawHttp2.Connect(bed.Broker.Address);
        connection.AddRequest(
            1,
            hasBody: true,
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "x"),
            ("content-type", type)
        );
        connection.Add(RawHttp2.Data, 0, 1, "a"u8);
        await connection.Send();

        var frame = await connection.Next(limit.Token);
        while (frame is { Type: not RawHttp2.Headers })
        {
            frame = await connection.Next(limit.Token);
        }

        frame!.Value.Payload.AsSpan().IndexOf("408"u8).ShouldBeGreaterThanOrEqualTo(0);
        bed.Broker.Log.ShouldNotContain("\"Level\":\"Error\"");
    }

    [Theory]
    [InlineData("""{ "AnonymousRequestsPerAddress": 3 }""", 429)]
    [InlineData("""{ "AnonymousRequests": 3 }""", 503)]
    public async Task Requests_to_the_token_service_are_bounded_while_known_callers_pass(string limits, int status)
    {
        await using var bed = await TokenBed.Start(broker => broker["Limits"] = JsonNode.Parse(limits));
        var token = await bed.LogIn("admin");
        var held = new List<TcpClient>();
        foreach (var (path, type) in new[] { ("/token", Json), ("/oauth/token", Form), ("/token/refresh", Json) })
        {
            // When its body is asked for, it has its place. What came before may have held one for a moment longer.
            await Eventually.Holds(
                async () =>
                {
                    var client = new TcpClient();
                    await client.ConnectAsync(bed.Broker.Address.Host, bed.Broker.Address.Port);
                    var head =
                        $"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {type}\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n";
                    await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head));
                    var line = new byte["HTTP/1.1 100".Length];
                    await client.GetStream().ReadExactlyAsync(line);
                    held.Add(client);
                    return Encoding.ASCII.GetString(line) == "HTTP/1.1 100";
                },
                "it has a place"
            );
        }

        foreach (
            var (path, type, body) in new[]
            {
                ("/token", Json, "{}"),
                ("/oauth/token", Form, "grant_type=client_credentials"),
                ("/oauth/introspect", Form, "token=x"),
            }
        )
        {
            await Eventually.Holds(async () => (await bed.Post(path, body, type: type)).Status == status, "there is no place left");
            var refused = await bed.Post(path, body, type: type);
            JsonNode.Parse(refused.Body)!["error"]!.ToString().ShouldBe(path == "/token" ? $"{status}" : "temporarily_unavailable");
        }

        (await bed.Get("/net/1", token.Access)).Status.ShouldBe(200);
        (await bed.Get("/.well-known/jwks.json")).Status.ShouldBe(200, "it holds nothing");

        held.ForEach(client => client.Dispose());
        await Eventually.Holds(
            async () =>
                (await bed.Post("/oauth/token", "grant_type=client_credentials&client_id=app&client_secret=app-key", type: Form)).Status
                == 200,
            "places are free"
        );
    }

    [Theory]
    [InlineData("""{ "AnonymousRequestsPerAddress": 2 }""", 429, "rate-limited")]
    [InlineData("""{ "AnonymousRequests": 2 }""", 503, "busy")]
    public async Task Requests_on_public_routes_are_bounded_while_known_callers_pass(string limits, int status, string code)
    {
        await using var upstream = await EchoUpstream.Start();
        var arrived = new SemaphoreSlim(0);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        upstream.Answer = async context =>
        {
            if (context.Request.Path == "/open/held")
            {
                arrived.Release();
                await release.Task;
            }

            await context.Response.WriteAsync("ok");
        };
        var config = TestConfig.With(
            upstream.Address,
            ("open", """{ "Match": { "Path": "/open/{**rest}" }, "AuthorizationPolicy": "Anonymous" }"""),
            ("all", TestConfig.CatchAll)
        );
        config["Broker"]!["Limits"] = JsonNode.Parse(limits);
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
        var held = new[]
        {
            RawHttp.Ask(broker.Address, "GET /open/held HTTP/1.1", ["Host: x"]),
            RawHttp.Ask(broker.Address, "GET /open/held HTTP/1.1", ["Host: x"]),
        };
        (await arrived.WaitAsync(TimeSpan.FromSeconds(60)) && await arrived.WaitAsync(TimeSpan.FromSeconds(60))).ShouldBeTrue();

        var refused = await RawHttp.Ask(broker.Address, "GET /open/x HTTP/1.1", ["Host: x"]);

        (refused.Status, refused.Code, refused["Retry-After"]).ShouldBe((status, code, "1"));
        (await RawHttp.Ask(broker.Address, "GET /x HTTP/1.1", ["Host: x", $"X-Api-Key: {TestConfig.Key}"])).Status.ShouldBe(200);
        release.SetResult();
        (await Task.WhenAll(held)).ShouldAllBe(answer => answer.Status == 200);
        await Eventually.Holds(
            async () => (await RawHttp.Ask(broker.Address, "GET /open/x HTTP/1.1", ["Host: x"])).Status == 200,
            "a place is free"
        );
    }

    [Fact]
    public async Task Credentials_that_are_being_verified_are_bounded_while_known_callers_pass()
    {
        await using var authority = await EchoUpstream.Start();
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        authority.Answer = async context =>
        {
            await release.Task.WaitAsync(context.RequestAborted);
            context.Response.StatusCode = 404;
        };
        await using var upstream = await EchoUpstream.Start();
        var config = TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
        config["Broker"]!["Limits"] = JsonNode.Parse("""{ "AnonymousRequestsPerAddress": 2 }""");
        config["Broker"]!["Issuers"] = JsonNode.Parse(
            $$"""
            { "corp": { "Authority": "{{authority.Address}}", "Issuer": "https://corp.example", "AllowInsecure": true, "Audiences": [ "broker" ],
              "Actions": { "Const": [ "*" ] }, "Networks": { "Const": [ "*" ] }, "DeviceTypes": { "Const": [ "*" ] }, "Devices": { "Const": [ "*" ] } } }
            """
        );
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
        var end = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeSeconds();
        var token =
            $"{Part("""{"alg":"RS256","kid":"k","typ":"at+jwt"}""")}.{Part($$"""{"iss":"https://corp.example","aud":"broker","sub":"s","exp":{{end}}}""")}.{new string('A', 342)}";
        Task<RawAnswer> Ask() => RawHttp.Ask(broker.Address, "GET /x HTTP/1.1", ["Host: x", $"Authorization: Bearer {token}"]);

        var held = new[] { Ask(), Ask() };
        await Eventually.Holds(() => !authority.Requests.IsEmpty, "the issuer is asked for its keys");
        await Eventually.Holds(
            async () => await Task.WhenAny(Ask(), Task.Delay(2000)) is Task<RawAnswer> answer && (await answer).Status == 429,
            "there is no place left"
        );

        (await RawHttp.Ask(broker.Address, "GET /x HTTP/1.1", ["Host: x", $"X-Api-Key: {TestConfig.Key}"])).Status.ShouldBe(200);
        release.SetResult();
        (await Task.WhenAll(held)).ShouldAllBe(answer => answer.Status == 401 || answer.Status == 503 || answer.Status == 429);
        upstream.Requests.Count.ShouldBe(1);
    }

    private static string Part(string json) =>
        Convert.ToBase64String(Encoding.UTF8.GetBytes(json)).TrimEnd('=').Replace('+', '-').Replace('/', '_');
}
