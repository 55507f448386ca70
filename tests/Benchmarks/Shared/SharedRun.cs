using System.Diagnostics;
using System.Globalization;
using Broker.UpstreamTokens;

namespace Benchmarks.Shared;

/// <summary>
/// What a token costs that replicas share: out of the cell, out of Redis, from nobody; with few and with many accounts in Redis; in bytes.
/// </summary>
internal static class SharedRun
{
    private const int Samples = 20_000;
    private const int ColdSamples = 5_000;
    private const int CellsForBytes = 100_000;
    private const int Batch = 1_000;
    private const int WarmUp = 500;

    public static async Task<int> Run(string[] args)
    {
        int[] sizes = args.Length == 0 ? [1, 1_000, 1_000_000] : [.. args.Select(arg => int.Parse(arg, CultureInfo.InvariantCulture))];
        Console.WriteLine(
            $"{Environment.ProcessorCount} cores, .NET {Environment.Version}; token 600 + 100 characters, AES-256-GCM; one after the "
                + "other; us unless said"
        );
        Console.WriteLine(
            "accounts in Redis | cell ns p50 / p99 | from Redis p50 / p99 | cold p50 / p99 | bytes in Redis an account | of them "
                + "pair, counter"
        );
        foreach (var size in sizes)
        {
            await using var redis = await RedisProcess.Start();
            await Measure(redis, size);
        }
        await Bytes();
        return 0;
    }

    private static async Task Measure(RedisProcess redis, int size)
    {
        using var writer = new SharedReplica(redis.Endpoint);
        await Ready(writer);
        await writer.Put(-2); // what Redis keeps once, its scripts, is no account's
        var empty = await redis.Info("memory", "used_memory");
        await Parallel.ForAsync(0, size, new ParallelOptions { MaxDegreeOfParallelism = 128 }, async (account, _) =>
            await writer.Put(account)
        );
        var bytes = (await redis.Info("memory", "used_memory") - empty) / size;
        var keys = SharedReplica.KeysOf(writer.Cell(0)).ToList();
        var (pair, counter) = (await redis.Ask("MEMORY", "USAGE", keys[0]), await redis.Ask("MEMORY", "USAGE", keys[3]));

        var random = new Random(1);
        var next = size;
        var stored = await Latencies(redis, Samples, () => random.Next(size));
        var cold = await Latencies(redis, ColdSamples, () => next++);
        var cell = HandOuts(await Held(writer));
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{size:N0} | {At(cell, 0.5):F0} / {At(cell, 0.99):F0} | {At(stored, 0.5):F0} / {At(stored, 0.99):F0} | {At(cold, 0.5):F0} / {At(cold, 0.99):F0} | {(size < 1_000 ? "-" : bytes)} | {pair}, {counter}"
            )
        );
    }

    private static async Task<TokenCell> Held(SharedReplica replica)
    {
        await Get(replica.Cell(0));
        return replica.Cell(0);
    }

    /// <summary>First uses of cells, over a connection that is warm; each is let go of again, so that it is read again.</summary>
    private static async Task<double[]> Latencies(RedisProcess redis, int samples, Func<int> account)
    {
        using var replica = new SharedReplica(redis.Endpoint);
        await Ready(replica);
        var took = new double[samples];
        for (var i = -WarmUp; i < samples; i++)
        {
            var cell = replica.Cell(account());
            var from = Stopwatch.GetTimestamp();
            await Get(cell);
            took[Math.Max(i, 0)] = Stopwatch.GetElapsedTime(from).TotalMicroseconds;
            replica.Vault.LetGo(cell);
        }
        return [.. took.Order()];
    }

    /// <summary>In nanoseconds each, a thousand at a time.</summary>
    private static double[] HandOuts(TokenCell cell)
    {
        var took = new double[2_000];
        for (var i = 0; i < took.Length; i++)
        {
            var from = Stopwatch.GetTimestamp();
            for (var j = 0; j < Batch; j++)
            {
                cell.TryGet(out _);
            }
            took[i] = Stopwatch.GetElapsedTime(from).TotalNanoseconds / Batch;
        }
        return [.. took.Order()];
    }

    /// <summary>A cell that holds its token, in this process.</summary>
    private static async Task Bytes()
    {
        await using var redis = await RedisProcess.Start();
        using var replica = new SharedReplica(redis.Endpoint);
        await Ready(replica);
        await Parallel.ForAsync(0, CellsForBytes, new ParallelOptions { MaxDegreeOfParallelism = 128 }, async (account, _) =>
            await replica.Put(account)
        );
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await Parallel.ForAsync(0, CellsForBytes, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (account, _) =>
            await Get(replica.Cell(account))
        );
        var after = GC.GetTotalMemory(forceFullCollection: true);
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"bytes in the process, an account: {(after - before) / CellsForBytes} (over {CellsForBytes:N0})"
            )
        );
        GC.KeepAlive(replica);
    }

    private static double At(double[] sorted, double quantile) => sorted[(int)((sorted.Length - 1) * quantile)];

    private static async Task Get(TokenCell cell)
    {
        if ((await cell.Get(CancellationToken.None)).Token is null)
        {
            throw new InvalidOperationException("There is no token.");
        }
    }

    private static async Task Ready(SharedReplica replica)
    {
        var warm = replica.Cell(-1);
        while ((await warm.Get(CancellationToken.None)).Token is null)
        {
            await Task.Delay(50);
        }
    }
}
