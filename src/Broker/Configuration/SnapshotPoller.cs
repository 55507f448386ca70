using System.Text.Json.Nodes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Broker.Configuration;

/// <summary>Looks at the config files and secrets every <c>PollInterval</c>, and reloads when what they hold has changed.</summary>
/// <remarks>Polled and not watched: Kubernetes swaps a symlink above the files, which a watcher on them does not see.</remarks>
internal sealed class SnapshotPoller(SnapshotLoader loader, SnapshotStore store, TimeProvider time, ILogger<SnapshotPoller> logger)
    : BackgroundService
{
    private readonly Snapshot? started = store.IsLoaded ? store.Current : null;
    private IReadOnlyList<ConfigError> told = [];

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
            ConfigurationLog.Loaded(logger, snapshot.Version, result.ConfigErrors.All.Count);
            Warn(result);
            foreach (var section in LaterThanNow(snapshot))
            {
                ConfigurationLog.NextStart(logger, section);
            }
        }
        else if (!told.SequenceEqual(result.ConfigErrors.All))
        {
            told = result.ConfigErrors.All;
            var errors = told.Where(mistake => mistake.Severity == Severity.Error).ToList();
            ConfigurationLog.Refused(logger, store.IsLoaded ? store.Current.Version : 0, errors.Count, errors[0].Path, errors[0].Message);
        }

        return result;
    }

    /// <summary>Logs what a config that loads should be told of.</summary>
    public void Warn(LoadResult result)
    {
        foreach (var warning in result.ConfigErrors.All)
        {
            ConfigurationLog.Warned(logger, warning.Path, warning.Message);
        }
    }

    /// <summary>The sections that are read once, at start, and say something else now.</summary>
    private IEnumerable<string> LaterThanNow(Snapshot now) =>
        started is null
            ? []
            : new[]
            {
                (Name: "Kestrel", IsSame: JsonNode.DeepEquals(started.Kestrel, now.Kestrel)),
                (Name: "Serilog", IsSame: JsonNode.DeepEquals(started.Serilog, now.Serilog)),
                (Name: "Broker:Telemetry", IsSame: started.Broker.Telemetry == now.Broker.Telemetry),
                (Name: "Broker:Redis", IsSame: RedisOptions.IsStartedAs(started.Broker.Redis, now.Broker.Redis)),
                (Name: "Broker:Management", IsSame: started.Broker.Management == now.Broker.Management),
            }
                .Where(section => !section.IsSame)
                .Select(section => section.Name);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await PollOn(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Told to stop: thrown on, it would be logged as a fault where the host did not get as far as to start.
        }
    }

    private async Task PollOn(CancellationToken stoppingToken)
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
