using Broker.Tests.Redis;
using Broker.Tokens.Store;
using Shouldly;
using Xunit;
using static Broker.Tests.Tokens.Store.SharedRenewalTests;

namespace Broker.Tests.Tokens.Store;

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
    }

    public async ValueTask DisposeAsync()
    {
        replica.Dispose();
        await server.DisposeAsync();
    }

    private protected override Task Pass(TimeSpan time) => Task.Delay(time);

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
