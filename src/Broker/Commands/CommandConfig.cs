using Broker.Configuration;

namespace Broker.Commands;

/// <summary>Loads a config for a command, or tells its mistakes.</summary>
internal static class CommandConfig
{
    public static async Task<Snapshot?> Load(BrokerHost host, ConsoleStreams streams)
    {
        var loaded = host.Loader.TryReload();
        if (loaded.Snapshot is null)
        {
            foreach (var mistake in loaded.ConfigErrors.All)
            {
                await streams.Error.WriteLineAsync(mistake.ToString());
            }
        }

        return loaded.Snapshot;
    }
}
