using Broker.Configuration;

namespace Broker.Operations;

/// <summary>
/// SIGTERM: not ready at once; only after <c>DrainDelay</c> does the server stop to take connections, and what is in flight finishes.
/// </summary>
internal sealed class Drain(
    Readiness readiness,
    SnapshotStore snapshots,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    ILogger<Drain> logger
) : IHostedLifecycleService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStopping.Register(readiness.Drain);
        return Task.CompletedTask;
    }

    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        readiness.Drain();
        ServeLog.Draining(logger, snapshots.Current.Broker.DrainDelay.TotalSeconds);
        try
        {
            await Task.Delay(snapshots.Current.Broker.DrainDelay, time, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // Told to hurry: stop now.
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
