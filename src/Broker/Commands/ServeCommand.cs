using System.CommandLine;
using System.Net.Sockets;
using System.Security.Cryptography;
using Broker.Configuration;
using Broker.Operations;

namespace Broker.Commands;

/// <summary><c>broker serve</c>, the default: the broker itself, until it is told to stop.</summary>
internal static class ServeCommand
{
    public static Command Create(ConsoleStreams streams)
    {
        var config = BrokerCommands.ConfigOption();
        var command = new Command("serve", "Runs the broker (the default).") { config };
        command.SetAction((parsed, stop) => Run(parsed.GetValue(config)!, streams, stop));
        return command;
    }

    public static async Task<int> Run(string[] files, ConsoleStreams streams, CancellationToken stop)
    {
        using var loggers = Logging.NewFactory();
        using var host = new BrokerHost(files, streams.Environment, loggers, TimeProvider.System);
        var loaded = host.Loader.TryReload();
        if (loaded.Snapshot is null)
        {
            foreach (var mistake in loaded.ConfigErrors.All)
            {
                await streams.Error.WriteLineAsync(mistake.ToString());
            }

            await streams.Error.WriteLineAsync("The broker does not start with this config.");
            return 1;
        }

        await using var app = host.Build();
        if (await Problem(app, stop) is { } problem)
        {
            await streams.Error.WriteLineAsync($"error: the broker does not start: {problem}");
            return 1;
        }

        // Only now: what the framework logs about a port in use would drown the one line that says it.
        loggers.AddSerilog(loaded.Snapshot, streams.Out);
        var logger = loggers.CreateLogger(typeof(ServeLog));
        var services = app.Services.GetServices<IHostedService>().ToList();
        services.OfType<SnapshotPoller>().Single().Warn(loaded);
        ServeLog.Started(
            logger,
            string.Join(' ', app.Urls),
            $"{services.OfType<ManagementServer>().Single().Address}",
            loaded.Snapshot.Version,
            loaded.ConfigErrors.All.Count
        );
        await app.WaitForShutdownAsync(stop);
        ServeLog.Stopped(logger);
        return 0;
    }

    /// <summary>Starts an application; what stands in the way and the cure, in one line, or null.</summary>
    private static async Task<string?> Problem(WebApplication app, CancellationToken stop)
    {
        try
        {
            await app.StartAsync(stop);
            return null;
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            for (var cause = failure; cause is not null; cause = cause.InnerException)
            {
                if (cause is SocketException or CryptographicException)
                {
                    return cause is SocketException
                        ? $"{OneLine(failure)} Choose another address in Kestrel:Endpoints or Broker:Management:Url."
                        : $"a certificate cannot be read ({OneLine(cause)}) Look at the Certificate keys in Kestrel: Path and "
                            + "KeyPath are PEM files that belong together.";
                }
            }

            return $"{OneLine(failure)} ({failure.GetType().Name})";
        }
    }

    private static string OneLine(Exception failure) => failure.Message.ReplaceLineEndings(" ").TrimEnd('.', ' ') + ".";
}
