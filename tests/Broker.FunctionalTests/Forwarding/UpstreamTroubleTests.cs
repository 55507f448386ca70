using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.UpstreamTokens;
using Microsoft.AspNetCore.Http;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>An upstream that is slow, away, or breaks off; and its own errors, which are the caller's to see.</summary>
public sealed class UpstreamTroubleTests
{
    private static Task<BrokerUnderTest> Start(Uri upstream, string forwarding = "{}")
    {
        var config = TestConfig.With(upstream, ("all", TestConfig.CatchAll));
        config["Broker"]!["Forwarding"] = JsonNode.Parse(forwarding);
        return TokenConfig.Start(config);
    }

    [Fact]
    public async Task An_upstream_that_says_nothing_in_the_idle_time_is_504()
    {
        await using var upstream = await EchoUpstream.Start();
        var gone = new TaskCompletionSource();
        upstream.Answer = async context =>
        {
            context.RequestAborted.Register(gone.SetResult);
            await gone.Task;
        };
        await using var broker = await Start(upstream.Address, """{ "IdleTimeout": "00:00:00.500" }""");

        await (await broker.Ask("/things")).ShouldRefuse(504, "upstream-timeout");

        await gone.Task.WaitAsync(TimeSpan.FromSeconds(60));
    }

    [Fact]
    public async Task A_routes_own_timeout_is_504()
    {
        await using var upstream = await EchoUpstream.Start();
        upstream.Answer = context => Task.Delay(Timeout.Infinite, context.RequestAborted);
        var config = TestConfig.With(
            upstream.Address,
            ("all", TestConfig.CatchAll.Replace("{ \"Match\"", "{ \"Timeout\": \"00:00:00.500\", \"Match\"", StringComparison.Ordinal))
        );
        await using var broker = await TokenConfig.Start(config);

        await (await broker.Ask("/things")).ShouldRefuse(504, "upstream-timeout");
    }

    [Fact]
    public async Task An_upstream_that_is_away_is_502_with_the_brokers_own_words()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        taken.Stop();
        await using var broker = await Start(new($"http://127.0.0.1:{port}/"));

        var answer = await broker.Ask("/things");

        await answer.ShouldRefuse(502, "upstream-unreachable");
        (await answer.Content.ReadAsStringAsync()).ShouldNotContain($"{port}");
    }

    [Theory]
    [InlineData("no bytes", "upstream-closed")]
    [InlineData("garbage\r\n\r\n", "upstream-answer-malformed")]
    public async Task An_upstream_that_hangs_up_or_speaks_no_http_is_502(string bytes, string code)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var broker = await Start(new($"http://{listener.LocalEndpoint}/"));
        var asked = broker.Ask("/things");
        // a connection that was closed at once is tried anew
        while (await Task.WhenAny(asked, listener.AcceptTcpClientAsync()) is Task<TcpClient> accepted)
        {
            using var connection = await accepted;
            var stream = connection.GetStream();
            (await stream.ReadAsync(new byte[4096])).ShouldBeGreaterThan(0);
            if (bytes != "no bytes")
            {
                await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(bytes));
            }
        }

        await (await asked).ShouldRefuse(502, code);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_answer_that_breaks_off_breaks_off_for_the_caller_too(bool hasLength)
    {
        await using var upstream = await EchoUpstream.Start();
        var read = new TaskCompletionSource();
        upstream.Answer = async context =>
        {
            context.Response.ContentLength = hasLength ? 1000 : null;
            await context.Response.WriteAsync("a part");
            await context.Response.Body.FlushAsync();
            await read.Task;
            context.Abort();
        };
        await using var broker = await Start(upstream.Address);

        var answer = await broker.Client.SendAsync(TestConfig.Request(HttpMethod.Get, "/things"), HttpCompletionOption.ResponseHeadersRead);
        var stream = await answer.Content.ReadAsStreamAsync();
        await stream.ReadExactlyAsync(new byte[6]);
        read.SetResult();

        await Should.ThrowAsync<IOException>(() => stream.CopyToAsync(Stream.Null));
    }

    [Theory]
    [InlineData(400)]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(405)]
    [InlineData(409)]
    [InlineData(422)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public async Task The_upstreams_own_errors_pass_through_with_body_and_headers(int status)
    {
        await using var upstream = await EchoUpstream.Start();
        var form = "";
        upstream.Answer = async context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers["X-Vendor"] = "v";
            context.Response.Headers.RetryAfter = "9";
            if (form != "empty")
            {
                context.Response.ContentType = "application/vendor+json";
                await (form == "body" ? context.Response.WriteAsync("""{"their":"error"}""") : context.Response.StartAsync());
            }
        };
        await using var broker = await Start(upstream.Address);

        foreach (
            var (next, body, type) in new[]
            {
                ("body", """{"their":"error"}""", "application/vendor+json"),
                ("empty", "", null),
                ("empty and chunked", "", "application/vendor+json"),
            }
        )
        {
            form = next;
            var answer = await broker.Ask("/things");
            ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync()).ShouldBe((status, body));
            answer.Content.Headers.ContentType?.MediaType.ShouldBe(type);
            answer.Headers.GetValues("X-Vendor").ShouldBe(["v"]);
            answer.RetryAfter().ShouldBe(9);
        }
    }
}
