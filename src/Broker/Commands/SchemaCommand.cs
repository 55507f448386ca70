using System.CommandLine;
using Broker.Configuration;

namespace Broker.Commands;

/// <summary><c>broker schema</c>: the config's JSON Schema, made from the very records that it is read into.</summary>
internal static class SchemaCommand
{
    public static Command Create(ConsoleStreams streams)
    {
        var command = new Command("schema", "Prints the JSON Schema of a config file (config/broker.schema.json).");
        command.SetAction(
            async (_, _) =>
            {
                await streams.Out.WriteAsync(SchemaWriter.Write());
                return 0;
            }
        );
        return command;
    }
}
