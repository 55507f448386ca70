using System.Text.Json.Nodes;
using Broker.FunctionalTests.Rights;
using Broker.FunctionalTests.UpstreamTokens;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>
/// An HTTP/1.1 upstream that answers 401 as soon as it has read the head, and closes or stays; and one whose cluster has its own idle
/// limit.
/// </summary>
public sealed class EarlyCloseTests
{
    [Theory]
    [InlineData(60, true)]
    [InlineData(60, false)]
    [InlineData(null, true)]
    [InlineData(null, false)]
    public async Task The_401_is_not_lost_and_the_body_goes_again(int? length, bool closes)
    {
        await using var tokens = await OAuth2Simulator.StartAsync(new());
        await using var upstream = new RefusingUpstream(closes, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(upstream.Address, TokenConfig.OAuth2(tokens.Address), ("all", TokenConfig.AnyRoute))
        );
        var content = new HandContent(length);
        var request = TestConfig.Request(HttpMethod.Post, "/x");
        request.Content = content;
        var sent = broker.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

        await content.Send("0123456789");
        await upstream.Refused.Task.WaitAsync(TimeSpan.FromSeconds(60));
        // each piece is a write of its own: the later ones meet a closed door
        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        for (var i = 0; i < 5; i++)
        {
            await content.Send("0123456789");
            await pace.WaitForNextTickAsync();
        }

        content.End();
        var answer = await sent;

        ((int)answer.StatusCode).ShouldBe(200);
        upstream.Body.ShouldBe(string.Concat(Enumerable.Repeat("0123456789", 6)));
        tokens.Logins.ShouldBe(2);
    }

    [Theory]
    [InlineData(true, "Content-Length: 10000000")]
    [InlineData(false, "Content-Length: 10000000")]
    [InlineData(true, "Transfer-Encoding: chunked")]
    [InlineData(false, "Transfer-Encoding: chunked")]
    public async Task A_caller_in_the_middle_of_a_long_upload_is_told_at_once(bool closes, string framing)
    {
        await using var tokens = await OAuth2Simulator.StartAsync(new());
        await using var upstream = new RefusingUpstream(closes, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
        var config = TokenConfig.For(upstream.Address, TokenConfig.OAuth2(tokens.Address), ("all", TokenConfig.AnyRoute));
        config["Broker"]!["Forwarding"] = JsonNode.Parse("""{ "ReplayWait": "00:05:00", "ReplayBodyLimit": 100 }""");
        await using var broker = await TokenConfig.Start(config);
        var piece = new string('x', 1000);
        var body = framing.StartsWith('C') ? piece : $"3e8\r\n{piece}\r\n";

        var answer = await RawHttp.Ask(broker.Address, "POST /x HTTP/1.1", ["Host: x", $"X-Api-Key: {TestConfig.Key}", framing], body);

        (answer.Status, answer.Code, answer["Retry-After"]).ShouldBe((503, "upstream-token-replaced", "1"));
        tokens.Logins.ShouldBe(2);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task A_body_that_was_refused_before_it_was_asked_for_goes_whole_with_the_next_try(bool closes, bool isChunked)
    {
        await using var tokens = await OAuth2Simulator.StartAsync(new());
        await using var upstream = new RefusingUpstream(closes, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
        await using var broker = await TokenConfig.Start(
            TokenConfig.For(upstream.Address, TokenConfig.OAuth2(tokens.Address), ("all", TokenConfig.AnyRoute))
        );
        var body = new string('x', 2000);

        var answer = await RawHttp.Ask(
            broker.Address,
            "POST /x HTTP/1.1",
            [
                "Host: x",
                $"X-Api-Key: {TestConfig.Key}",
                "Expect: 100-continue",
                isChunked ? "Transfer-Encoding: chunked" : "Content-Length: 2000",
            ],
            isChunked ? $"7d0\r\n{body}\r\n0\r\n\r\n" : body
        );

        (answer.Status, upstream.Body).ShouldBe((200, body));
    }

    [Fact]
    public async Task A_401_in_pieces_behind_an_interim_answer_is_heard_on_a_used_connection_too()
    {
        await using var tokens = await OAuth2Simulator.StartAsync(new());
        await using var upstream = new RefusingUpstream(
            false,
            "HTTP/1.1 102 Processing\r\nX: 1\r\n\r\nHT",
            "TP/1.1 4",
            "01 No\r\nContent-Length: 0\r\n\r\n"
        )
        {
            FirstServed = 1,
        };
        var config = TokenConfig.For(upstream.Address, TokenConfig.OAuth2(tokens.Address), ("all", TokenConfig.AnyRoute));
        config["Broker"]!["Forwarding"] = JsonNode.Parse("""{ "ReplayWait": "00:00:00.050" }""");
        await using var broker = await TokenConfig.Start(config);
        (await RawHttp.Ask(broker.Address, "GET /x HTTP/1.1", ["Host: x", $"X-Api-Key: {TestConfig.Key}"])).Status.ShouldBe(200);

        var answer = await RawHttp.Ask(
            broker.Address,
            "POST /x HTTP/1.1",
            ["Host: x", $"X-Api-Key: {TestConfig.Key}", "Content-Length: 20"],
            "0123456789"
        );

        (answer.Status, answer.Code, answer["Retry-After"]).ShouldBe((503, "upstream-token-replaced", "1"));
        upstream.Connections.ShouldBe(1);
    }

    [Fact]
    public async Task A_slow_body_that_moves_outlives_the_clusters_own_idle_limit()
    {
        await using var bench = await ReplayBench.Start(change: config =>
            config["ReverseProxy"]!["Clusters"]!["api"]!["HttpRequest"] = JsonNode.Parse("""{ "ActivityTimeout": "00:00:05" }""")
        );
        bench.Refusals = 0;
        var content = new HandContent(12);
        var sent = bench.Send(content);

        using var pace = new PeriodicTimer(TimeSpan.FromMilliseconds(600)); // the pace is what is tested
        for (var i = 0; i < 12; i++)
        {
            await content.Send("x");
            await pace.WaitForNextTickAsync();
        }

        content.End();
        (await (await sent).Content.ReadAsStringAsync()).ShouldBe("accepted");
    }
}
