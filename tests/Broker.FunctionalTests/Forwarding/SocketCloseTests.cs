using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.TokenService;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>
/// How an open exchange is ended where that is hard: in the middle of frames, at callers that do not read, by another replica, by an
/// issuer.
/// </summary>
public sealed class SocketCloseTests
{
    [Theory]
    [InlineData("socket-h1")]
    [InlineData("socket-h2")]
    public async Task A_close_frame_stands_between_the_frames_of_a_flood(string kind)
    {
        await using var bed = await ExchangeBed.Start(kind);
        bed.Talk = async socket =>
        {
            var block = RandomNumberGenerator.GetBytes(200_000);
            await socket.SendAsync(block, WebSocketMessageType.Binary, true, default);
            _ = Flood();

            async Task Flood()
            {
                for (var i = 1; ; i++) // fragments too: a control frame may stand between them
                {
                    await socket.SendAsync(block.AsMemory(0, i * 997 % block.Length), WebSocketMessageType.Binary, i % 3 == 0, default);
                }
            }
        };
        var (access, _) = await bed.LogIn("operator");
        var end = await bed.Open(access);
        await using var lateness = new Lateness();

        await Revoke(bed, "caller=key%3Aoperator");

        (await bed.EndsWithinASecond(end, lateness, DateTimeOffset.UtcNow)).ShouldBe("closed 4401 credential-invalid");
    }

    [Fact]
    public async Task A_frame_that_never_ends_is_cut()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var bed = await ExchangeBed.Start("socket-h1", change =>
            change["ReverseProxy"]!["Clusters"]!["api"]!["Destinations"]!["main"]!["Address"] =
                $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/"
        );
        var upstream = Upstream(listener, (byte[])[0x82, 126, 0x10, 0x00, 1, 2, 3]); // 4096 bytes are announced, three come
        var (access, _) = await bed.LogIn("operator");
        using var socket = await bed.Connect(access);
        await using var lateness = new Lateness();

        await Revoke(bed, "caller=key%3Aoperator");
        var from = DateTimeOffset.UtcNow;

