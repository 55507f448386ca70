using Shouldly;
using Simulators;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>Eight broker processes, a form of Redis, and strict upstreams.</summary>
public abstract class EightReplicas : IAsyncLifetime
{
    public const int Count = 8;

    private Redises redis = null!;

    internal SimulatorOptions Short { get; } = Landscape.Strict;

    internal Landscape Landscape { get; } = new();

    internal Fleet Fleet { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        redis = await Open();
        await Landscape.OAuth2("connected");
        await Landscape.OAuth2("first");
        await Landscape.OAuth2("expiring", Short);
        Fleet = await Fleet.Start(Landscape, Count, redis.Endpoints);
        for (var i = 0; i < Count; i++)
        {
            await Eventually.Holds(async () => (await Fleet.Ask(i, "connected")).Status == 200, "the broker reaches Redis");
        }
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Fleet.DisposeAsync();
        await redis.DisposeAsync();
        await Landscape.DisposeAsync();
    }

    private protected abstract Task<Redises> Open();
}

/// <summary>One login and one refresh, whoever asks how often.</summary>
public abstract class EightReplicasTests(EightReplicas replicas)
{
    [Fact]
    public async Task A_thousand_first_requests_at_once_are_one_login()
    {
        var simulator = replicas.Landscape["first"];
        simulator.Faults.TokenDelay = TimeSpan.FromMilliseconds(300); // all of them are there before the token is
        var answers = await replicas.Fleet.AskAll(1000, "first");
        answers.ShouldAllBe(answer => answer.Status == 200);
        (simulator.Logins, simulator.Refreshes).ShouldBe((1, 0));
        simulator.Received.Data.Count.ShouldBe(1000);
        simulator.Received.Data.Select(request => request.Bearer()).Distinct().ShouldHaveSingleItem();
    }

    [Fact]
    public async Task At_expiry_under_load_there_is_one_refresh_and_no_request_fails()
    {
        var simulator = replicas.Landscape["expiring"];
        replicas.Short.TokenLifetime = TimeSpan.FromSeconds(3);
        await replicas.Fleet.Ask(0, "expiring");
        replicas.Short.TokenLifetime = TimeSpan.FromHours(1); // so that there is one expiry
        await using var load = new Load(replicas.Fleet, ["expiring"], pause: TimeSpan.Zero, each: 5); // several at once at every broker
        // A refresh is counted as it comes, and while its answer is made the first token is the only live one: so the second has to be
        // seen, too.
        await Eventually.Holds(
            () => simulator.Refreshes > 0 && simulator.LiveTokens == 1 && Bearers(simulator) > 1,
            "the first token has expired, and the second is used"
        );
        await load.Goes(EightReplicas.Count * 5 * 4);
        load.Failed.ShouldBeEmpty(replicas.Fleet.Told());
        (simulator.Logins, simulator.Refreshes, simulator.RefreshesGranted).ShouldBe((1, 1, 1));
        Bearers(simulator).ShouldBe(2);
        simulator.Received.Data.Select(request => request.RemotePort).Distinct().Count().ShouldBeGreaterThanOrEqualTo(EightReplicas.Count);
    }

    private static int Bearers(Simulator simulator) => simulator.Received.Data.Select(request => request.Bearer()).Distinct().Count();
}

/// <summary>On one Redis.</summary>
public sealed class EightReplicasOnOneRedisTests(EightReplicasOnOneRedisTests.Replicas replicas)
    : EightReplicasTests(replicas),
        IClassFixture<EightReplicasOnOneRedisTests.Replicas>
{
    public sealed class Replicas : EightReplicas
    {
        private protected override Task<Redises> Open() => Redises.Alone();
    }
}

/// <summary>On a primary with a replica.</summary>
public sealed class EightReplicasOnAReplicatedRedisTests(EightReplicasOnAReplicatedRedisTests.Replicas replicas)
    : EightReplicasTests(replicas),
        IClassFixture<EightReplicasOnAReplicatedRedisTests.Replicas>
{
    public sealed class Replicas : EightReplicas
    {
        private protected override Task<Redises> Open() => Redises.Replicated();
    }
}

/// <summary>On a Cluster of three nodes.</summary>
public sealed class EightReplicasOnAClusterTests(EightReplicasOnAClusterTests.Replicas replicas)
    : EightReplicasTests(replicas),
        IClassFixture<EightReplicasOnAClusterTests.Replicas>
{
    public sealed class Replicas : EightReplicas
    {
        private protected override Task<Redises> Open() => Redises.Cluster();
    }
}
