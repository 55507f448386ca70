using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>The idle time looks at what moves, not at how long a body takes.</summary>
public sealed class IdleBodyTests
{
    [Theory]
    [InlineData(false, null)]
    [InlineData(true, null)]
    [InlineData(false, 10)]
    [InlineData(true, 10)]
    public async Task A_body_on_which_nothing_moves_is_given_up_after_the_idle_time(bool isUpstreamHttp2, int? length)
    {
        await using var bench = await ReplayBench.Start("""{ "IdleTimeout": "00:00:01" }""", isUpstreamHttp2, isCallerHttp2: true);
        bench.Refuse = async context => await ReplayBench.Body(context);
        var content = new HandContent(length);
        var sent = bench.Send(content);
        await content.Send("first");

        await (await sent.WaitAsync(TimeSpan.FromSeconds(60))).ShouldRefuse(408, "body-too-slow");

        await bench.Broker.LogHolding("body-too-slow");
        content.End();
    }

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, null)]
    [InlineData(false, 30)]
    [InlineData(true, 30)]
    public async Task A_body_that_moves_slowly_is_not_given_up(bool isUpstreamHttp2, int? length)
    {
        await using var bench = await ReplayBench.Start("""{ "IdleTimeout": "00:00:02" }""", isUpstreamHttp2, isCallerHttp2: true);
        bench.Refusals = 0;
        var content = new HandContent(length);
        var sent = bench.Send(content);
        for (var i = 0; i < 30; i++)
        {
            await content.Send("x");
            await Task.Delay(100); // the pace is what is tested: 3 s in all, and never 2 s of silence
        }

        content.End();

        (await (await sent).Content.ReadAsStringAsync()).ShouldBe("accepted");
        bench.Bodies.ShouldBe([new string('x', 30)]);
    }
}
