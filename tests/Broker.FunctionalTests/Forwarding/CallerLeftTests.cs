using System.Buffers.Text;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.TokenService;
using Broker.FunctionalTests.UpstreamTokens;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>A caller who leaves is 499 in the log, over each protocol and whatever was decided. None blames an upstream for it.</summary>
public sealed class CallerLeftTests
{
    private const string Closed = """
        { "Match": { "Path": "/closed/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any" } }
        """;

    private const string Http2 = """{ "Endpoints": { "public": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" } } }""";

    public static TheoryData<string, string> Ways
    {
        get
        {
            var all = new TheoryData<string, string>();
            string[] moments = ["before the answer", "in the middle of the answer", "in the middle of its body", "waiting for a token"];
            foreach (var when in moments)
            {
                all.Add(when, "its stream is reset");
                all.Add(when, "its connection ends");
                all.Add(when, "its connection is reset");
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Over_HTTP2_it_is_499_and_no_warning(string when, string how)
    {
        var came = new TaskCompletionSource();
        await using var upstream = HandUpstream.OfRequests(
            async (_, socket) =>
            {
                if (when == "in the middle of the answer")
                {
                    await HandUpstream.Say(socket, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
                }

                came.TrySetResult();
                await socket.ReceiveAsync(new byte[1]);
                return false;
            }
        );
        var config =
            when == "waiting for a token"
                ? TokenConfig.For(upstream.Address, TokenConfig.OAuth2(upstream.Address))
                : TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
        config["Kestrel"] = JsonNode.Parse(Http2);
        await using var broker = await TokenConfig.Start(config);
        var isBody = when == "in the middle of its body";
        using (var client = new TcpClient { LingerState = new(how == "its connection is reset", 0) })
        {
            var raw = await Connect(client, broker);
            (string, string)[] fields =
            [
                (":method", isBody ? "POST" : "GET"),
                (":scheme", "http"),
                (":path", "/x"),
                (":authority", "x"),
                ("x-api-key", TestConfig.Key),
                .. isBody ? new[] { ("content-length", "10") } : [],
            ];
            await raw.Write(new(Frame.Headers, (byte)(Frame.EndHeaders | (isBody ? 0 : Frame.EndStream)), 1, RawHttp2.Fields(fields)));
            if (isBody)
            {
                await raw.Write(new(Frame.Data, 0, 1, "hello"u8.ToArray()));
                await Eventually.Holds(() => upstream.Heads.Count == 1, "the head is at the upstream");
            }
            else
            {
                await came.Task;
            }

            while (when == "in the middle of the answer" && await raw.Read() is { Type: not Frame.Data }) { }

            if (how == "its stream is reset")
            {
                await raw.Write(new(Frame.Reset, 0, 1, [0, 0, 0, 8]));
                await broker.LogHolding("\"Id\":500");
            }
        }

        var line = await Line(broker, "\"Refusal\":\"caller-left\"");
        ((int)line["Status"]!, (string?)line["Route"]).ShouldBe((499, "all"));
        broker.Log.ShouldNotContain("\"Code\":");
    }

    [Theory]
    [InlineData("socket-h1", "it is aborted")]
    [InlineData("socket-h2", "it is aborted")]
    [InlineData("socket-h1", "it is aborted while the upstream speaks")]
    [InlineData("socket-h2", "it is aborted while the upstream speaks")]
    [InlineData("socket-h1", "it is closed in order")]
    [InlineData("socket-h2", "it is closed in order")]
    public async Task A_web_socket_is_499_unless_it_is_closed_in_order(string kind, string how)
    {
        await using var bed = await ExchangeBed.Start(kind);
        if (how == "it is aborted while the upstream speaks")
        {
            bed.Talk = socket =>
            {
                _ = Flood();
                return socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, default);

                async Task Flood()
                {
                    while (true)
                    {
                        await socket.SendAsync(new byte[10_000], WebSocketMessageType.Binary, true, default);
                    }
                }
            };
        }

        var (access, _) = await bed.LogIn("operator");
        using var socket = await bed.Connect(access);
        await socket.ReceiveAsync(new byte[20_000], default);

        if (how == "it is closed in order")
        {
            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, default);
        }
        else
        {
            socket.Abort();
            await bed.CutAtUpstream.WaitAsync(TimeSpan.FromSeconds(60));
        }

        var line = await Line(bed.Broker, "\"Route\":\"open\"");
        ((int)line["Status"]!, (string?)line["Refusal"]).ShouldBe(
            how == "it is closed in order" ? (kind == "socket-h1" ? 101 : 200, null) : (499, "caller-left")
        );
        bed.Broker.Log.ShouldNotContain("\"Code\":");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task While_its_credential_is_looked_at_it_is_499(bool isHttp2)
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var authority = await EchoUpstream.Start();
        authority.Answer = async context =>
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.Infinite, context.RequestAborted); // the keys do not come
        };
        var config = TestConfig.With(authority.Address, ("all", TestConfig.CatchAll));
        config["Broker"]!["Issuers"] = JsonNode.Parse(
            $$"""
            {
              "corp": {
                "Authority": "{{authority.Address}}", "Issuer": "https://corp.example", "AllowInsecure": true, "Audiences": [ "broker" ],
                "Actions": { "Const": [ "*" ] }, "Networks": { "Const": [ "*" ] },
                "DeviceTypes": { "Const": [ "*" ] }, "Devices": { "Const": [ "*" ] }
              }
            }
            """
        );
        await using var broker = await Start(config, isHttp2);
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var head = Encoded("""{"alg":"RS256","kid":"k1"}""");
        var claims = Encoded($$"""{"iss":"https://corp.example","aud":"broker","sub":"alice","iat":{{now}},"exp":{{now + 600}}}""");
        var token = $"{head}.{claims}.{Encoded(new string('s', 256))}";

        using (var client = new TcpClient())
        {
            await Send(client, broker, isHttp2, "GET", "/x", ("authorization", $"Bearer {token}"));
            await asked.Task.WaitAsync(TimeSpan.FromSeconds(60));
        }

        var line = await Line(broker, "\"Id\":500");
        ((int)line["Status"]!, (string?)line["Refusal"], (string?)line["Decision"]).ShouldBe((499, "caller-left", "refused"));
    }

