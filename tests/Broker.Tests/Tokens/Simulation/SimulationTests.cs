using System.Globalization;
using Shouldly;
using Xunit;

namespace Broker.Tests.Tokens.Simulation;

/// <summary>The protocol of shared renewal on a simulated clock, schedule, Redis and upstream; a seed decides everything.</summary>
/// <remarks>SIMULATION_SEEDS: how many. SIMULATION_SEED: this one only, and its interleaving.</remarks>
public sealed class SimulationTests(ITestOutputHelper output)
{
    private const int Enough = 1500;

    [Fact]
    public void Ten_thousand_seeds_keep_the_promises()
    {
        if (Number("SIMULATION_SEED") is { } one)
        {
            var world = new World(one, isTracing: true);
            var broken = world.Run();
            output.WriteLine(world.Interleaving);
            broken.ShouldBeNull();
            return;
        }
        FirstBroken(Number("SIMULATION_SEEDS") ?? 10_000, Defect.None).ShouldBeNull();
    }

    [Fact]
    public void A_seed_replays_exactly()
    {
        for (var seed = 0; seed < 20; seed++)
        {
            var (first, second) = (new World(seed, isTracing: true), new World(seed, isTracing: true));
            first.Run();
            second.Run();
            second.Interleaving.ShouldBe(first.Interleaving);
        }
    }

    [Theory]
    [InlineData(Defect.LeaseNotExtendedWhileTheCallRuns)]
    [InlineData(Defect.NoSecondLookAfterTheLease)]
    [InlineData(Defect.NumberTakenApartFromTheLease)]
    [InlineData(Defect.NoNote)]
    [InlineData(Defect.LoginAfterRefusedWithoutTheLeaseCheck)]
    [InlineData(Defect.LoginAfterNotNow)]
    [InlineData(Defect.LoginAfterUnknown)]
    [InlineData(Defect.OrderByExpiry)]
    [InlineData(Defect.CountingFromZeroAfterAnEmptyRedis)]
    [InlineData(Defect.OldPairRepublishedOverANewerOne)]
    public void It_bites(Defect defect)
    {
        var broken = FirstBroken(Enough, defect);
        broken.ShouldNotBeNull();
        output.WriteLine(broken.Split('\n')[0]);
    }

    /// <summary>The lowest seed that breaks a promise, with its interleaving; seeds run side by side, each on one thread.</summary>
    private static string? FirstBroken(int seeds, Defect defect)
    {
        var lowest = int.MaxValue;
        Parallel.For(0, seeds, (seed, loop) =>
        {
            if (new World(seed, defect).Run() is not null)
            {
                loop.Break();
                int seen;
                while ((seen = Volatile.Read(ref lowest)) > seed && Interlocked.CompareExchange(ref lowest, seed, seen) != seen)
                {
                }
            }
        });
        if (lowest == int.MaxValue)
        {
            return null;
        }
        var world = new World(lowest, defect, isTracing: true);
        return $"{world.Run()}\n{world.Interleaving}";
    }

    private static int? Number(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var number) ? number : null;
}
