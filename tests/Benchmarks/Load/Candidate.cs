using System.Diagnostics;

namespace Benchmarks.Load;

/// <summary>One proxy under measurement, and what each of its turns cost.</summary>
internal sealed class Candidate(string name, ProxyProcess process, bool logs) : IAsyncDisposable
{
    private readonly List<Turn> turns = [];
    private readonly Latencies latencies = new();
    private long served;

    public string Name { get; } = name;

    public IReadOnlyList<Turn> Turns => turns;

    public double P50 => latencies.Within(0.5);

    public double P99 => latencies.Within(0.99);

    public string Tell => $"{Name} is process {process.Id} at {process.Address}";

    public void WarmUp(LoadOptions options, string bearer)
    {
        var ignored = new Latencies();
        using var client = new LoadClient(process.Address, bearer, options.Connections);
        client.Run(TimeSpan.FromSeconds(options.WarmUp), ignored);
        served += ignored.Count;
    }

    public Turn Measure(LoadOptions options, string bearer)
    {
        using var client = new LoadClient(process.Address, bearer, options.Connections);
        var (count, processor, clock) = (latencies.Count, process.Processor, Stopwatch.GetTimestamp());
        client.Run(TimeSpan.FromSeconds(options.Seconds), latencies);
        var requests = latencies.Count - count;
        var turn = new Turn(
            (process.Processor - processor).TotalMicroseconds / requests,
            requests / Stopwatch.GetElapsedTime(clock).TotalSeconds
        );
        turns.Add(turn);
        served += requests;
        return turn;
    }

    /// <summary>The log is part of the job where it is on: a line for each request must have come.</summary>
    public async Task CheckLog()
    {
        for (var patience = 50; logs && process.Lines < served; patience--)
        {
            if (patience == 0)
            {
                throw new InvalidOperationException($"{Name} served {served} requests and logged {process.Lines} lines.");
            }

            await Task.Delay(100);
        }
    }

    public ValueTask DisposeAsync() => process.DisposeAsync();
}

/// <summary>What one turn cost.</summary>
/// <param name="Microseconds">User and system time of the process a request.</param>
/// <param name="PerSecond">Requests a second.</param>
internal readonly record struct Turn(double Microseconds, double PerSecond);