        await Should.ThrowAsync<WebSocketException>(async () =>
        {
            while (true)
            {
                await socket.ReceiveAsync(new byte[5000], default).WaitAsync(TimeSpan.FromSeconds(60));
            }
        });
        await upstream.WaitAsync(TimeSpan.FromSeconds(60));
        (DateTimeOffset.UtcNow - from - await lateness.Stop()).ShouldBeLessThan(TimeSpan.FromSeconds(1));
    }

    [Fact]
    public async Task A_caller_that_does_not_read_is_cut()
    {
        await using var bed = await ExchangeBed.Start("socket-h1");
        bed.Talk = socket =>
        {
            _ = Flood();
            return Task.CompletedTask;

            async Task Flood()
            {
                while (true)
                {
                    await socket.SendAsync(new byte[1 << 20], WebSocketMessageType.Binary, true, default);
                }
            }
        };
        var (access, _) = await bed.LogIn("operator");
        using var socket = await bed.Connect(access);
        await using var lateness = new Lateness();

        await Revoke(bed, "caller=key%3Aoperator");

        await bed.EndsWithinASecond(Task.FromResult("not read"), lateness, DateTimeOffset.UtcNow);
        await bed.Broker.LogHolding("\"Id\":440");
    }

    [Fact]
    public async Task Nothing_of_the_caller_crosses_once_its_socket_is_told_to_end()
    {
        await using var bed = await ExchangeBed.Start("socket-h1");
        var (access, _) = await bed.LogIn("operator");
        using var socket = await bed.Connect(access);
        (await socket.ReceiveAsync(new byte[100], default)).Count.ShouldBe(5);

        await Revoke(bed, "caller=key%3Aoperator");
        (await socket.ReceiveAsync(new byte[100], default).WaitAsync(TimeSpan.FromSeconds(60))).CloseStatus.ShouldBe(
            (WebSocketCloseStatus)4401
        );
        await socket.SendAsync("too late"u8.ToArray(), WebSocketMessageType.Text, true, default);
        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", default);

        await bed.CutAtUpstream.WaitAsync(TimeSpan.FromSeconds(60)); // no closing handshake either
        bed.Heard.ShouldBe(0);
    }

    [Theory]
    [InlineData("socket-h1")]
    [InlineData("events-h2")]
    public async Task A_revocation_at_another_replica_ends_what_is_open_here(string kind)
    {
        await using var redis = await RedisServer.Start();
        await using var here = await ExchangeBed.Start(kind, config => Share(config, redis));
        await using var there = await ExchangeBed.Start(kind, config => Share(config, redis));
        var (access, refresh) = await here.LogIn("operator");
        await Counts(here, access);
        await Counts(there, access);
        var end = await here.Open(access);

        await Revoke(there, "token=" + refresh);

        (await end.WaitAsync(TimeSpan.FromSeconds(60))).ShouldBe(kind == "socket-h1" ? "closed 4401 credential-invalid" : "cut");
        await here.Broker.LogHolding("\"Why\":\"revoked\"");
    }

    [Theory]
    [InlineData("socket-h1")]
    [InlineData("events-h2")]
    public async Task What_nobody_can_say_any_more_ends_what_is_open(string kind)
    {
        await using var redis = await RedisServer.Start();
        await using var bed = await ExchangeBed.Start(kind, config =>
        {
            Share(config, redis);
            config["Broker"]!["TokenService"]!["UnknownAfter"] = "00:00:05";
        });
        var (access, _) = await bed.LogIn("operator");
        await Counts(bed, access);
        var (byToken, byKey) = (await bed.Open(access), await bed.Open("key:app-key"));

        await redis.Kill();

        (await byToken.WaitAsync(TimeSpan.FromSeconds(60))).ShouldBe(kind == "socket-h1" ? "closed 4401 credential-unverified" : "cut");
        await bed.Broker.LogHolding("\"Why\":\"credential-unverified\"");
        byKey.IsCompleted.ShouldBeFalse(); // a key needs nobody else's word
    }

    [Theory]
    [InlineData("socket-h1")]
    [InlineData("events-h2")]
    public async Task What_an_upstreams_own_user_opened_ends_within_a_second_of_when_the_upstream_refuses_the_user(string kind)
    {
        await using var simulator = await DeviceHiveSimulator.StartAsync(new() { BasePaths = ["/api/rest", "/auth/rest"] });
        await using var bed = await ExchangeBed.Start(kind, config =>
        {
            config["Broker"]!["Upstreams"]!["api"] = JsonNode.Parse(
                $$"""
                { "Kind": "DeviceHive", "AllowInsecure": true, "TokenEndpoint": "{{simulator.Address}}auth/rest/token",
                  "Accounts": { "default": { "Login": "{{DeviceHiveSimulator.AdminLogin}}", "Password": { "Env": "DEVICEHIVE" } } } }
                """
            );
            config["Broker"]!["TokenService"] = JsonNode.Parse("""{ "UsersOf": "api", "FirstWait": "00:10:00" }""");
            foreach (var name in UpstreamUserBed.CallersOfTheConfig)
            {
                config["Broker"]!["Callers"]!.AsObject().Remove(name);
            }

            config["ReverseProxy"]!["Routes"]!["open"]!["Metadata"] = JsonNode.Parse(
                """{ "Action": "GetDevice", "Device": "const:device-a", "Network": "const:1", "DeviceType": "const:1" }"""
            );
        });
        var (access, _) = await bed.LogIn("operator", DeviceHiveSimulator.OperatorPassword);
        var end = await bed.Open(access);
        await using var lateness = new Lateness();

        await new UpstreamUserBed { Simulator = simulator, Broker = bed.Broker }.SetStatus(2, 1);
        using var refused = await bed.Send(HttpMethod.Get, "/open/refused", access); // the broker hears of it when it renews

        ((int)refused.StatusCode).ShouldBe(401);
        (await bed.EndsWithinASecond(end, lateness, DateTimeOffset.UtcNow)).ShouldBe(
            kind == "socket-h1" ? "closed 4401 credential-invalid" : "cut"
        );
        await bed.Broker.LogHolding("\"Caller\":\"user:");
    }

    [Theory]
    [InlineData("socket-h1", true)]
    [InlineData("socket-h2", true)]
    [InlineData("socket-h1", false)]
    [InlineData("socket-h2", false)]
    public async Task Sockets_that_end_by_the_dozen_write_their_own_lines_and_no_warning_each(string kind, bool byTheBroker)
    {
        const int Sockets = 40;
        await using var bed = await ExchangeBed.Start(kind);
        var (access, _) = await bed.LogIn("operator");
        var sockets = new List<ClientWebSocket>();
        for (var i = 0; i < Sockets; i++)
        {
            sockets.Add(await bed.Connect(access));
        }

        if (byTheBroker)
        {
            await Revoke(bed, "caller=key%3Aoperator");
        }
        else
        {
            sockets.ForEach(socket => socket.Abort());
        }

        await Eventually.Holds(() => Lines(bed, "\"Id\":500", "\"Route\":\"open\"") == Sockets, "each request has its line");
        Lines(bed, "\"Id\":440").ShouldBe(byTheBroker ? Sockets : 0);
        Lines(bed, "\"Level\":\"Warning\"").ShouldBeLessThan(8); // a few kinds, each once in 10 s
        bed.Broker.Log.ShouldNotContain("   at ");
        bed.Broker.Log.ShouldNotContain("\"Level\":\"Error\"");
        sockets.ForEach(socket => socket.Dispose());
    }

    [Theory]
    [InlineData("its issuer is removed")]
    [InlineData("its key is removed")]
    [InlineData("its issuer grants less")]
    [InlineData("it expires")]
    public async Task A_token_of_an_external_issuer_ends_what_it_opened_when(string what)
    {
        using var rsa = RSA.Create(2048);
        using var other = RSA.Create(2048);
        var file = Path.Combine(Directory.CreateTempSubdirectory("broker-issuer-").FullName, "keys.pem");
        await File.WriteAllTextAsync(file, rsa.ExportSubjectPublicKeyInfoPem() + "\n" + other.ExportSubjectPublicKeyInfoPem());
        await using var bed = await ExchangeBed.Start("events-h1", config => config["Broker"]!["Issuers"] = new JsonObject
            {
                ["corp"] = JsonNode.Parse(
                    $$"""
                    { "KeyFile": "{{file}}", "Issuer": "https://corp.example", "Audiences": [ "broker" ], "Actions": { "Const": [ "*" ] }, "Networks": { "Const": [ "*" ] },
                      "DeviceTypes": { "Const": [ "*" ] }, "Devices": { "Const": [ "*" ] }, "ClockSkew": "00:00:00" }
                    """
                ),
            });
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var end = await bed.Open(Token(rsa, now, what == "it expires" ? 3 : 600));

        await (
            what switch
            {
                "its issuer is removed" => bed.Reload(config => config["Broker"]!.AsObject().Remove("Issuers")),
                "its issuer grants less" => bed.Reload(config =>
                    config["Broker"]!["Issuers"]!["corp"]!["Actions"]!["Const"] = new JsonArray("GetNetwork")
                ),
                "its key is removed" => Replace(),
                _ => Task.CompletedTask,
            }
        );

        (await end.WaitAsync(TimeSpan.FromSeconds(60))).ShouldBe("cut");
        await bed.Broker.LogHolding("\"Caller\":\"corp:alice\"");

        async Task Replace()
        {
            await File.WriteAllTextAsync(file, other.ExportSubjectPublicKeyInfoPem());
            bed.Broker.Poll();
        }
    }

    private static int Lines(ExchangeBed bed, params string[] holding) =>
        bed.Broker.Log.Split('\n').Count(line => holding.All(text => line.Contains(text, StringComparison.Ordinal)));

    private static void Share(JsonObject config, RedisServer redis) =>
        config["Broker"]!["Redis"] = JsonNode.Parse(
            $$"""
            { "Endpoints": [ "{{redis.Endpoint}}" ], "NamingKey": { "Env": "REDIS_NAMES" }, "Encryption": { "first": { "Env": "REDIS_KEY" } },
              "CallTimeout": "00:00:00.400", "Poll": "00:00:00.200", "RecoveryDelay": "00:00:00.200" }
            """
        );

    private static Task<string> Revoke(ExchangeBed bed, string form) =>
        bed.Post(
            form.StartsWith("token", StringComparison.Ordinal) ? "/oauth/revoke" : "/oauth/revoke-all",
            $"{form}&client_id=admin&client_secret={Uri.EscapeDataString(TokenBed.Password)}"
        );

    private static Task Counts(ExchangeBed bed, string token) =>
        Eventually.Holds(
            async () =>
            {
                using var answer = await bed.Send(HttpMethod.Get, "/net/1", token);
                return answer.IsSuccessStatusCode || (int)answer.StatusCode == 404;
            },
            "the token counts at each replica"
        );

    private static string Token(RSA rsa, long now, long life)
    {
        var claims = $$"""{ "iss": "https://corp.example", "sub": "alice", "aud": "broker", "iat": {{now}}, "exp": {{now + life}} }""";
        var input =
            $"{Base64Url.EncodeToString("""{ "alg": "RS256", "typ": "at+jwt" }"""u8)}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}";
        return $"{input}.{Base64Url.EncodeToString(rsa.SignData(Encoding.ASCII.GetBytes(input), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
    }

    /// <summary>Shakes hands, sends these bytes, and ends when the connection does.</summary>
    private static async Task Upstream(TcpListener listener, byte[] then)
    {
        using var connection = await listener.AcceptTcpClientAsync();
        var stream = connection.GetStream();
        var head = "";
        var buffer = new byte[4096];
        while (!head.Contains("\r\n\r\n", StringComparison.Ordinal))
        {
            head += Encoding.ASCII.GetString(buffer, 0, await stream.ReadAsync(buffer));
        }

        var key = head.Split('\n')
            .First(line => line.StartsWith("Sec-WebSocket-Key:", StringComparison.OrdinalIgnoreCase))
            .Split(':', 2)[1]
            .Trim();
#pragma warning disable CA5350 // RFC 6455's
        var accept = Convert.ToBase64String(SHA1.HashData(Encoding.ASCII.GetBytes(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
#pragma warning restore CA5350
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            )
        );
        await stream.WriteAsync(then);
        try
        {
            while (await stream.ReadAsync(buffer) > 0) { }
        }
        catch (IOException)
        {
            // Reset: over as well.
        }
    }
}
