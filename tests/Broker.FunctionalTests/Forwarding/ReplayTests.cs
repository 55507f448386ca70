using System.Net;
using System.Text;
using Broker.FunctionalTests.UpstreamTokens;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>
/// A refused token is replaced and the request sent again once, with the same bytes; a body that streamed away is never sent twice.
/// </summary>
public sealed class ReplayTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_without_a_body_is_sent_again(bool isUpstreamHttp2)
    {
        await using var bench = await ReplayBench.Start(isUpstreamHttp2: isUpstreamHttp2);

        (await (await bench.Send(null)).Content.ReadAsStringAsync()).ShouldBe("accepted");

        bench.Upstream.Requests.Select(request => request.Headers["Authorization"]).Distinct().Count().ShouldBe(2);
        (bench.Upstream.Requests.Count, bench.Tokens.Logins).ShouldBe((2, 2));
    }

    // The limit is 1000 bytes.
    [Theory]
    [InlineData(20, false, false)]
    [InlineData(20, true, false)]
    [InlineData(1000, false, false)]
    [InlineData(1000, true, false)]
    [InlineData(1000, true, true)]
    [InlineData(20, true, true)]
    [InlineData(20, false, true)]
    public async Task A_body_within_the_limit_is_sent_again_with_the_same_bytes(int length, bool isChunked, bool isUpstreamHttp2)
    {
        await using var bench = await ReplayBench.Start("""{ "ReplayBodyLimit": 1000 }""", isUpstreamHttp2);
        var body = Text(length);

        var answer = await bench.Send(Content(body, isChunked));

        (await answer.Content.ReadAsStringAsync()).ShouldBe("accepted");
        bench.Bodies.ShouldBe([body]);
        (bench.Upstream.Requests.Count, bench.Tokens.Logins).ShouldBe((2, 2));
        bench.Upstream.Requests.ShouldAllBe(request => request.Headers["Content-Type"] == "application/json");
        bench.Upstream.Requests.ShouldAllBe(request => isChunked || request.Headers["Content-Length"] == $"{length}");
    }

    [Theory]
    [InlineData(1001, false, "1000", false)]
    [InlineData(1001, true, "1000", false)]
    [InlineData(300_000, true, "1000", true)]
    [InlineData(300_000, false, "65536", true)]
    [InlineData(1, false, "0", false)]
    [InlineData(1, true, "0", false)]
    public async Task A_body_over_the_limit_is_never_sent_twice(int length, bool isChunked, string limit, bool isUpstreamHttp2)
    {
        await using var bench = await ReplayBench.Start($$"""{ "ReplayBodyLimit": {{limit}} }""", isUpstreamHttp2);
        var body = Text(length);
        var received = new TaskCompletionSource<string>();
        bench.Refuse = async context =>
        {
            received.SetResult(await ReplayBench.Body(context));
            await ReplayBench.Say401(context);
        };

        var answer = await bench.Send(Content(body, isChunked));

        await answer.ShouldRefuse(503, "upstream-token-replaced");
        answer.RetryAfter().ShouldBe(1);
        (await received.Task).ShouldBe(body);
        (bench.Upstream.Requests.Count, bench.Tokens.Logins).ShouldBe((1, 2));
        (await bench.Send(Content(body, isChunked))).EnsureSuccessStatusCode(); // as it was told: with the new token
        bench.Bodies.ShouldBe([body]);
    }

    [Theory]
    [InlineData(false, 502, "upstream-refused-token")]
    [InlineData(true, 403, "upstream-denied")]
    public async Task A_second_401_is_answered_by_the_broker_and_the_upstreams_own_body_never_reaches_the_caller(
        bool isResource,
        int status,
        string code
    )
    {
        var route = isResource
            ? TokenConfig.AnyRoute.Replace("\"none\",", "\"none\", \"On401\": \"resource\",", StringComparison.Ordinal)
            : TokenConfig.AnyRoute;
        await using var bench = await ReplayBench.Start(route: route);
        bench.Refusals = int.MaxValue;

        foreach (var content in new[] { null, Content("{}", false), Content("{}", true) })
        {
            var answer = await bench.Send(content);
            await answer.ShouldRefuse(status, code);
            (await answer.Content.ReadAsStringAsync()).ShouldNotContain("their secret words");
            answer.Headers.WwwAuthenticate.ToString().ShouldNotContain("theirs");
        }

        bench.Upstream.Requests.Count.ShouldBeInRange(4, 6);
        bench.Tokens.Logins.ShouldBeInRange(2, 4);
    }

    [Fact]
    public async Task A_body_that_waits_for_100_continue_and_never_left_is_sent_with_the_new_token()
    {
        await using var bench = await ReplayBench.Start();
        bench.Refuse = ReplayBench.Say401; // without a look at the body, so no 100

        var answer = await bench.Send(Content("{\"a\":1}", false), change: request => request.Headers.ExpectContinue = true);

        (await answer.Content.ReadAsStringAsync()).ShouldBe("accepted");
        bench.Bodies.ShouldBe(["{\"a\":1}"]);
    }

    [Theory]
    [InlineData(200, 20, false)]
    [InlineData(200, 20, true)]
    [InlineData(413, 20, false)]
    [InlineData(413, 20, true)]
    [InlineData(413, 300_000, false)]
    [InlineData(413, 300_000, true)]
    [InlineData(413, 3_000_000, true)]
    public async Task An_upstream_that_answers_before_it_reads_the_body_is_heard(int status, int length, bool isUpstreamHttp2)
    {
        await using var bench = await ReplayBench.Start(isUpstreamHttp2: isUpstreamHttp2);
        bench.Refuse = context =>
        {
            context.Response.StatusCode = status;
            return Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, "early");
        };

        foreach (var isChunked in new[] { false, true })
        {
            bench.Refusals = int.MaxValue;
            var answer = await bench.Send(Content(Text(length), isChunked));
            ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync()).ShouldBe((status, "early"));
        }

        bench.Upstream.Requests.Count.ShouldBe(2);
        bench.Tokens.Logins.ShouldBe(1);
    }

    private static string Text(int length) => string.Concat(Enumerable.Range(0, length).Select(i => (char)('a' + (i % 26))));

    private static HttpContent Content(string text, bool isChunked)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        HttpContent content = isChunked ? new StreamContent(new Unsized(bytes)) : new ByteArrayContent(bytes);
        content.Headers.ContentType = new("application/json");
        return content;
    }

    /// <summary>A stream that does not say how long it is.</summary>
    private sealed class Unsized(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;
    }
}