    [Theory]
    [InlineData(false, "POST", "/closed/x", null, 401)]
    [InlineData(true, "POST", "/closed/x", null, 401)]
    [InlineData(false, "POST", "/closed/x", "wrong", 401)]
    [InlineData(true, "POST", "/closed/x", "wrong", 401)]
    [InlineData(false, "POST", "/closed/x", "reader-key", 403)]
    [InlineData(true, "POST", "/closed/x", "reader-key", 403)]
    [InlineData(false, "POST", "/none", null, 404)]
    [InlineData(true, "POST", "/none", null, 404)]
    [InlineData(false, "POST", "/closed/x?unlisted=1", TestConfig.Key, 400)]
    [InlineData(true, "POST", "/closed/x?unlisted=1", TestConfig.Key, 400)]
    [InlineData(false, "post", "/closed/x", TestConfig.Key, 405)]
    [InlineData(true, "post", "/closed/x", TestConfig.Key, 405)]
    public async Task A_refused_request_whose_caller_leaves_has_its_refusals_status_or_499_and_never_another(
        bool isHttp2,
        string method,
        string path,
        string? key,
        int status
    )
    {
        const int Requests = 10;
        var config = TestConfig.With(new("http://127.0.0.1:9/"), ("closed", Closed));
        Rights.Stage.AddCaller(config, "reader", "reader-key", "GetDevice", "*", "*", "*");
        await using var broker = await Start(config, isHttp2);
        await UntilLogged(Requests, broker, async isReset =>
        {
            using var client = new TcpClient { LingerState = new(isReset, 0) };
            await Send(client, broker, isHttp2, method, path, key is null ? null : ("x-api-key", key));
            await EndUnlessReset(client);
        });

        foreach (var line in RequestLines(broker))
        {
            ((int)line["Status"]!).ShouldBeOneOf(status, 499);
            ((string?)line["Refusal"]).ShouldNotBeNullOrEmpty();
            ((string?)line["Decision"]).ShouldNotBe("granted");
        }

        broker.Log.ShouldNotContain("\"Level\":\"Warning\"");
    }

    [Theory]
    [InlineData(false, "/token")]
    [InlineData(true, "/token")]
    [InlineData(false, "/oauth/token")]
    [InlineData(true, "/oauth/token")]
    [InlineData(false, "/oauth/revoke")]
    [InlineData(true, "/oauth/revoke")]
    public async Task A_caller_who_leaves_in_the_middle_of_a_request_for_a_token_is_499_or_400_and_no_fault_of_the_brokers(
        bool isHttp2,
        string path
    )
    {
        var config = TokenBed.Config(new("http://127.0.0.1:9/"));
        var key = Convert.ToBase64String("a signing key of forty bytes and no less"u8);
        await using var broker = await Start(config, isHttp2, ("SIGNING", key), ("HASH", TokenBed.Hash));
        var type = path == "/token" ? "application/json" : "application/x-www-form-urlencoded";
        await UntilLogged(20, broker, async isReset =>
        {
            using var client = new TcpClient { LingerState = new(isReset, 0) };
            await Send(client, broker, isHttp2, "POST", path, ("content-type", type));
            await EndUnlessReset(client);
        });

        // 400 where it ends the sending and still reads: then the body broke off.
        RequestLines(broker).ShouldAllBe(line => (int)line["Status"]! == 499 || (int)line["Status"]! == 400);
        RequestLines(broker).ShouldAllBe(line => (string?)line["Decision"] != "failed" && (string?)line["Decision"] != "issued");
        broker.Log.ShouldNotContain("\"Level\":\"Warning\"");
        broker.Log.ShouldNotContain("\"Level\":\"Error\"");
    }

