using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.Forwarding;
using Broker.FunctionalTests.Rights;
using Broker.FunctionalTests.TokenService;
using Broker.FunctionalTests.UpstreamTokens;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Operations;

/// <summary>What strangers, and callers who go away, cost in the log: a line now and then, and no stack trace.</summary>
public sealed class StrangerLogTests
{
    private static readonly string[] Marks = ["   at ", "\"Level\":\"Error\"", "\"Level\":\"Fatal\"", "\"Exception\":\"System"];

    [Theory]
    [InlineData("/x", false, null)]
    [InlineData("/open/x", false, null)]
    [InlineData("/open/x", true, null)]
    [InlineData("/x", false, TestConfig.Key)]
    [InlineData("/x", true, TestConfig.Key)]
    public async Task Streams_that_are_reset_at_once_fill_no_log(string path, bool hasBody, string? key)
    {
        const int Streams = 3000,
            PerSecond = 100,
            LongestLine = 1000;
        await using var upstream = await EchoUpstream.Start();
        upstream.ReadsBody = false;
        upstream.Answer = context => Task.Delay(Timeout.Infinite, context.RequestAborted);
        await using var broker = await Start(upstream, """{ "h2": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" } }""");
        var start = Environment.TickCount64;

        for (var sent = 0; sent < Streams; )
        {
            using var connection = await RawHttp2.Connect(broker.Address);
            var closed = connection.UntilClosed();
            for (var id = 1; sent < Streams && !closed.IsCompleted; id += 2, sent++)
            {
                (string, string)[] headers =
                [
                    (":method", hasBody ? "POST" : "GET"),
                    (":scheme", "http"),
                    (":path", path),
                    (":authority", "x"),
                    .. key is null ? [] : new[] { ("x-api-key", key) },
                ];
                connection.AddRequest(id, hasBody, headers);
                connection.AddReset(id);
                if (!await Sent(connection))
                {
                    break;
                }
            }
        }

        // One more on a new connection: what came before it has been seen.
        (await Last(broker)).ShouldBeTrue();
        var seconds = ((Environment.TickCount64 - start) / 1000) + 2;
        ShouldBeCalm(broker.Log);
        broker.Log.Length.ShouldBeLessThan((int)(seconds * PerSecond * LongestLine));
        broker.Log.Split('\n').Length.ShouldBeLessThan((int)(seconds * PerSecond) + 50);
    }

    [Theory]
    [InlineData("""{ "MinimumLevel": "Information" }""", false)]
    [InlineData("""{ "MinimumLevel": { "Default": "Debug" } }""", false)]
    [InlineData("""{ "Enrich": [] }""", false)]
    [InlineData("""{ "MinimumLevel": { "Override": { "Microsoft.AspNetCore": "Information" } } }""", true)]
    public async Task A_Serilog_section_turns_on_the_libraries_lines_of_each_request_only_by_their_name(string section, bool isOn)
    {
        await using var upstream = await EchoUpstream.Start();
        var config = TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
        config["Serilog"] = JsonNode.Parse(section);
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);

        using var answer = await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/x"));

