using Broker.Forwarding;
using Shouldly;
using Xunit;

namespace Broker.Tests.Forwarding;

/// <summary>The list of requests under way: what each ordinary request pays for it.</summary>
public sealed class OpenExchangesTests
{
    [Fact]
    public void To_enter_and_to_leave_allocates_nothing()
    {
        var open = new OpenExchanges();
        var passage = new BrokeredRequest();

        Allocations
            .Of(() =>
            {
                open.Enter(passage, 1);
                OpenExchanges.Leave(passage);
            })
            .ShouldBe(0);
    }

    [Fact]
    public async Task Those_that_entered_and_did_not_leave_are_there_whoever_comes_and_goes_meanwhile()
    {
        var open = new OpenExchanges();
        var kept = Enumerable.Range(0, 500).Select(_ => new BrokeredRequest()).ToList();

        await Parallel.ForEachAsync(kept, async (passage, _) =>
        {
            for (var i = 0; i < 20; i++)
            {
                var brief = new BrokeredRequest();
                open.Enter(brief, 1);
                if (i == 10)
                {
                    open.Enter(passage, 1);
                }

                await Task.Yield();
                OpenExchanges.Leave(brief);
                OpenExchanges.Leave(brief); // twice is once
            }
        });

        var found = new List<BrokeredRequest>();
        open.Collect(found, _ => true);
        found.ShouldBe(kept, ignoreOrder: true);
        open.Count.ShouldBe(500);
        kept.ForEach(OpenExchanges.Leave);
        open.Count.ShouldBe(0);
        OpenExchanges.While(kept[0], _ => throw new InvalidOperationException("It has left.")).ShouldBeFalse();
    }
}
