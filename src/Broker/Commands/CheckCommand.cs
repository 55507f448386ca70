using System.CommandLine;
using System.Text.Json;
using Broker.Configuration;
using Microsoft.Extensions.Logging.Abstractions;

namespace Broker.Commands;

/// <summary><c>broker check</c>: every mistake of a config at once, with the key's path and the cure.</summary>
internal static class CheckCommand
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static Command Create(ConsoleStreams streams)
    {
        var config = BrokerCommands.ConfigOption();
        var secrets = new Option<bool>("--secrets") { Description = "A missing secret is an error, not a warning." };
        var json = new Option<bool>("--json") { Description = "For CI: one JSON document." };
        var command = new Command("check", "Tells every mistake of a config. Exit code 1 when it does not load.") { config, secrets, json };
        command.SetAction((parsed, _) => Run(parsed.GetValue(config)!, parsed.GetValue(secrets), parsed.GetValue(json), streams));
        return command;
    }

    private static async Task<int> Run(string[] files, bool needsSecrets, bool asJson, ConsoleStreams streams)
    {
        using var host = new BrokerHost(
            files,
            streams.Environment,
            NullLoggerFactory.Instance,
            TimeProvider.System,
            needsSecrets ? Severity.Error : Severity.Warning
        );
        var result = host.Loader.Load();
        if (asJson)
        {
            var mistakes = result.ConfigErrors.All.Select(mistake => new
            {
                severity = mistake.Severity.ToString().ToLowerInvariant(),
                path = mistake.Path,
                message = mistake.Message,
            });
            await streams.Out.WriteLineAsync(JsonSerializer.Serialize(new { loads = result.Snapshot is not null, mistakes }, Json));
        }
        else
        {
            foreach (var mistake in result.ConfigErrors.All)
            {
                await streams.Out.WriteLineAsync(mistake.ToString());
            }

            await streams.Out.WriteLineAsync(result.Snapshot is null ? "The config does not load." : "The config loads.");
        }

        return result.Snapshot is null ? 1 : 0;
    }
}
