using Broker.Tests.Redis;
using Shouldly;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>
/// Whatever happens to the wires to a Cluster, to all nodes or to one: not one request fails while a live token exists, and no account is
/// lost.
/// </summary>
public sealed class ClusterFaultsTests(FaultyCluster cluster, ITestOutputHelper output) : IClassFixture<FaultyCluster>
{
    private string next = "";

    [Theory(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    [InlineData(100)]
    [InlineData(600)] // no answer comes in time
    public Task Latency_to_every_node(int milliseconds) =>
        Endures(
            () => cluster.All(wire => wire.Latency = TimeSpan.FromMilliseconds(milliseconds)),
            () => cluster.All(wire => wire.Latency = TimeSpan.Zero)
        );

    [Theory(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    [InlineData(nameof(WireFault.Resets))]
    [InlineData(nameof(WireFault.Stalls))]
    [InlineData(nameof(WireFault.Drops))]
    [InlineData(nameof(WireFault.CutsAnswers))]
    public Task Every_wire(string fault) =>
        Endures(
            () => cluster.All(wire => wire.Fault = Enum.Parse<WireFault>(fault)),
            () => cluster.All(wire => wire.Fault = WireFault.None)
        );

    [Theory(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    [InlineData(nameof(WireFault.Resets))]
    [InlineData(nameof(WireFault.Stalls))]
    [InlineData(nameof(WireFault.Drops))]
    [InlineData(nameof(WireFault.CutsAnswers))]
    public async Task The_wire_to_the_one_node_of_the_account_that_comes_due(string fault)
    {
        Wire wire = null!;
        await Endures(
            async () => (wire = cluster.WireOf(await NodeOfTheNext())).Fault = Enum.Parse<WireFault>(fault),
            () => Done(() => wire.Fault = WireFault.None),
            () => next
        );
    }

    [Fact(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    public async Task A_node_that_is_stopped_and_has_no_replica()
    {
        RedisServer node = null!;
        await Endures(async () => (node = await NodeOfTheNext()).Freeze(), () => Done(() => node.Thaw()), () => next);
    }

    /// <summary>Its accounts may log in alone, within the budget, as where all of Redis is away; the others are renewed as ever.</summary>
    [Fact(Skip = LongRun.Word, SkipUnless = nameof(LongRun.IsOn), SkipType = typeof(LongRun))]
    public async Task A_node_that_stays_away_until_the_tokens_of_its_accounts_have_ended()
    {
        Wire wire = null!;
        var before = cluster.Staggered.Grants();
        await Endures(
            async () =>
            {
                next = cluster.Next(Staggered.CanLogIn);
                wire = cluster.WireOf(await cluster.MasterOf(next));
                before = cluster.Staggered.Grants();
                wire.Fault = WireFault.Resets;
            },
            async () =>
            {
                await cluster.Staggered.Renewed(before, next);
                await cluster.Staggered.Renewed(before, cluster.Staggered.Names.Count(Staggered.CanLogIn));
                wire.Fault = WireFault.None;
            },
            () => next
        );
    }

    private static Task Done(Action action)
    {
        action();
        return Task.CompletedTask;
    }

    private async Task<RedisServer> NodeOfTheNext() => await cluster.MasterOf(next = cluster.Next());

    private Task Endures(Action begin, Action end) => Endures(() => Done(begin), () => Done(end));

    private async Task Endures(Func<Task> begin, Func<Task> end, Func<string>? meets = null)
    {
        try
        {
            output.WriteLine(await cluster.Endures(begin, end, meets));
        }
        catch (Exception)
        {
            output.WriteLine(cluster.Fleet.Told());
            throw;
        }
    }
}
