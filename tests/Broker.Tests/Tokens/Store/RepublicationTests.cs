using Broker.Tests.Tokens.Simulation;
using Broker.Tokens;
using Broker.Tokens.Store;
using Shouldly;
using Xunit;

namespace Broker.Tests.Tokens.Store;

/// <summary>After an epoch everything that is held is told in time.</summary>
public sealed class RepublicationTests
{
    [Fact]
    public async Task Many_accounts_are_told_side_by_side()
    {
        using var bench = new CellBench();
        var store = new Holding(new SimulatedRedis(new Pump(1)));
        ulong chance = 0;
        bench.Vault.Share(new(store, new(), () => ++chance, "replica", bench.Clock));
        for (var i = 0; i < 40; i++)
        {
            await CellBench.Fresh(bench.Cell($"account-{i}", new ScriptedSource()));
        }
        store.Return();
        store.Asked.ShouldBe(32);
        store.Go.SetResult(StoreOutcome.Done);
        await SharedRenewalTests.Eventually(() => Task.FromResult(store.Asked == 40));
    }

    private sealed class Holding(SimulatedRedis redis) : AtOnce(redis)
    {
        public TaskCompletionSource<StoreOutcome> Go { get; } = new();

        public int Asked { get; private set; }

        public override Task<StoreOutcome> Republish(StoreName name, SharedPair? pair, TimeSpan? lives, SharedNote? note, long? damaged = null)
        {
            Asked++;
            return Go.Task;
        }
    }
}
