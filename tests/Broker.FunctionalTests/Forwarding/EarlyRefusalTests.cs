using System.Text;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>
/// A body that trickles: the first try is not held up for its copy, and an early 401 waits for the rest, but not for ever.
/// </summary>
public sealed class EarlyRefusalTests
{
    [Theory]
    [InlineData(false, null)]
    [InlineData(true, null)]
    [InlineData(false, 10)]
    [InlineData(true, 10)]
    public async Task The_upstream_sees_head_and_first_bytes_before_the_caller_has_sent_the_last(bool isUpstreamHttp2, int? length)
    {
        await using var bench = await ReplayBench.Start(isUpstreamHttp2: isUpstreamHttp2, isCallerHttp2: true);
        var head = new TaskCompletionSource();
        var first = new TaskCompletionSource<string>();
        bench.Refuse = async context =>
        {
            head.SetResult();
            first.SetResult(await Some(context));
            await ReplayBench.Body(context);
            await ReplayBench.Say401(context);
        };
        var content = new HandContent(length);
        var sent = bench.Send(content);

        await head.Task.WaitAsync(TimeSpan.FromSeconds(60));
        await content.Send("first");
        (await first.Task.WaitAsync(TimeSpan.FromSeconds(60))).ShouldBe("first");
        await content.Send(" last");
        content.End();

        (await (await sent).Content.ReadAsStringAsync()).ShouldBe("accepted");
        bench.Bodies.ShouldBe(["first last"]);
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, null)]
    [InlineData(false, 10)]
    [InlineData(true, 10)]
    public async Task An_early_401_waits_for_the_rest_and_the_whole_body_is_sent_again(bool isUpstreamHttp2, int? length)
    {
        await using var bench = await ReplayBench.Start(isUpstreamHttp2: isUpstreamHttp2, isCallerHttp2: true);
        var refused = new TaskCompletionSource();
        bench.Refuse = async context =>
        {
            await Some(context);
            await ReplayBench.Say401(context);
            await context.Response.CompleteAsync();
            refused.SetResult();
        };
        var content = new HandContent(length);
        var sent = bench.Send(content);
        await content.Send("first");
        await refused.Task.WaitAsync(TimeSpan.FromSeconds(60));
        await content.Send(" last");
        content.End();

        (await (await sent).Content.ReadAsStringAsync()).ShouldBe("accepted");
        bench.Bodies.ShouldBe(["first last"]);
        (bench.Upstream.Requests.Count, bench.Tokens.Logins).ShouldBe((2, 2));
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(false, 10)]
    [InlineData(true, null)]
    [InlineData(true, 10)]
    public async Task An_early_401_whose_rest_does_not_come_in_time_is_503(bool isUpstreamHttp2, int? length)
    {
        await using var bench = await ReplayBench.Start("""{ "ReplayWait": "00:00:00.300" }""", isUpstreamHttp2, isCallerHttp2: true);
        bench.Refuse = async context =>
        {
            await Some(context);
            await ReplayBench.Say401(context);
        };
        var content = new HandContent(length);
        var sent = bench.Send(content);
        await content.Send("first");

        var answer = await sent;

        await answer.ShouldRefuse(503, "upstream-token-replaced");
        answer.RetryAfter().ShouldBe(1);
        bench.Upstream.Requests.Count.ShouldBe(1);
        await bench.Broker.LogHolding("upstream-token-replaced"); // the request is over in the broker: nobody reads on
        content.End();
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(false, 200_000)]
    [InlineData(true, null)]
    [InlineData(true, 200_000)]
    public async Task An_open_upload_over_the_limit_whose_token_is_refused_is_503_at_once(bool isUpstreamHttp2, int? length)
    {
        await using var bench = await ReplayBench.Start(
            """{ "ReplayWait": "00:05:00", "ReplayBodyLimit": 4 }""",
            isUpstreamHttp2,
            isCallerHttp2: true
        );
        bench.Refuse = async context =>
        {
            await Some(context);
            await ReplayBench.Say401(context);
        };
        var content = new HandContent(length);
        var sent = bench.Send(content);
        // as much as leaves at once: a few bytes of a known length may wait in the client for more
        await content.Send(new string('x', 100_000));

        var answer = await sent.WaitAsync(TimeSpan.FromSeconds(60));

        await answer.ShouldRefuse(503, "upstream-token-replaced");
        answer.RetryAfter().ShouldBe(1);
        bench.Upstream.Requests.Count.ShouldBe(1);
        content.End();
    }

    [Fact]
    public async Task An_open_grpc_stream_whose_token_is_refused_is_503()
    {
        await using var bench = await ReplayBench.Start("""{ "ReplayWait": "00:00:00.200" }""", isUpstreamHttp2: true, isCallerHttp2: true);
        bench.Refuse = ReplayBench.Say401;
        var content = new HandContent();
        content.Headers.ContentType = new("application/grpc");

        var answer = await bench.Send(content, change: request => request.Headers.TE.Add(new("trailers")));

        await answer.ShouldRefuse(503, "upstream-token-replaced");
        (bench.Upstream.Requests.Count, bench.Upstream.Only.Headers["TE"]).ShouldBe((1, "trailers"));
        content.End();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_caller_that_goes_away_in_the_middle_of_its_body_leaves_nothing_behind(bool isCallerHttp2)
    {
        List<Exception> unobserved = [];
        void Note(object? sender, UnobservedTaskExceptionEventArgs fault)
        {
            if (fault.Exception.ToString().Contains("Broker.Forwarding", StringComparison.Ordinal))
            {
                unobserved.Add(fault.Exception);
            }
        }

        TaskScheduler.UnobservedTaskException += Note;
        await using var bench = await ReplayBench.Start(isCallerHttp2: isCallerHttp2);
        var started = new TaskCompletionSource();
        var cut = new TaskCompletionSource();
        bench.Refuse = async context =>
        {
            try
            {
                await Some(context);
                started.SetResult();
                await ReplayBench.Body(context);
            }
            catch (Exception)
            {
                cut.SetResult();
            }
        };
        var content = new HandContent();
        var sent = bench.Send(content);
        await content.Send("first");
        await started.Task.WaitAsync(TimeSpan.FromSeconds(60));

        content.Break();

        await Should.ThrowAsync<HttpRequestException>(() => sent);
        await cut.Task.WaitAsync(TimeSpan.FromSeconds(60));
        await bench.Broker.LogHolding("key:tester");
        bench.Upstream.Requests.Count.ShouldBe(1);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        TaskScheduler.UnobservedTaskException -= Note;
        unobserved.ShouldBeEmpty();
    }

    private static async Task<string> Some(Microsoft.AspNetCore.Http.HttpContext context)
    {
        var buffer = new byte[100];
        return Encoding.UTF8.GetString(buffer, 0, await context.Request.Body.ReadAsync(buffer));
    }
}
