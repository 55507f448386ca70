using System.CommandLine;
using Broker.Configuration;

namespace Broker.Commands;

/// <summary><c>broker schema</c>: the config's JSON Schema or its reference, made from the very records that it is read into.</summary>
internal static class SchemaCommand
{
    public static Command Create(ConsoleStreams streams)
    {
        var format = new Option<string>("--format")
        {
            Description =
                "json: the JSON Schema (config/broker.schema.json). " + "markdown: the reference of every key (docs/configuration.md).",
            DefaultValueFactory = _ => "json",
        };
        format.AcceptOnlyFromAmong("json", "markdown");
        var command = new Command("schema", "Prints the JSON Schema of a config file, or the reference of its keys.") { format };
        command.SetAction(
            async (parsed, _) =>
            {
                await streams.Out.WriteAsync(parsed.GetValue(format) == "markdown" ? ReferenceWriter.Write() : SchemaWriter.Write());
                return 0;
            }
        );
        return command;
    }
}
