using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Broker.Forwarding;
using Broker.FunctionalTests.Rights;
using Broker.FunctionalTests.UpstreamTokens;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>
/// Whose fault, and which: each kind has its code, and the upstream's a line at Warning with upstream, destination and reason.
/// </summary>
public sealed class FaultTests
{
    private const string Head = "HTTP/1.1 200 OK\r\n";

    private const string Http2 = """{ "Version": "2", "VersionPolicy": "RequestVersionExact" }""";

    [Theory]
    [InlineData("end", "upstream-closed")]
    [InlineData("reset", "upstream-closed")]
    [InlineData("HTTP/1.1 2", "upstream-closed")]
    [InlineData(Head + "X: y", "upstream-closed")]
    [InlineData("garbage\r\n\r\n", "upstream-answer-malformed")]
    [InlineData("HTTP/1.1 abc OK\r\n\r\n", "upstream-answer-malformed")]
    [InlineData("HTTP/1.1 20 OK\r\n\r\n", "upstream-answer-malformed")]
    [InlineData("HTTP/3.7 200 OK\r\n\r\n", "upstream-answer-malformed")]
    [InlineData(Head + "no colon\r\n\r\n", "upstream-answer-malformed")]
    [InlineData(Head + ": no name\r\n\r\n", "upstream-answer-malformed")]
    [InlineData(Head + "Content-Length: abc\r\n\r\nx", "upstream-answer-malformed")]
    [InlineData(Head + "Content-Length: -1\r\n\r\nx", "upstream-answer-malformed")]
    [InlineData(Head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", "upstream-answer-malformed")]
    [InlineData(Head + "Transfer-Encoding: chunked\r\n\r\nno size\r\n", "upstream-answer-malformed")]
    [InlineData("too large", "upstream-answer-malformed")]
    [InlineData(Head + "Content-Length: 10\r\n\r\n", "upstream-answer-cut")]
    [InlineData(Head + "Transfer-Encoding: chunked\r\n\r\n", "upstream-answer-cut")]
    public async Task Before_a_byte_of_the_answers_body_it_is_a_502_with_its_code(string says, string code)
    {
        await using var upstream = HandUpstream.OfRequests(
            async (_, socket) =>
            {
                if (says == "reset")
                {
                    HandUpstream.Reset(socket);
                }
                else if (says != "end")
                {
                    var lines = Enumerable.Range(0, 80).Select(i => $"X-{i}: {new string('x', 1000)}\r\n");
                    await HandUpstream.Say(socket, says == "too large" ? $"{Head}{string.Concat(lines)}\r\n" : says);
                }

                return false;
            }
        );
        await using var broker = await Start(upstream.Address);

        var answer = await Ask(broker, "POST", "/x", "Content-Length: 0");

        $"{answer.Status} {answer.Code}".ShouldBe($"502 {code}");
        await ShouldWarn(broker, code);
    }

    [Theory]
    [InlineData("Content-Length: 10\r\n\r\nhello", "end", "upstream-answer-cut")]
    [InlineData("Content-Length: 10\r\n\r\nhello", "reset", "upstream-answer-cut")]
    [InlineData("Content-Length: 10\r\n\r\nhello", "stall", "upstream-timeout")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "end", "upstream-answer-cut")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "reset", "upstream-answer-cut")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "no size\r\n", "upstream-answer-malformed")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "stall", "upstream-timeout")]
    public async Task In_the_middle_of_the_answer_the_log_says_so(string says, string then, string code)
    {
        var hasFirst = new TaskCompletionSource();
        await using var upstream = HandUpstream.OfRequests(
            async (_, socket) =>
            {
                await HandUpstream.Say(socket, Head + says);
                await hasFirst.Task;
                if (then == "reset")
                {
                    HandUpstream.Reset(socket);
                }
                else if (then == "stall")
                {
                    await socket.ReceiveAsync(new byte[1]);
                }
                else if (then != "end")
                {
                    await HandUpstream.Say(socket, then);
                }

                return false;
            }
        );
        await using var broker = await Start(upstream.Address, """{ "IdleTimeout": "00:00:01" }""");

        using var answer = await broker.Client.SendAsync(
            TestConfig.Request(HttpMethod.Get, "/x"),
            HttpCompletionOption.ResponseHeadersRead
        );
        var body = await answer.Content.ReadAsStreamAsync();
        await body.ReadExactlyAsync(new byte[5]);
        hasFirst.SetResult();

        await Should.ThrowAsync<IOException>(() => body.CopyToAsync(Stream.Null));
        await ShouldWarn(broker, code);
        var line = await RequestLine(broker, code);
        ((int)line["Status"]!).ShouldBe(200); // it was sent
    }

    [Theory]
    [InlineData(2, "upstream-closed")] // INTERNAL_ERROR
    [InlineData(8, "upstream-closed")] // CANCEL
    [InlineData(1, "upstream-answer-malformed")] // PROTOCOL_ERROR
    [InlineData(-1, "upstream-closed")] // the connection ends
    [InlineData(-2, "upstream-answer-malformed")] // a head that is no HPACK
    public async Task Over_HTTP2_each_has_its_code_too(int error, string code)
    {
        await using var upstream = OfHttp2(
            async (raw, frame) =>
            {
                if (error >= 0)
                {
                    await raw.Write(new(Frame.Reset, 0, frame.Stream, [0, 0, 0, (byte)error]));
                }
                else if (error == -2)
                {
                    await raw.Write(new(Frame.Headers, Frame.EndHeaders, frame.Stream, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
                }

                return error != -1;
            }
        );
        await using var broker = await Start(upstream.Address, request: Http2);

        var answer = await Ask(broker, "POST", "/x", "Content-Length: 0");

        $"{answer.Status} {answer.Code}".ShouldBe($"502 {code}");
        await ShouldWarn(broker, code);
    }

    [Fact]
    public async Task Over_HTTP2_a_stream_that_is_reset_in_the_middle_of_the_answer_is_said()
    {
        await using var upstream = OfHttp2(
            async (raw, frame) =>
            {
                await raw.Write(new(Frame.Headers, Frame.EndHeaders, frame.Stream, [0x88]));
                await raw.Write(new(Frame.Data, 0, frame.Stream, "hello"u8.ToArray()));
                await raw.Write(new(Frame.Reset, 0, frame.Stream, [0, 0, 0, 2]));
                return true;
            }
        );
        await using var broker = await Start(upstream.Address, request: Http2);

        await Record.ExceptionAsync(() => broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x")));

        await ShouldWarn(broker, "upstream-answer-cut");
    }

    [Fact]
    public async Task A_name_that_does_not_resolve_a_closed_port_and_no_TLS_are_three_codes()
    {
        using var closed = new TcpListener(IPAddress.Loopback, 0);
        closed.Start();
        var port = ((IPEndPoint)closed.LocalEndpoint).Port;
        closed.Stop();
        await using var plain = HandUpstream.OfConnections(
            async (socket, _) =>
            {
                await socket.ReceiveAsync(new byte[16]);
                await HandUpstream.Say(socket, "HTTP/1.1 400 Bad Request\r\n\r\n");
            }
        );
        foreach (
            var (address, code) in new[]
            {
                ("http://no-such-host.invalid/", "upstream-name-unknown"),
                ($"http://127.0.0.1:{port}/", "upstream-unreachable"),
                ($"https://127.0.0.1:{plain.Address.Port}/", "upstream-tls-failed"),
            }
        )
        {
            await using var broker = await Start(new(address));

            var answer = await Ask(broker, "GET", "/x");

            $"{answer.Status} {answer.Code}".ShouldBe($"502 {code}");
            await ShouldWarn(broker, code);
        }
    }

    [Fact]
    public async Task A_connection_that_does_not_come_about_in_time_is_a_code_of_its_own()
    {
        // A queue of one that is full: the kernel lets every further SYN wait.
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        var waiting = Enumerable
            .Range(0, 4)
            .Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
            .ToList();
        waiting.ForEach(socket => _ = socket.ConnectAsync(full.LocalEndPoint!).ContinueWith(done => done.Exception, TaskScheduler.Default));
        await using var broker = await Start(new($"http://{full.LocalEndPoint}/"));

        var answer = await Ask(broker, "GET", "/x");

        $"{answer.Status} {answer.Code}".ShouldBe("504 upstream-connect-timeout");
        await ShouldWarn(broker, "upstream-connect-timeout");
        waiting.ForEach(socket => socket.Dispose());
    }

    [Theory]
    [InlineData("a request")]
    [InlineData("a web socket")]
    public async Task An_upstream_that_does_not_speak_the_clusters_version_is_a_code_of_its_own(string what)
    {
        using var authority = new TestAuthority("an authority");
        using var certificate = authority.Certify(isOver: false, "127.0.0.1");
        await using var http1 = new ByteUpstream(certificate); // its TLS knows no ALPN
        await using var withoutSockets = OfHttp2((_, _) => Task.FromResult(true));
        var isSocket = what == "a web socket";
        await using var broker = await Start(
            isSocket ? withoutSockets.Address : http1.Address,
            request: Http2,
            client: """{ "DangerousAcceptAnyServerCertificate": true }"""
        );

        var answer = isSocket
            ? await Ask(
                broker,
                "GET",
                "/x",
                "Connection: Upgrade",
                "Upgrade: websocket",
                "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
            )
            : await Ask(broker, "GET", "/x");

        $"{answer.Status} {answer.Code}".ShouldBe("502 upstream-version");
        await ShouldWarn(broker, "upstream-version");
        http1.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_request_that_cannot_be_written_for_the_upstream_is_a_code_of_its_own_and_counts_against_no_destination()
    {
        // It takes 600 bytes of headers, each with 32 more, and says so (RFC 9113, 6.5.2).
        await using var upstream = OfHttp2(
            async (raw, frame) =>
            {
                await raw.Write(new(Frame.Headers, Frame.EndHeaders | Frame.EndStream, frame.Stream, [0x88]));
                return true;
            },
            settings: [0, 6, 0, 0, 2, 88]
        );
        await using var broker = await Start(upstream.Address, request: Http2, passive: true);
        (await Ask(broker, "GET", "/x")).Status.ShouldBe(200); // from here on the client knows

        for (var i = 0; i < 30; i++)
        {
            var answer = await Ask(broker, "GET", "/x", $"Accept-Language: {new string('x', 700)}");
            $"{answer.Status} {answer.Code}".ShouldBe("502 request-not-sendable");
        }

        await ShouldWarn(broker, "request-not-sendable");
        (await Ask(broker, "GET", "/x")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_request_that_would_leave_for_another_address_is_a_code_of_its_own_and_does_not_leave()
    {
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await Start(upstream.Address, passive: true);

        // No config that loads leads here, so the destinations are replaced under a route that is in force.
        broker.Snapshots.Current.Part<RouteTable>().Compiled["all"].Destinations[0] = new(new("http://other.example/"), ownHost: null);

        for (var i = 0; i < 30; i++)
        {
            var answer = await Ask(broker, "POST", "/x", "Content-Length: 0");
            $"{answer.Status} {answer.Code}".ShouldBe("502 upstream-foreign");
        }

        upstream.Requests.ShouldBeEmpty();
        await ShouldWarn(broker, "upstream-foreign");
    }

    [Theory]
    [InlineData("before the answer")]
    [InlineData("in the middle of the answer")]
    [InlineData("in the middle of its body")]
    [InlineData("while it waits for a token")]
    public async Task A_caller_who_leaves_is_499_in_the_log_and_no_warning(string when)
    {
        var came = new TaskCompletionSource();
        await using var upstream = HandUpstream.OfRequests(
            async (head, socket) =>
            {
                if (when == "in the middle of the answer")
                {
                    await HandUpstream.Say(socket, $"{Head}Content-Length: 10\r\n\r\nhello");
                }

                came.TrySetResult();
                await socket.ReceiveAsync(new byte[1]);
                return false;
            }
        );
        var config = TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
        if (when == "while it waits for a token")
        {
            config = TokenConfig.For(upstream.Address, TokenConfig.OAuth2(upstream.Address));
        }

        await using var broker = await TokenConfig.Start(config);
        using (var client = new TcpClient())
        {
            await client.ConnectAsync(broker.Address.Host, broker.Address.Port);
            var isBody = when == "in the middle of its body";
            var rest = isBody ? "Content-Length: 10\r\n\r\nhello" : "\r\n";
            await client
                .GetStream()
                .WriteAsync(
                    Encoding.ASCII.GetBytes($"{(isBody ? "POST" : "GET")} /x HTTP/1.1\r\nHost: x\r\nX-Api-Key: {TestConfig.Key}\r\n{rest}")
                );
            if (!isBody)
            {
                await came.Task;
            }

            if (when == "in the middle of the answer")
            {
                await client.GetStream().ReadExactlyAsync(new byte[20]);
            }
        }

        var line = await RequestLine(broker, "caller-left");
        ((int)line["Status"]!).ShouldBe(499);
        broker.Log.ShouldNotContain("\"Code\":");
    }

    [Fact]
    public async Task What_the_caller_does_wrong_is_400_and_counts_against_no_destination()
    {
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await Start(upstream.Address, passive: true);
        for (var i = 0; i < 30; i++)
        {
            string[] headers = ["Host: x", $"X-Api-Key: {TestConfig.Key}", "Transfer-Encoding: chunked"];
            var broken = await RawHttp.Ask(broker.Address, "POST /x HTTP/1.1", headers, "no size\r\n");
            $"{broken.Status} {broken.Code}".ShouldBe("400 bad-request");
        }

        (await Ask(broker, "GET", "/x")).Status.ShouldBe(200);
        broker.Log.ShouldNotContain("\"Code\":");
    }

    [Theory]
    [InlineData(10, false)]
    [InlineData(10_000_000, false)] // too long for a copy: YARP reads it
    [InlineData(10, true)]
    [InlineData(10_000_000, true)]
    public async Task A_caller_whose_body_stands_still_counts_against_no_destination(int length, bool isHttp2)
    {
        await using var upstream = await EchoUpstream.Start(isHttp2 ? HttpProtocols.Http2 : HttpProtocols.Http1);
        await using var broker = await Start(
            upstream.Address,
            """{ "IdleTimeout": "00:00:00.200" }""",
            passive: true,
            request: isHttp2 ? """{ "Version": "2", "VersionPolicy": "RequestVersionExact" }""" : null
        );
        for (var i = 0; i < 15; i++)
        {
            var slow = await Ask(broker, "POST", "/x", $"Content-Length: {length}");
            $"{slow.Status} {slow.Code}".ShouldBe("408 body-too-slow");
        }

        (await Ask(broker, "GET", "/x")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task What_the_upstream_does_wrong_counts_until_no_destination_is_left()
    {
        await using var upstream = HandUpstream.OfRequests((_, _) => Task.FromResult(false));
        await using var broker = await Start(upstream.Address, passive: true);

        await Eventually.Holds(async () => (await Ask(broker, "GET", "/x")).Code == "upstream-unhealthy", "the destination is unhealthy");

        (await Ask(broker, "GET", "/x")).Status.ShouldBe(503);
        await ShouldWarn(broker, "upstream-unhealthy", "(none)");
    }

    private static HandUpstream OfHttp2(Func<RawHttp2, Frame, Task<bool>> answer, byte[]? settings = null) =>
        HandUpstream.OfConnections(
            async (socket, _) =>
            {
                var stream = new NetworkStream(socket);
                await stream.ReadExactlyAsync(new byte[RawHttp2.Preface.Length]);
                var raw = new RawHttp2(stream);
                await raw.Write(new(Frame.Settings, 0, 0, settings ?? []));
                while (await raw.Read() is { } frame)
                {
                    if (frame is { Type: Frame.Settings, Flags: 0 })
                    {
                        await raw.Write(new(Frame.Settings, 1, 0, []));
                    }
                    else if (frame.Type == Frame.Headers && !await answer(raw, frame))
                    {
                        return;
                    }
                }
            }
        );

    private static Task<BrokerUnderTest> Start(
        Uri upstream,
        string forwarding = "{}",
        string? request = null,
        bool passive = false,
        string? client = null
    )
    {
        var config = TestConfig.With(upstream, ("all", TestConfig.CatchAll));
        config["Broker"]!["Forwarding"] = JsonNode.Parse(forwarding);
        var cluster = config["ReverseProxy"]!["Clusters"]!["api"]!;
        if (request is not null)
        {
            cluster["HttpRequest"] = JsonNode.Parse(request);
        }

        if (client is not null)
        {
            cluster["HttpClient"] = JsonNode.Parse(client);
        }

        if (passive)
        {
            cluster["HealthCheck"] = JsonNode.Parse(
                """
                {
                  "Passive": { "Enabled": true, "Policy": "TransportFailureRate", "ReactivationPeriod": "00:10:00" },
                  "AvailableDestinationsPolicy": "HealthyAndUnknown"
                }
                """
            );
        }

        return TokenConfig.Start(config);
    }

    private static Task<RawAnswer> Ask(BrokerUnderTest broker, string method, string path, params string[] headers) =>
        RawHttp.Ask(broker.Address, $"{method} {path} HTTP/1.1", ["Host: x", $"X-Api-Key: {TestConfig.Key}", .. headers]);

    private static async Task ShouldWarn(BrokerUnderTest broker, string code, string destination = "main")
    {
        var line = await Line(broker, $"\"Code\":\"{code}\"");
        ((string)line["Level"]!).ShouldBe("Warning");
        var said = line["Properties"]!;
        ((string)said["Upstream"]!, (string)said["Destination"]!).ShouldBe(("api", destination));
        ((string)said["Reason"]!).ShouldNotBeNullOrEmpty();
    }

    private static async Task<JsonNode> RequestLine(BrokerUnderTest broker, string code) =>
        (await Line(broker, $"\"Refusal\":\"{code}\""))["Properties"]!;

    private static async Task<JsonNode> Line(BrokerUnderTest broker, string holding) =>
        JsonNode.Parse((await broker.LogHolding(holding)).Split('\n').First(line => line.Contains(holding, StringComparison.Ordinal)))!;
}
