using System.CommandLine;
using System.Net.Sockets;
using Broker.Configuration;
using Broker.Operations;

namespace Broker.Commands;

/// <summary><c>broker serve</c>, the default: the broker itself, until it is told to stop.</summary>
internal static class ServeCommand
{
    public static Command Create(Streams streams)
    {
        var config = BrokerCommands.ConfigOption();
        var command = new Command("serve", "Runs the broker (the default).") { config };
        command.SetAction((parsed, stop) => Run(parsed.GetValue(config)!, streams, stop));
        return command;
    }

    public static async Task<int> Run(string[] files, Streams streams, CancellationToken stop)
    {
        using var loggers = Logging.NewFactory();
        using var host = new BrokerHost(files, streams.Environment, loggers, TimeProvider.System);
        var loaded = host.Loader.TryReload();
        if (loaded.Snapshot is null)
        {
            foreach (var mistake in loaded.Mistakes.All)
            {
                await streams.Error.WriteLineAsync(mistake.ToString());
            }

            await streams.Error.WriteLineAsync("The broker does not start with this config.");
            return 1;
        }

        loggers.AddSerilog(loaded.Snapshot, streams.Out);
        await using var app = host.Build();
        app.Services.GetServices<IHostedService>().OfType<SnapshotPoller>().Single().Warn(loaded);
        return await RunUntilStopped(app, streams, stop);
    }

    /// <summary>Runs an application; a port in use is one clear line.</summary>
    public static async Task<int> RunUntilStopped(WebApplication app, Streams streams, CancellationToken stop)
    {
        try
        {
            await app.StartAsync(stop);
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            await streams.Error.WriteLineAsync($"error: the broker cannot listen: {(failure.InnerException ?? failure).Message} Choose another address in Kestrel:Endpoints or Broker:Management:Url.");
            return 1;
        }

        await app.WaitForShutdownAsync(stop);
        return 0;
    }
}
