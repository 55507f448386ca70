using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Broker.Configuration;

/// <summary>Looks at the config files and secrets every <c>PollInterval</c>, and reloads when what they hold has changed.</summary>
/// <remarks>Polled and not watched: Kubernetes swaps a symlink above the files, which a watcher on them does not see.</remarks>
internal sealed class SnapshotPoller(SnapshotLoader loader, SnapshotStore store, TimeProvider time, ILogger<SnapshotPoller> logger) : BackgroundService
{
    private IReadOnlyList<Mistake> told = [];

    /// <summary>Looks once; null when nothing had changed.</summary>
    public LoadResult? Poll()
    {
        if (!loader.HaveSourcesChanged())
        {
            return null;
        }

        var result = loader.TryReload();
        if (result.Snapshot is { } snapshot)
        {
            told = [];
            ConfigurationLog.Loaded(logger, snapshot.Version, result.Mistakes.All.Count);
            Warn(result);
        }
        else if (!told.SequenceEqual(result.Mistakes.All))
        {
            told = result.Mistakes.All;
            var errors = told.Where(mistake => mistake.Severity == Severity.Error).ToList();
            ConfigurationLog.Refused(logger, store.IsLoaded ? store.Current.Version : 0, errors.Count, errors[0].Path, errors[0].Message);
        }

        return result;
    }

    /// <summary>Logs what a config that loads should be told of.</summary>
    public void Warn(LoadResult result)
    {
        foreach (var warning in result.Mistakes.All)
        {
            ConfigurationLog.Warned(logger, warning.Path, warning.Message);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval(), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                Poll();
            }
            catch (Exception exception)
            {
                // Whatever a subscriber did: the next poll is the way out of a bad config, so polling goes on.
                ConfigurationLog.PollFailed(logger, exception);
            }

            timer.Period = Interval();
        }
    }

    private TimeSpan Interval() => (store.IsLoaded ? store.Current.Broker : new BrokerOptions()).PollInterval;
}