        ((int)answer.StatusCode).ShouldBe(200);
        await broker.LogHolding("granted");
        broker.Log.Contains("EndpointMiddleware", StringComparison.Ordinal).ShouldBe(isOn);
    }

    [Theory]
    [InlineData("/x", null, "Content-Length: 10", 401)]
    [InlineData("/none", null, "Content-Length: 10", 404)]
    [InlineData("/token-like", TestConfig.Key, "Content-Length: 10", 404)]
    [InlineData("/closed/x", "reader-key", "Content-Length: 10", 403)]
    [InlineData("/x?unlisted=1", TestConfig.Key, "Content-Length: 10", 400)]
    [InlineData("/refused/x", TestConfig.Key, "Content-Length: 10", 502)]
    [InlineData("/timed/x", TestConfig.Key, "Content-Length: 10", 408)]
    public async Task A_request_that_is_answered_before_its_upload_ends_is_no_error_and_its_connection_goes_on(
        string path,
        string? key,
        string framing,
        int status
    )
    {
        await using var upstream = await EchoUpstream.Start();
        Answer401OrNothing(upstream);
        await using var broker = await Start(upstream);
        using var client = new TcpClient();
        await client.ConnectAsync(broker.Address.Host, broker.Address.Port);
        var stream = client.GetStream();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes(
                $"POST {path} HTTP/1.1\r\nHost: x\r\n{(key is null ? "" : $"X-Api-Key: {key}\r\n")}{framing}\r\n\r\nabc"
            ),
            limit.Token
        );

        (await RawHttp.Read(stream, isHead: false, limit.Token)).Status.ShouldBe(status);
        await stream.WriteAsync("defghijGET /none HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), limit.Token);

        (await RawHttp.Read(stream, isHead: false, limit.Token)).Status.ShouldBe(404, "the connection goes on");
        client.Close();
        (await Last(broker)).ShouldBeTrue();
        ShouldBeCalm(broker.Log);
    }

    [Theory]
    [InlineData("/x", null, 10, 401)]
    [InlineData("/x", null, null, 401)]
    [InlineData("/none", null, 10, 404)]
    [InlineData("/closed/x", "reader-key", 10, 403)]
    [InlineData("/closed/x", "reader-key", null, 403)]
    [InlineData("/x?unlisted=1", TestConfig.Key, 10, 400)]
    [InlineData("/refused/x", TestConfig.Key, 10, 502)]
    [InlineData("/refused/x", TestConfig.Key, null, 502)]
    [InlineData("/timed/x", TestConfig.Key, 10, 408)]
    [InlineData("/x", TestConfig.Key, 5000, 413)]
    [InlineData("/open/x", null, 5000, 413)]
    [InlineData("/x", TestConfig.Key, null, 413)]
    [InlineData("/open/x", null, null, 413)]
    public async Task Over_HTTP2_a_request_that_is_answered_before_its_upload_ends_is_no_error_and_its_connection_goes_on(
        string path,
        string? key,
        int? length,
        int status
    )
    {
        await using var upstream = await EchoUpstream.Start();
        Answer401OrNothing(upstream);
        await using var broker = await Start(upstream, """{ "h2": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" } }""");
        for (var i = 0; i < 5; i++)
        {
            var content = new HandContent(length);
            using var request = TestConfig.Request(HttpMethod.Post, path, key);
            (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionExact);
            request.Content = content;
            var sent = broker.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            await Record.ExceptionAsync(() => content.Send(status == 413 && length is null ? new string('x', 2000) : "abc"));
            using var answer = await sent.WaitAsync(TimeSpan.FromSeconds(60));
            ((int)answer.StatusCode).ShouldBe(status);
            content.End();
        }

        (await Last(broker)).ShouldBeTrue();
        ShouldBeCalm(broker.Log);
        Warnings(broker).ShouldBeLessThan(4);
    }

    [Theory]
    [InlineData("/x", TestConfig.Key, "Content-Length: 5000\r\n\r\nabc", 413)]
    [InlineData("/open/x", null, "Content-Length: 5000\r\n\r\nabc", 413)]
    [InlineData("/x", TestConfig.Key, "Transfer-Encoding: chunked\r\n\r\n7d0\r\n", 413)]
    [InlineData("/open/x", null, "Transfer-Encoding: chunked\r\n\r\n7d0\r\n", 413)]
    [InlineData("/x", null, "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 401)]
    [InlineData("/closed/x", "reader-key", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 403)]
    [InlineData("/none", null, "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 404)]
    [InlineData("/refused/x", TestConfig.Key, "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 502)]
    [InlineData("/timed/x", TestConfig.Key, "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 408)]
    public async Task An_early_answer_to_an_upload_that_is_never_ended_is_no_error(string path, string? key, string rest, int status)
    {
        await using var upstream = await EchoUpstream.Start();
        Answer401OrNothing(upstream);
        await using var broker = await Start(upstream);
        for (var i = 0; i < 8; i++)
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            using var client = new TcpClient { LingerState = new(i % 2 == 0, 0) };
            await client.ConnectAsync(broker.Address.Host, broker.Address.Port);
            var stream = client.GetStream();
            var chunk = rest.EndsWith("7d0\r\n", StringComparison.Ordinal) ? new string('x', 2000) : "";
            var bytes = $"POST {path} HTTP/1.1\r\nHost: x\r\n{(key is null ? "" : $"X-Api-Key: {key}\r\n")}{rest}{chunk}";
            await stream.WriteAsync(Encoding.ASCII.GetBytes(bytes), limit.Token);
            (await RawHttp.Read(stream, isHead: false, limit.Token)).Status.ShouldBe(status);
            if (i % 4 < 2)
            {
                await Drain(stream, client.Client);
            }
        }

        (await Last(broker)).ShouldBeTrue();
        ShouldBeCalm(broker.Log);
        Warnings(broker).ShouldBeLessThan(4);
    }

    [Theory]
    [InlineData("a body that stands still", false)]
    [InlineData("a body that stands still", true)]
    [InlineData("a body below the rate", false)]
    [InlineData("a body below the rate", true)]
    [InlineData("a body to the token service", false)]
    [InlineData("a body to the token service", true)]
    [InlineData("headers", false)]
    [InlineData("headers", true)]
    [InlineData("a TLS handshake", false)]
    public async Task What_comes_too_slowly_is_no_error_and_no_stack_trace(string what, bool isHttp2)
    {
        await using var upstream = await EchoUpstream.Start();
        Answer401OrNothing(upstream);
        using var folder = new CertificateFolder();
        var config = TokenBed.Config(upstream.Address, broker =>
        {
            var rate = what == "a body below the rate" ? ", \"MinRequestBodyBytesPerSecond\": 100" : "";
            var idle = what == "a body that stands still" ? "00:00:01" : "00:01:00";
            broker["Limits"] = JsonNode.Parse($$"""{ "AnonymousTimeout": "00:00:01"{{rate}} }""");
            broker["Forwarding"] = JsonNode.Parse($$"""{ "IdleTimeout": "{{idle}}" }""");
        });
        config["Kestrel"] = new JsonObject { ["Endpoints"] = JsonNode.Parse(folder.AllEndpoints) };
        var key = Convert.ToBase64String("a signing key of forty bytes and no less"u8);
        (string, string)[] secrets = [.. TestConfig.Environment, ("SIGNING", key), ("HASH", TokenBed.Hash)];
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), secrets);
        var addresses = broker.Addresses.ToList();
        var path = what == "a body to the token service" ? "/oauth/token" : "/net/1";

        for (var i = 0; i < 3; i++)
        {
            if (isHttp2)
            {
                using var connection = await RawHttp2.Connect(addresses[1]);
                if (what == "headers")
                {
                    connection.Add(RawHttp2.Headers, 0, 1, [0x82]); // more are to follow
                }
                else
                {
                    connection.AddRequest(
                        1,
                        true,
                        (":method", "POST"),
                        (":scheme", "http"),
                        (":path", path),
                        (":authority", "x"),
                        ("x-api-key", "app-key"),
                        ("content-type", "application/x-www-form-urlencoded")
                    );
                    connection.Add(RawHttp2.Data, 0, 1, "abc"u8);
                }

                await connection.Send();
                using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
                while (await connection.Next(limit.Token) is { Type: not (RawHttp2.Headers or RawHttp2.Reset or RawHttp2.GoAway) }) { }
            }
            else
            {
                using var client = new TcpClient();
                var address = addresses[what == "a TLS handshake" ? 2 : 0];
                await client.ConnectAsync(address.Host, address.Port);
                var head = $"POST {path} HTTP/1.1\r\nHost: x\r\nX-Api-Key: app-key\r\n";
                var bytes = what switch
                {
                    "a TLS handshake" => "\u0016\u0003\u0001\u0002\u0000",
                    "headers" => head,
                    _ => head + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nabc",
                };
                await client.GetStream().WriteAsync(Encoding.Latin1.GetBytes(bytes));
                await Until(client.GetStream());
            }
        }

        Task Last() => broker.Client.SendAsync(TestConfig.Request(HttpMethod.Options, "/none", key: null));
        await broker.LogHolding("\"Method\":\"OPTIONS\"", Last);
        ShouldBeCalm(broker.Log);
        Warnings(broker).ShouldBeLessThan(6);
    }

    [Theory]
    [InlineData("does not take the certificate")]
    [InlineData("speaks no HTTP in it")]
    [InlineData("goes without a word")]
    [InlineData("goes in the middle of a request")]
    [InlineData("offers another protocol")]
    public async Task A_caller_who_breaks_off_over_TLS_is_no_error_and_no_stack_trace(string who)
    {
        await using var upstream = await EchoUpstream.Start();
        using var folder = new CertificateFolder();
        await using var broker = await Start(upstream, $$"""{ "h1": { "Url": "http://127.0.0.1:0" }, "tls": {{folder.Endpoint}} }""");
        var address = broker.Addresses.Last();
        for (var i = 0; i < 20; i++)
        {
            using var client = new TcpClient { LingerState = new(i % 2 == 0, 0) };
            await client.ConnectAsync(address.Host, address.Port);
            using var tls = new SslStream(client.GetStream());
            var isHttp2 = i % 4 < 2;
            var failure = await Record.ExceptionAsync(() =>
                tls.AuthenticateAsClientAsync(
                    new SslClientAuthenticationOptions
                    {
                        TargetHost = "localhost",
                        RemoteCertificateValidationCallback = (_, _, _, _) => who != "does not take the certificate",
                        ApplicationProtocols =
                        [
                            who == "offers another protocol" ? new("spdy/3")
                            : isHttp2 ? SslApplicationProtocol.Http2
                            : SslApplicationProtocol.Http11,
                        ],
                    }
                )
            );
            (failure is null).ShouldBe(who is not ("does not take the certificate" or "offers another protocol"), failure?.ToString());
            if (failure is null && who != "goes without a word")
            {
                var bytes = who switch
                {
                    "goes in the middle of a request" when isHttp2 =>
                        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0\0\0\u0001\u0001\u0004\0\0\0\u0001\u0082",
                    "goes in the middle of a request" => "POST /open/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
                    _ => "this is no HTTP\r\n\r\n",
                };
                await tls.WriteAsync(Encoding.Latin1.GetBytes(bytes));
                await tls.FlushAsync();
            }
        }

        (await Last(broker)).ShouldBeTrue();
        ShouldBeCalm(broker.Log);
        Warnings(broker).ShouldBeLessThan(10);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("GET / HTTP/9.9\r\nHost: x\r\n\r\n")]
    [InlineData("G\u0001T / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001\u0002\u0000\u0001\u0000")]
    [InlineData("\u0016\u0003\u0001\u0000\u0006\u0001\u0000\u0000\u0002\u0003\u0003")]
    [InlineData("\u0015\u0003\u0003\u0000\u0002\u0002\u0028")]
    [InlineData("\u0014\u0003\u0003\u0000\u0001\u0001")]
    [InlineData("\u0016\u0003\u0003\u0000\u0004\u0002\u0000\u0000\u0000")]
    [InlineData("\u0017\u0003\u0003\u0000\u0001\u0041")]
    [InlineData("\u0080\u002e\u0001\u0000\u0002\u0000\u0015\u0000")]
    [InlineData("")]
    [InlineData("GET / HTTP/1.1\r\nHost: a b\r\n\r\n")]
    [InlineData("POST /open/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("POST /open/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")]
    [InlineData("POST /x HTTP/1.1\r\nHost: x\r\nX-Api-Key: test-key\r\nContent-Length: 100\r\n\r\nabc")]
    [InlineData("POST /x HTTP/1.1\r\nHost: x\r\nX-Api-Key: test-key\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")]
    [InlineData(
        "GET /open/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
            + "13\r\nSec-WebSocket-Key: abc\r\n\r\n"
    )]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u0000\u0000\u0001\u0000\u0000\u0000\u0000\u0000\u0000a")]
    [InlineData(
        "PRI * "
            + "HTTP/2.0\r\n\r\nSM\r\n\r\n\u0000\u0000\u0000\u0004\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0001\u0001\u0005\u0000\u0000\u0000\u0001\u007f"
    )]
    public async Task Whatever_is_sent_and_cut_off_is_no_error_and_no_stack_trace(string bytes)
    {
        await using var upstream = await EchoUpstream.Start();
        using var folder = new CertificateFolder();
        await using var broker = await Start(upstream, folder.AllEndpoints);
        foreach (var address in broker.Addresses)
        {
            for (var i = 0; i < 20; i++)
            {
                using var client = new TcpClient { LingerState = new(i % 2 == 0, 0) }; // every other one is reset
                await client.ConnectAsync(address.Host, address.Port);
                var stream = client.GetStream();
                await stream.WriteAsync(Encoding.Latin1.GetBytes(bytes));
                if (i % 4 < 2)
                {
                    await Drain(stream, client.Client);
                }
            }
        }

        (await Last(broker)).ShouldBeTrue();
        ShouldBeCalm(broker.Log);
        Warnings(broker).ShouldBeLessThan(20);
    }

    [Fact]
    public async Task A_long_method_is_cut_and_a_name_of_the_config_is_printable_in_the_request_line()
    {
        await using var upstream = await EchoUpstream.Start();
        var config = TestConfig.With(upstream.Address, ("all", TestConfig.CatchAll));
        config["Broker"]!["Callers"]!["odd\u2028\u202ename"] = config["Broker"]!["Callers"]!["tester"]!.DeepClone();
        config["Broker"]!["Callers"]!["odd\u2028\u202ename"]!["Keys"]![0]!["Sha256"] = TestConfig.DigestOf("odd-key");
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);

        await RawHttp.Ask(broker.Address, $"{new string('M', 3000)} /x HTTP/1.1", ["Host: x", "X-Api-Key: odd-key"]);

        var log = await broker.LogHolding("[cut, 3000 characters]");
        log.ShouldNotContain(new string('M', 300));
        log.ShouldContain("\\\\u{2028}\\\\u{202e}name");
        log.ShouldNotContain("\u2028");
        log.ShouldNotContain("\u202e");
    }

    private static async Task<BrokerUnderTest> Start(EchoUpstream upstream, string? endpoints = null)
    {
        var config = TestConfig.With(
            upstream.Address,
            ("open", """{ "Match": { "Path": "/open/{**rest}" }, "AuthorizationPolicy": "Anonymous", "Metadata": { "Body": "any" } }"""),
            (
                "closed",
                """{ "Match": { "Path": "/closed/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any" } }"""
            ),
            (
                "refused",
                """{ "Match": { "Path": "/refused/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any" } }"""
            ),
            (
                "timed",
                """{ "Match": { "Path": "/timed/{**rest}" }, "Timeout": "00:00:00.3", "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any" } }"""
            ),
            ("x", """{ "Match": { "Path": "/x" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any" } }""")
        );
        Stage.AddCaller(config, "reader", "reader-key", "GetDevice", "*", "*", "*");
        config["Broker"]!["Forwarding"] = JsonNode.Parse("""{ "ReplayWait": "00:00:00.3" }""");
        config["Broker"]!["Limits"] = JsonNode.Parse("""{ "RequestBodyBytes": 1000 }""");
        if (endpoints is not null)
        {
            config["Kestrel"] = new JsonObject { ["Endpoints"] = JsonNode.Parse(endpoints) };
        }

        return await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
    }

    /// <summary>An upstream that answers 401 at once on one path, and nothing on all others; it reads no body.</summary>
    private static void Answer401OrNothing(EchoUpstream upstream)
    {
        upstream.ReadsBody = false;
        upstream.Answer = async context =>
        {
            if (context.Request.Path.StartsWithSegments("/refused"))
            {
                context.Response.StatusCode = 401;
                await context.Response.CompleteAsync();
            }
            else
            {
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            }
        };
    }

    private static int Warnings(BrokerUnderTest broker) =>
        broker.Log.Split('\n').Count(line => line.Contains("\"Level\":\"Warning\"", StringComparison.Ordinal));

    private static void ShouldBeCalm(string log)
    {
        foreach (var mark in Marks)
        {
            log.Split('\n').FirstOrDefault(line => line.Contains(mark, StringComparison.Ordinal)).ShouldBeNull(mark);
        }
    }

    private static async Task<bool> Sent(RawHttp2 connection)
    {
        try
        {
            await connection.Send();
            return true;
        }
        catch (IOException)
        {
            return false; // the broker had enough of this connection
        }
    }

    /// <summary>Until it says something, or ends.</summary>
    private static async Task Until(NetworkStream stream)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            _ = await stream.ReadAsync(new byte[4096], limit.Token);
        }
        catch (IOException)
        {
            // Reset: it ended.
        }
    }

    private static async Task Drain(NetworkStream stream, Socket socket)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            socket.Shutdown(SocketShutdown.Send);
            var part = new byte[4096];
            while (await stream.ReadAsync(part, limit.Token) > 0) { }
        }
        catch (Exception over) when (over is IOException or SocketException)
        {
            // reset, perhaps before we had said all
        }
    }

    /// <summary>A request of a kind of its own is in the log: what came before it has been written as well.</summary>
    private static async Task<bool> Last(BrokerUnderTest broker)
    {
        await Eventually.Holds(
            async () =>
            {
                using var request = TestConfig.Request(HttpMethod.Options, "/closed/x", "reader-key");
                (request.Version, request.VersionPolicy) = (
                    new(broker.IsHttp2 ? 2 : 1, broker.IsHttp2 ? 0 : 1),
                    HttpVersionPolicy.RequestVersionExact
                );
                await broker.Client.SendAsync(request);
                return broker.Log.Contains("\"Method\":\"OPTIONS\"", StringComparison.Ordinal);
            },
            "the last request is in the log"
        );
        return true;
    }

    /// <summary>A certificate in a folder of its own, and a listener that shows it.</summary>
    private sealed class CertificateFolder : IDisposable
    {
        private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("broker-tls-");

        public CertificateFolder()
        {
            using var authority = new TestAuthority("an authority");
            authority.Certify($"{folder.FullName}/tls.crt", $"{folder.FullName}/tls.key", isOver: false, "localhost");
        }

        public string AllEndpoints =>
            $$"""
                { "h1": { "Url": "http://127.0.0.1:0" }, "h2": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" }, "tls": {{Endpoint}} }
                """;

        public string Endpoint =>
            $$"""
                {
                  "Url": "https://127.0.0.1:0",
                  "Certificate": { "Path": "{{folder.FullName}}/tls.crt", "KeyPath": "{{folder.FullName}}/tls.key" }
                }
                """;

        public void Dispose() => folder.Delete(recursive: true);
    }
}