    private static async Task<BrokerUnderTest> Start(JsonObject config, bool isHttp2, params (string, string)[] secrets)
    {
        if (isHttp2)
        {
            config["Kestrel"] = JsonNode.Parse(Http2);
        }

        return await BrokerUnderTest.Start(config.ToJsonString(), [.. TestConfig.Environment, .. secrets]);
    }

    private static async Task<RawHttp2> Connect(TcpClient client, BrokerUnderTest broker)
    {
        await client.ConnectAsync(broker.Address.Host, broker.Address.Port);
        await client.GetStream().WriteAsync(RawHttp2.Preface);
        var raw = new RawHttp2(client.GetStream());
        await raw.Write(new(Frame.Settings, 0, 0, []));
        return raw;
    }

    /// <summary>A request; one that may have a body has not sent the whole of it.</summary>
    private static async Task Send(
        TcpClient client,
        BrokerUnderTest broker,
        bool isHttp2,
        string method,
        string path,
        (string Name, string Value)? header
    )
    {
        var hasBody = method != "GET";
        if (!isHttp2)
        {
            await client.ConnectAsync(broker.Address.Host, broker.Address.Port);
            var head = $"{method} {path} HTTP/1.1\r\nHost: x\r\n{(header is { } one ? $"{one.Name}: {one.Value}\r\n" : "")}";
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(head + (hasBody ? "Content-Length: 10\r\n\r\nhello" : "\r\n")));
            return;
        }

        var raw = await Connect(client, broker);
        List<(string, string)> fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "x")];
        fields.AddRange(header is { } field ? [field] : []);
        await raw.Write(new(Frame.Headers, (byte)(Frame.EndHeaders | (hasBody ? 0 : Frame.EndStream)), 1, FieldsOf(fields)));
        if (hasBody)
        {
            await raw.Write(new(Frame.Data, 0, 1, "hello"u8.ToArray()));
        }
    }

    /// <summary>
    /// Lets callers come and leave until so many are logged. A request over before the server begins with it has no line.
    /// </summary>
    private static async Task UntilLogged(int count, BrokerUnderTest broker, Func<bool, Task> comeAndLeave)
    {
        var end = Environment.TickCount64 + 60_000;
        for (var i = 0; RequestLines(broker).Count < count; i++)
        {
            Environment.TickCount64.ShouldBeLessThan(end, "too few requests are logged");
            await comeAndLeave(i % 2 == 0);
        }
    }

    /// <summary>Ends a connection in order.</summary>
    private static async Task EndUnlessReset(TcpClient client)
    {
        if (client.LingerState!.Enabled)
        {
            return;
        }

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            var stream = client.GetStream();
            client.Client.Shutdown(SocketShutdown.Send);
            while (await stream.ReadAsync(new byte[4096], limit.Token) > 0) { }
        }
        catch (Exception over) when (over is IOException or SocketException)
        {
            // The broker reset it.
        }
    }

    // A token is longer than what one byte of HPACK counts.
    private static byte[] FieldsOf(List<(string Name, string Value)> fields)
    {
        var bytes = new List<byte>();
        foreach (var (name, value) in fields)
        {
            bytes.Add(0);
            foreach (var text in new[] { name, value })
            {
                var rest = text.Length - 127;
                bytes.Add((byte)Math.Min(text.Length, 127));
                for (; rest >= 128; rest >>= 7)
                {
                    bytes.Add((byte)((rest & 127) | 128));
                }

                bytes.AddRange(text.Length >= 127 ? [(byte)rest] : []);
                bytes.AddRange(Encoding.Latin1.GetBytes(text));
            }
        }

        return [.. bytes];
    }

    private static string Encoded(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));

    private static List<JsonNode> RequestLines(BrokerUnderTest broker) =>
        [
            .. broker
                .Log.Split('\n')
                .Where(line => line.Contains("\"Id\":500", StringComparison.Ordinal))
                .Select(line => JsonNode.Parse(line)!["Properties"]!),
        ];

    private static async Task<JsonNode> Line(BrokerUnderTest broker, string holding)
    {
        JsonNode? Found() => RequestLines(broker).FirstOrDefault(line => line.ToJsonString().Contains(holding, StringComparison.Ordinal));
        await Eventually.Holds(() => Found() is not null, $"a request's line holds {holding}");
        return Found()!;
    }
}
