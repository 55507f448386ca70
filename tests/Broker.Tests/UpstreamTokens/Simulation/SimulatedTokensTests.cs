using Broker.Tests.UpstreamTokens;
using Broker.UpstreamTokens;

namespace Broker.Tests.UpstreamTokens.Simulation;

/// <summary>The conformance of the store that the simulation runs on: what holds there holds for a real Redis.</summary>
public sealed class SimulatedTokensTests : SharedTokensConformance
{
    private readonly Pump pump = new(1);
    private readonly SimulatedRedis redis;

    public SimulatedTokensTests()
    {
        redis = new(pump);
        Store = new AtOnce(redis);
    }

    private protected override ISharedTokens Store { get; }

    private protected override Task Pass(TimeSpan time)
    {
        pump.Pass(time);
        return Task.CompletedTask;
    }

    private protected override Task Restart() => Restart(isEmpty: false);

    private protected override Task RestartEmpty() => Restart(isEmpty: true);

    private Task Restart(bool isEmpty)
    {
        redis.Restart(isEmpty, back: 0);
        return Pass(TimeSpan.FromMilliseconds(5));
    }
}
