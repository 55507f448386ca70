using Broker.Configuration;

namespace Broker.Commands;

/// <summary>Loads a config for a command, or tells its mistakes.</summary>
internal static class CommandConfig
{
    public static async Task<Snapshot?> Load(BrokerHost host, Streams streams)
    {
        var loaded = host.Loader.TryReload();
        if (loaded.Snapshot is null)
        {
            foreach (var mistake in loaded.Mistakes.All)
            {
                await streams.Error.WriteLineAsync(mistake.ToString());
            }
        }

        return loaded.Snapshot;
    }
}
