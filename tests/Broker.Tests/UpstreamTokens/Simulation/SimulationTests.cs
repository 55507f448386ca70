using System.Globalization;
using Shouldly;
using Xunit;

namespace Broker.Tests.UpstreamTokens.Simulation;

/// <summary>The protocol of shared renewal on a simulated clock, schedule, Redis and upstream; a seed decides everything.</summary>
/// <remarks>SIMULATION_SEEDS: how many, all of them, whatever fails; from SIMULATION_FROM. SIMULATION_SEED: this one only, and its
/// interleaving.</remarks>
public sealed class SimulationTests(ITestOutputHelper output)
{
    private const int Enough = 10_000;

    [Fact]
    public async Task Ten_thousand_seeds_keep_the_promises()
    {
        if (Number("SIMULATION_SEED") is { } one)
        {
            var world = new World(one, isTracing: true);
            var broken = world.Run();
            output.WriteLine(world.Interleaving);
            broken.ShouldBeNull();
            return;
        }
        if (Number("SIMULATION_SEEDS") is { } many)
        {
            string.Join('\n', await Broken(many, Defect.None, isOneEnough: false, Number("SIMULATION_FROM") ?? 0)).ShouldBeEmpty();
            return;
        }
        (await FirstBroken(10_000, Defect.None)).ShouldBeNull();
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

    [Fact]
    public async Task A_seed_that_fails_replays_exactly_and_prints_its_interleaving_up_to_the_broken_promise()
    {
        var told = (await FirstBroken(Enough, Defect.NoNote)).ShouldNotBeNull();
        var lines = told.Split('\n');
        var seed = int.Parse(lines[0].Split("seed ")[1].Split(',')[0], CultureInfo.InvariantCulture);
        lines.ShouldContain(line => line.Contains("starts", StringComparison.Ordinal));
        lines.ShouldContain(line =>
            line.Contains("sends one-chain-0-refresh", StringComparison.Ordinal)
            || line.Contains("sends two-chain-0-refresh", StringComparison.Ordinal)
        );
        lines[^1].ShouldContain("BROKEN: " + lines[0].Split(": ", 2)[1]);
        var again = new World(seed, Defect.NoNote, isTracing: true);
        var failure = again.Run();
        $"{failure}\n{again.Interleaving}".ShouldBe(told);
        new World(seed, Defect.NoNote).Run().ShouldBe(failure); // without the trace too
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
    [InlineData(Defect.LoginsMadeAloneAreNotTold)]
    [InlineData(Defect.WhatMayBeSpentIsNotToldAgain)]
    [InlineData(Defect.ForgettingWithoutANumber)]
    [InlineData(Defect.OneSeatForAll)]
    [InlineData(Defect.AnyRefusalIsForGood)]
    [InlineData(Defect.UnknownsNeverLeadToALogin)]
    public async Task It_bites(Defect defect)
    {
        var broken = (await FirstBroken(Enough, defect)).ShouldNotBeNull();
        output.WriteLine(broken.Split('\n')[0]);
    }

    /// <summary>The lowest seed that breaks a promise, with its interleaving.</summary>
    private static async Task<string?> FirstBroken(int seeds, Defect defect)
    {
        if ((await Broken(seeds, defect, isOneEnough: true)) is not [var first, ..])
        {
            return null;
        }
        var world = new World(int.Parse(first.Split("seed ")[1].Split(',')[0], CultureInfo.InvariantCulture), defect, isTracing: true);
        return $"{world.Run()}\n{world.Interleaving}";
    }

    /// <summary>What breaks a promise, by seed. Threads of its own, and one core left: tests beside this one live on the pool.</summary>
    private static async Task<IReadOnlyList<string>> Broken(int seeds, Defect defect, bool isOneEnough, int from = 0)
    {
        var (next, lowest) = (from - 1, int.MaxValue);
        var found = new SortedDictionary<int, string>();
        void Work()
        {
            int seed;
            while ((seed = Interlocked.Increment(ref next)) < from + seeds && (!isOneEnough || seed < Volatile.Read(ref lowest)))
            {
                if (new World(seed, defect).Run() is { } failure)
                {
                    lock (found)
                    {
                        found[seed] = failure;
                        lowest = Math.Min(lowest, seed);
                    }
                }
            }
        }
        await Task.WhenAll(
            Enumerable
                .Range(0, Math.Max(1, Environment.ProcessorCount - 1))
                .Select(_ => Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))
        );
        return [.. found.Values];
    }

    private static int? Number(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var number) ? number : null;
}
