using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Simulators;

namespace Broker.Commands;

/// <summary><c>broker simulate</c>: a stand-in for an upstream alone, for a user's own integration tests.</summary>
internal static class SimulateCommand
{
    public static Command Create(ConsoleStreams streams)
    {
        var kind = new Argument<string>("kind") { Description = "Which upstream." };
        kind.AcceptOnlyFromAmong([.. SimulatorKinds.Names]);
        var host = new Option<string>("--host")
        {
            Description = "The address to listen on: in a container 0.0.0.0, or nobody reaches it.",
            DefaultValueFactory = _ => "127.0.0.1",
        };
        host.Validators.Add(result =>
        {
            if (!IPAddress.TryParse(result.GetValueOrDefault<string>(), out _))
            {
                result.AddError("--host: not an address, such as 127.0.0.1 or 0.0.0.0.");
            }
        });
        var port = new Option<int>("--port") { Description = "Port there; 0 is any free one.", DefaultValueFactory = _ => 0 };
        var lifetime = DurationOption.Create("--token-lifetime", "Life of its tokens, as hh:mm:ss; the vendor's own when missing.");
        var command = new Command("simulate", "Runs a strict stand-in for an upstream on loopback, unless --host says otherwise.")
        {
            kind,
            host,
            port,
            lifetime,
        };
        command.SetAction(
            (parsed, stop) =>
                Run(
                    parsed.GetValue(kind)!,
                    new()
                    {
                        Host = IPAddress.Parse(parsed.GetValue(host)!),
                        Port = parsed.GetValue(port),
                        TokenLifetime = parsed.GetValue(lifetime),
                    },
                    streams,
                    stop
                )
        );
        return command;
    }

    private static async Task<int> Run(string kind, SimulatorOptions options, ConsoleStreams streams, CancellationToken stop)
    {
        try
        {
            await using var simulator = await SimulatorKinds.StartAsync(kind, options);
            await streams.Out.WriteLineAsync(
                $"{kind} listens on {simulator.Address}; what it received: {simulator.Address}_simulator/received. Ctrl-C ends it."
            );
            await SimulatorFormatter.Write(kind, simulator.Address, streams.Out);
            await Stopped(stop);
            return 0;
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            await streams.Error.WriteLineAsync(
                $"error: {kind} cannot listen on port {options.Port}: {(failure.InnerException ?? failure).Message}"
            );
            return 1;
        }
    }

    /// <summary>Waits until the command is told to stop, by Ctrl-C and SIGTERM too: simulators leave signals alone.</summary>
    private static async Task Stopped(CancellationToken stop)
    {
        using var told = CancellationTokenSource.CreateLinkedTokenSource(stop);
        void Tell(PosixSignalContext signal)
        {
            signal.Cancel = true;
            told.Cancel();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Tell);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Tell);
        try
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, told.Token);
        }
        catch (OperationCanceledException)
        {
            // That is what was waited for.
        }
    }
}
