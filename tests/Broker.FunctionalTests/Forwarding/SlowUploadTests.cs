using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>In a class of its own: it takes longer than Kestrel's grace for slow bodies, while others run.</summary>
public sealed class SlowUploadTests
{
    [Fact]
    public async Task A_slow_upload_is_not_cut_by_a_data_rate()
    {
        await using var bench = await ReplayBench.Start();
        bench.Refusals = 0;
        var content = new HandContent(14);
        var sent = bench.Send(content);
        for (var i = 0; i < 14; i++)
        {
            await content.Send("x");
            await Task.Delay(500); // two bytes a second, for longer than the 5 s after which Kestrel looks at the rate
        }

        content.End();

        (await (await sent).Content.ReadAsStringAsync()).ShouldBe("accepted");
        bench.Bodies.ShouldBe([new string('x', 14)]);
    }
}
