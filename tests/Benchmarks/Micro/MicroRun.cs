using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Benchmarks.Micro;

/// <summary>Runs BenchmarkDotNet, and fails when a step that may not allocate does.</summary>
internal static class MicroRun
{
    /// <summary>What a decision and handing out a token may take (on an ordinary machine: told, not enforced).</summary>
    private const double Aim = 100;

    private static readonly string[] WithAim =
    [
        nameof(DecideBenchmarks.DecideOnANamedDevice),
        nameof(DecideBenchmarks.DecideOnThreeDevices),
        nameof(DecideBenchmarks.Refuse),
        nameof(RequestBenchmarks.HandOut),
    ];

    private static readonly string[] MayAllocate = [nameof(TokenBenchmarks.Issue), nameof(TokenBenchmarks.VerifyAnew)];

    public static int Run(string[] args)
    {
        // In this process: a project that BenchmarkDotNet generates would not build with central package versions.
        var config = DefaultConfig
            .Instance.AddJob(Job.Default.WithWarmupCount(6).WithIterationCount(12).WithToolchain(InProcessEmitToolchain.Instance))
            .HideColumns(Column.Error, Column.RatioSD)
            .WithArtifactsPath(Path.Combine(Directory.GetCurrentDirectory(), "artifacts", "benchmarks"));
        var reports = BenchmarkSwitcher
            .FromTypes([typeof(DecideBenchmarks), typeof(RequestBenchmarks), typeof(TokenBenchmarks)])
            .Run(args.Length == 0 ? ["--filter", "*"] : args, config)
            .SelectMany(summary => summary.Reports)
            .ToList();
        var allocates = false;
        foreach (var report in reports)
        {
            var bytes = report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase);
            var time = report.ResultStatistics?.Median;
            var name = report.BenchmarkCase.Descriptor.WorkloadMethod.Name;
            var of = report.BenchmarkCase.HasParameters ? $" ({report.BenchmarkCase.Parameters.PrintInfo})" : "";
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{name}{of}: {time:F1} ns, {bytes} bytes{(time > Aim && WithAim.Contains(name) ? $"; over {Aim} ns" : "")}"
                )
            );
            allocates |= bytes is not 0 && !MayAllocate.Contains(name);
        }

        return allocates ? 1 : 0;
    }
}
