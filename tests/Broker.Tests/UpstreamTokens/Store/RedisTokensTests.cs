using Broker.Tests.Redis;
using Broker.UpstreamTokens;
using Shouldly;
using Xunit;
using static Broker.Tests.UpstreamTokens.SharedRenewalTests;

namespace Broker.Tests.UpstreamTokens;

/// <summary>The conformance of the store in a real Redis.</summary>
public sealed class RedisTokensTests : SharedTokensConformance, IAsyncLifetime
{
    private RedisServer server = null!;
    private Replica replica = null!;

    private protected override ISharedTokens Store => replica.Tokens;

    public async ValueTask InitializeAsync()
    {
        server = await RedisServer.Start();
        replica = new(server.Endpoint, "conformance");

        // What is published before the subscription stands wakes nobody.
        await Eventually(async () => (await server.Ask("PUBSUB", "CHANNELS", "*")).Contains("conformance", StringComparison.Ordinal));
    }

    public async ValueTask DisposeAsync()
    {
        replica.Dispose();
        await server.DisposeAsync();
    }

    [Fact]
    public async Task A_primary_that_was_a_replica_meanwhile_is_another_one()
    {
        var before = (await Store.Read(Name)).Run;
        (await Store.Read(Name)).Run.ShouldBe(before);
        await server.Ask("REPLICAOF", "127.0.0.1", "1");
        await server.Ask("REPLICAOF", "NO", "ONE");
        StoredState after = default;
        await Eventually(async () => (after = await Store.Read(Name)).Outcome == StoreOutcome.Done);
        after.Run.ShouldNotBe(before);
    }

    // a delay may end a little early
    private protected override Task Pass(TimeSpan time) => Task.Delay(time + TimeSpan.FromMilliseconds(20));

    private protected override async Task Restart()
    {
        await server.Ask("SAVE");
        await RestartEmpty();
    }

    private protected override async Task RestartEmpty()
    {
        await server.Kill();
        await server.Restart();
        await Eventually(async () => (await replica.Tokens.Read(Name)).Outcome == StoreOutcome.Done);
    }
}
