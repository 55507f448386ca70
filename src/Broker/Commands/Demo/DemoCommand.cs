using System.CommandLine;

namespace Broker.Commands;

/// <summary><c>broker demo</c>: the real broker before stand-ins for every upstream, and a tour of what it grants and refuses.</summary>
internal static class DemoCommand
{
    private const int LargestPort = 65535;
    private static readonly TimeSpan WatchedLife = TimeSpan.FromMinutes(2);

    // Short enough to be walked to their ends, long enough for a slow machine.
    private static readonly TimeSpan WalkedLife = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan WalkedUpstreamLife = TimeSpan.FromSeconds(5);

    public static Command Create(ConsoleStreams streams)
    {
        var port = Port("--port", "The broker's port on loopback; 0 is any free one. Without it 8080, or any with --once.", LargestPort);
        var management = Port(
            "--management-port",
            "The port of its health; 0 is any free one. Without it 8081, or any with --once.",
            LargestPort
        );
        var simulators = Port(
            "--simulator-port",
            "The first of four ports for the simulators; 0, or without it, any free ones.",
            LargestPort - 3
        );
        var once = new Option<bool>("--once")
        {
            Description = "Walks the tour by itself and ends; exit code 1 when a step came out otherwise than expected.",
        };
        var log = new Option<bool>("--log") { Description = "Shows the broker's log, on standard error." };
        var command = new Command("demo", "Starts stand-ins for every upstream and the broker before them, and prints requests to try.")
        {
            port,
            management,
            simulators,
            once,
            log,
        };
        command.SetAction(
            (parsed, stop) =>
            {
                var walks = parsed.GetValue(once);
                var ports = new DemoPorts(
                    parsed.GetValue(port) ?? (walks ? 0 : 8080),
                    parsed.GetValue(management) ?? (walks ? 0 : 8081),
                    parsed.GetValue(simulators) ?? 0
                );

                // The walk brings failures about; their warnings are no news.
                var level =
                    parsed.GetValue(log) ? "Information"
                    : walks ? "Error"
                    : "Warning";
                return walks ? Walk(ports, level, streams, stop) : Show(ports, level, streams, stop);
            }
        );
        return command;
    }

    private static async Task<int> Show(DemoPorts ports, string logLevel, ConsoleStreams streams, CancellationToken stop)
    {
        await using var stand = new DemoEnvironment(ports, WatchedLife, null, logLevel, streams);
        if (!await Started(stand, streams, stop))
        {
            return 1;
        }

        await DemoFormatter.Write(stand, WatchedLife, streams.Out);
        await stand.Stopped(stop);
        return 0;
    }

    private static async Task<int> Walk(DemoPorts ports, string logLevel, ConsoleStreams streams, CancellationToken stop)
    {
        await using var stand = new DemoEnvironment(ports, WalkedLife, WalkedUpstreamLife, logLevel, streams);
        if (!await Started(stand, streams, stop))
        {
            return 1;
        }

        using var walk = new DemoWalk(stand, streams.Out);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop, stand.Stopping);
        try
        {
            return await walk.Walk(DemoTour.Steps, ended.Token) == 0 ? 0 : 1;
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            await streams.Error.WriteLineAsync("error: stopped before the end of the tour.");
            return 1;
        }
    }

    private static async Task<bool> Started(DemoEnvironment stand, ConsoleStreams streams, CancellationToken stop)
    {
        var problem = await stand.Start(stop);
        if (problem is not null)
        {
            await streams.Error.WriteLineAsync($"error: {problem}");
        }

        return problem is null;
    }

    private static Option<int?> Port(string name, string description, int largest)
    {
        var option = new Option<int?>(name) { Description = description };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() is { } port && (port < 0 || port > largest))
            {
                result.AddError($"{name} is a number from 0 to {largest}.");
            }
        });
        return option;
    }
}
