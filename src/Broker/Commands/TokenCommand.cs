using System.CommandLine;
using Broker.Issuing;
using Microsoft.Extensions.Logging.Abstractions;
using Policies;

namespace Broker.Commands;

/// <summary><c>broker token new</c>: a token of the broker's own for a caller of the config.</summary>
internal static class TokenCommand
{
    public static Command Create(Streams streams)
    {
        var config = BrokerCommands.ConfigOption();
        var caller = new Option<string>("--caller") { Description = "The caller in the config.", Required = true };
        var lifetime = new Option<TimeSpan?>("--lifetime") { Description = "How long it lives, as hh:mm:ss; Issuing:AccessLifetime when missing." };
        var actions = List("--actions", "Fewer actions than the caller's.");
        var networks = List("--networks", "Fewer networks than the caller's.");
        var types = List("--device-types", "Fewer device types than the caller's.");
        var devices = List("--devices", "Fewer devices than the caller's.");
        var create = new Command("new", "Prints a token for a caller of the config; it may hold less than the caller, never more.") { config, caller, lifetime, actions, networks, types, devices };
        create.SetAction(async (parsed, _) =>
        {
            using var host = new BrokerHost(parsed.GetValue(config)!, streams.Environment, NullLoggerFactory.Instance, TimeProvider.System);
            if (await CommandConfig.Load(host, streams) is not { } snapshot)
            {
                return 1;
            }

            var selected = snapshot.Actions.Select(Given(parsed, actions) ?? [], out var unknown);
            if (unknown.Count > 0)
            {
                await streams.Error.WriteLineAsync($"error: no action of this config: {string.Join(", ", unknown)}.");
                return 1;
            }

            var wanted = new Permissions(
                Given(parsed, actions) is null ? Selection.Everything : selected, Wanted(parsed, networks), Wanted(parsed, types), Wanted(parsed, devices));
            try
            {
                await streams.Out.WriteLineAsync(new TokenIssuer(TimeProvider.System).Issue(snapshot, parsed.GetValue(caller)!, wanted, parsed.GetValue(lifetime)));
                return 0;
            }
            catch (Exception mistake) when (mistake is InvalidOperationException or ArgumentException)
            {
                await streams.Error.WriteLineAsync($"error: {mistake.Message}");
                return 1;
            }
        });
        return new Command("token", "Makes tokens of the broker's own.") { create };
    }

    private static Option<string[]?> List(string name, string description) =>
        new(name) { Description = description, AllowMultipleArgumentsPerToken = true, Arity = ArgumentArity.ZeroOrMore };

    private static Selection Wanted(ParseResult parsed, Option<string[]?> option) => Given(parsed, option) is { } names ? Selection.Of(names) : Selection.Everything;

    // Without the option nothing is narrowed; with it and no value, everything is taken away.
    private static string[]? Given(ParseResult parsed, Option<string[]?> option) => parsed.GetResult(option) is null ? null : parsed.GetValue(option) ?? [];
}
