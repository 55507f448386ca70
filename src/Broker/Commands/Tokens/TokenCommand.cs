using System.CommandLine;
using Broker.Configuration;
using Broker.Credentials;
using Broker.TokenService;
using Microsoft.Extensions.Logging.Abstractions;
using Policies;

namespace Broker.Commands;

/// <summary><c>broker token new</c>: a token of the broker's own for a caller of the config.</summary>
internal static class TokenCommand
{
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    public static Command Create(ConsoleStreams streams)
    {
        var config = BrokerCommands.ConfigOption();
        var caller = new Option<string>("--caller") { Description = "The caller in the config.", Required = true };
        var lifetime = DurationOption.Create(
            "--lifetime",
            "How long it lives, as hh:mm:ss; Issuing:AccessLifetime when missing. At most a day, or AccessLifetime where that is longer."
        );
        var actions = List("--actions", "Fewer actions than the caller's: a,b or a b.");
        var networks = List("--networks", "Fewer networks than the caller's.");
        var types = List("--device-types", "Fewer device types than the caller's.");
        var devices = List("--devices", "Fewer devices than the caller's.");
        var create = new Command("new", "Prints a token for a caller of the config; it may hold less than the caller, never more.")
        {
            config,
            caller,
            lifetime,
            actions,
            networks,
            types,
            devices,
        };
        create.SetAction(
            async (parsed, _) =>
            {
                using var host = new BrokerHost(
                    parsed.GetValue(config)!,
                    streams.Environment,
                    NullLoggerFactory.Instance,
                    TimeProvider.System
                );
                if (await CommandConfig.Load(host, streams) is not { } snapshot)
                {
                    return 1;
                }

                try
                {
                    var held = snapshot.Part<CredentialTable>().CallerNamed(parsed.GetValue(caller)!)?.Permissions
                        ?? throw new InvalidOperationException("The config has no caller of that name.");
                    var wanted = new Permissions(
                        await Wanted(parsed, actions, held.Actions, snapshot.Actions, streams),
                        await Wanted(parsed, networks, held.Networks, null, streams),
                        await Wanted(parsed, types, held.DeviceTypes, null, streams),
                        await Wanted(parsed, devices, held.Devices, null, streams)
                    );
                    var life = Bounded(parsed.GetValue(lifetime), snapshot.Broker.Issuing?.AccessLifetime ?? Day);
                    await streams.Out.WriteLineAsync(
                        new TokenIssuer(TimeProvider.System).Issue(snapshot, parsed.GetValue(caller)!, wanted, life)
                    );
                    return 0;
                }
                catch (Exception mistake) when (mistake is InvalidOperationException or ArgumentException)
                {
                    await streams.Error.WriteLineAsync($"error: {mistake.Message}");
                    return 1;
                }
            }
        );
        return new Command("token", "Makes tokens of the broker's own.") { create };
    }

    private static Option<string[]?> List(string name, string description) =>
        new(name)
        {
            Description = description,
            AllowMultipleArgumentsPerToken = true,
            Arity = ArgumentArity.ZeroOrMore,
        };

    private static TimeSpan? Bounded(TimeSpan? lifetime, TimeSpan ofConfig)
    {
        var longest = ofConfig > Day ? ofConfig : Day;
        return lifetime > longest
            ? throw new ArgumentException($"--lifetime: at most {longest:c}; a token cannot be taken back one by one.")
            : lifetime;
    }

    /// <summary>One list: without the option nothing is narrowed; with it and no value, everything is taken away.</summary>
    /// <exception cref="InvalidOperationException">What was asked for is unknown, or none of it is held: such a token would be of no
    /// use.</exception>
    private static async Task<Selection> Wanted(
        ParseResult parsed,
        Option<string[]?> option,
        Selection held,
        ActionNames? actions,
        ConsoleStreams streams
    )
    {
        if (parsed.GetResult(option) is null)
        {
            return Selection.Everything;
        }

        string[] names =
        [
            .. (parsed.GetValue(option) ?? []).SelectMany(value =>
                value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            ),
        ];
        IReadOnlyList<string> unknown = [];
        var wanted = actions is null ? Selection.Of(names) : actions.Select(names, out unknown);
        if (unknown.Count > 0)
        {
            throw new InvalidOperationException($"no action of this config: {string.Join(", ", unknown)}.");
        }

        string[] beyond = [.. wanted.Names.Where(name => !held.Contains(name))];
        if (beyond.Length > 0)
        {
            await streams.Error.WriteLineAsync($"warning: {option.Name}: the caller does not hold {string.Join(", ", beyond)}: left out.");
        }

        return !wanted.IsNothing && wanted.Intersect(held).IsNothing
            ? throw new InvalidOperationException($"{option.Name}: the caller holds none of what is asked for.")
            : wanted;
    }
}
