using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.Rights;
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
        const int Streams = 3000, PerSecond = 100, LongestLine = 1000;
        await using var upstream = await EchoUpstream.Start();
        upstream.ReadsBody = false;
        upstream.Answer = context => Task.Delay(Timeout.Infinite, context.RequestAborted);
        await using var broker = await Start(upstream, """{ "h2": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" } }""");
        var start = Environment.TickCount64;

        for (var sent = 0; sent < Streams;)
        {
            using var connection = await RawHttp2.Connect(broker.Address);
            var closed = connection.UntilClosed();
            for (var id = 1; sent < Streams && !closed.IsCompleted; id += 2, sent++)
            {
                (string, string)[] headers = [(":method", hasBody ? "POST" : "GET"), (":scheme", "http"), (":path", path), (":authority", "x"), .. key is null ? [] : new[] { ("x-api-key", key) }];
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
    public async Task A_request_that_is_answered_before_its_upload_ends_is_no_error_and_its_connection_goes_on(string path, string? key, string framing, int status)
    {
        await using var upstream = await EchoUpstream.Start();
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
        await using var broker = await Start(upstream);
        using var client = new TcpClient();
        await client.ConnectAsync(broker.Address.Host, broker.Address.Port);
        var stream = client.GetStream();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: x\r\n{(key is null ? "" : $"X-Api-Key: {key}\r\n")}{framing}\r\n\r\nabc"), limit.Token);

        (await RawHttp.Read(stream, isHead: false, limit.Token)).Status.ShouldBe(status);
        await stream.WriteAsync("defghijGET /none HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), limit.Token);

        (await RawHttp.Read(stream, isHead: false, limit.Token)).Status.ShouldBe(404, "the connection goes on");
        client.Close();
        (await Last(broker)).ShouldBeTrue();
        ShouldBeCalm(broker.Log);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    [InlineData("GET / HTTP/9.9\r\nHost: x\r\n\r\n")]
    [InlineData("G\u0001T / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData("\u0016\u0003\u0001\u0002\u0000\u0001\u0000")]
    [InlineData("GET / HTTP/1.1\r\nHost: a b\r\n\r\n")]
    [InlineData("POST /open/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("POST /open/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")]
    [InlineData("POST /x HTTP/1.1\r\nHost: x\r\nX-Api-Key: test-key\r\nContent-Length: 100\r\n\r\nabc")]
    [InlineData("POST /x HTTP/1.1\r\nHost: x\r\nX-Api-Key: test-key\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")]
    [InlineData("GET /open/x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: abc\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u0000\u0000\u0001\u0000\u0000\u0000\u0000\u0000\u0000a")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\u0000\u0000\u0000\u0004\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0001\u0001\u0005\u0000\u0000\u0000\u0001\u007f")]
    public async Task Whatever_is_sent_and_cut_off_is_no_error_and_no_stack_trace(string bytes)
    {
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await Start(upstream, """
            { "h1": { "Url": "http://127.0.0.1:0" }, "h2": { "Url": "http://127.0.0.1:0", "Protocols": "Http2" } }
            """);
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
        broker.Log.Split('\n').Count(line => line.Contains("\"Level\":\"Warning\"", StringComparison.Ordinal)).ShouldBeLessThan(20);
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
            ("closed", """{ "Match": { "Path": "/closed/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any" } }"""),
            ("refused", """{ "Match": { "Path": "/refused/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any" } }"""),
            ("timed", """{ "Match": { "Path": "/timed/{**rest}" }, "Timeout": "00:00:00.3", "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any" } }"""),
            ("x", """{ "Match": { "Path": "/x" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any" } }"""));
        Stage.AddCaller(config, "reader", "reader-key", "GetDevice", "*", "*", "*");
        config["Broker"]!["Forwarding"] = JsonNode.Parse("""{ "ReplayWait": "00:00:00.3" }""");
        if (endpoints is not null)
        {
            config["Kestrel"] = new JsonObject { ["Endpoints"] = JsonNode.Parse(endpoints) };
        }

        return await BrokerUnderTest.Start(config.ToJsonString(), TestConfig.Environment);
    }

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

    private static async Task Drain(NetworkStream stream, Socket socket)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            socket.Shutdown(SocketShutdown.Send);
            var part = new byte[4096];
            while (await stream.ReadAsync(part, limit.Token) > 0)
            {
            }
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
                (request.Version, request.VersionPolicy) = (new(broker.IsHttp2 ? 2 : 1, broker.IsHttp2 ? 0 : 1), HttpVersionPolicy.RequestVersionExact);
                await broker.Client.SendAsync(request);
                return broker.Log.Contains("\"Method\":\"OPTIONS\"", StringComparison.Ordinal);
            },
            "the last request is in the log");
        return true;
    }
}
