using System.Diagnostics;

namespace Broker.FunctionalTests.Forwarding;

/// <summary>For how long this process got no turn. Tests share their machine, and promises are made for one with time to spare.</summary>
/// <remarks>
/// A loop asks to be woken every 20 ms. By how much it is woken late, nothing else of the process ran in time either. On a quiet machine
/// that is about a millisecond each time.
/// </remarks>
internal sealed class Lateness : IAsyncDisposable
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);

    private readonly CancellationTokenSource over = new();
    private readonly Task measuring;
    private TimeSpan late;

    public Lateness() => measuring = Measure();

    /// <summary>Ends the measurement.</summary>
    public async Task<TimeSpan> Stop()
    {
        await over.CancelAsync();
        await measuring;
        return late;
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        over.Dispose();
    }

    private async Task Measure()
    {
        while (!over.IsCancellationRequested)
        {
            var start = Stopwatch.GetTimestamp();
            await Task.Delay(Step);
            late += Stopwatch.GetElapsedTime(start) - Step;
        }
    }
}
