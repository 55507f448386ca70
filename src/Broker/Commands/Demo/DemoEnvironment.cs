using System.Net.Sockets;
using System.Security.Cryptography;
using Broker.Configuration;
using Broker.Operations;
using Broker.TokenService;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Policies;
using Simulators;

namespace Broker.Commands;

/// <summary>
/// Everything that the demo runs: four simulators, the real broker before them on config/demo.json, and keys that live as long as it does.
/// </summary>
internal sealed class DemoEnvironment(
    DemoPorts ports,
    TimeSpan tokenLife,
    TimeSpan? chargersTokenLife,
    string logLevel,
    ConsoleStreams streams
) : IAsyncDisposable
{
    private readonly List<(string Kind, Simulator Simulator)> simulators = [];
    private readonly string signingKey = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
    private readonly ILoggerFactory loggers = Logging.NewFactory();
    private BrokerHost? host;
    private WebApplication? app;

    /// <summary>The callers' API keys: new ones each time, so that none stands in the repository.</summary>
    public IReadOnlyDictionary<string, ApiKey> Keys { get; } =
        new[] { DemoTour.Dashboard, DemoTour.Operations, DemoTour.Driver }.ToDictionary(caller => caller, _ => ApiKey.New());

    /// <summary>Where the broker listens.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1:0");

    /// <summary>A short-lived bearer token of ours for the dashboard, which holds one of its vehicles.</summary>
    public string Token { get; private set; } = "";

    /// <summary>When <see cref="Token"/> is over.</summary>
    public DateTimeOffset TokenEnd { get; private set; }

    public bool TokenIsOver => TimeProvider.System.GetUtcNow() >= TokenEnd;

    /// <summary>Cancelled when the broker is told to stop, by Ctrl-C too.</summary>
    public CancellationToken Stopping => app!.Lifetime.ApplicationStopping;

    public IEnumerable<(string Kind, Simulator Simulator)> Simulators => simulators;

    public Simulator this[string kind] => simulators.Single(entry => entry.Kind == kind).Simulator;

    /// <summary>Starts it all; what stands in the way, in one line, or null.</summary>
    public async Task<string?> Start(CancellationToken stop)
    {
        foreach (var (index, kind) in SimulatorKinds.Names.Index())
        {
            var port = ports.SimulatorAt(index);
            try
            {
                var life = kind == DemoTour.Chargers ? chargersTokenLife : null;
                simulators.Add((kind, await SimulatorKinds.StartAsync(kind, new() { Port = port, TokenLifetime = life })));
            }
            catch (Exception failure) when (failure is IOException or SocketException)
            {
                return $"the simulator of {kind} cannot listen on port {port}: {Reason(failure)}. Choose four others with "
                    + "--simulator-port N, or 0 for any free ones.";
            }
        }

        host = new([Path.Combine(AppContext.BaseDirectory, "config", "demo.json")], Variable, loggers, TimeProvider.System);
        var loaded = host.Loader.TryReload();
        return loaded.Snapshot is null
            ? "config/demo.json does not load: "
                + string.Join("; ", loaded.ConfigErrors.All.Select(error => $"{error.Path}: {error.Message}"))
            : await StartBroker(loaded.Snapshot, stop);
    }

    /// <summary>A new token with its whole life before it.</summary>
    public Task IssueToken()
    {
        var narrower = new Permissions(Selection.Everything, Selection.Everything, Selection.Everything, Selection.Of(["42"]));
        TokenEnd = TimeProvider.System.GetUtcNow() + tokenLife;
        Token = new TokenIssuer(TimeProvider.System).Issue(host!.Snapshots.Current, DemoTour.Dashboard, narrower, tokenLife);
        return Task.CompletedTask;
    }

    /// <summary>The headers that a step sends, placeholders filled.</summary>
    public IEnumerable<(string Name, string Value)> HeadersOf(DemoStep step)
    {
        if (step.As is not null)
        {
            yield return ("X-Api-Key", Keys[step.As].Text);
        }

        foreach (var header in step.Headers)
        {
            var colon = header.IndexOf(':', StringComparison.Ordinal);
            yield return (header[..colon], header[(colon + 1)..].Trim().Replace("{token}", Token, StringComparison.Ordinal));
        }
    }

    public string UrlOf(DemoStep step) => Address.GetLeftPart(UriPartial.Authority) + step.Target;

    /// <summary>Runs until the broker is told to stop.</summary>
    public Task Stopped(CancellationToken stop) => app!.WaitForShutdownAsync(stop);

    /// <summary>A knob turned at once.</summary>
    public static Task Do(Action turn)
    {
        turn();
        return Task.CompletedTask;
    }

    /// <summary>Waits for what comes with time.</summary>
    public static async Task Until(Func<bool> condition, CancellationToken stop)
    {
        while (!condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, stop);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (app is not null)
        {
            await app.StopAsync();
            await app.DisposeAsync();
        }

        host?.Dispose();
        loggers.Dispose();
        foreach (var (_, simulator) in simulators)
        {
            await simulator.DisposeAsync();
        }
    }

    private async Task<string?> StartBroker(Snapshot snapshot, CancellationToken stop)
    {
        app = host!.Build();
        try
        {
            await app.StartAsync(stop);
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            // The host starts health before it starts the public listener; only the text tells which of the two it was.
            var isHealth = ports.Management != 0 && failure.Message.Contains($":{ports.Management}", StringComparison.Ordinal);
            return isHealth
                ? $"health cannot listen on port {ports.Management}: {Reason(failure)}. Choose another with --management-port N, or "
                    + "0 for any free one."
                : $"the broker cannot listen on port {ports.Broker}: {Reason(failure)}. Choose another with --port N, or 0 for any "
                    + "free one.";
        }

        // Only now: what the framework logs about a port in use would drown the one line that says it.
        loggers.AddSerilog(snapshot, streams.Error);
        Address = new(app.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First());
        await IssueToken();
        return null;
    }

    private static string Reason(Exception failure)
    {
        var socket =
            failure as SocketException
            ?? failure.InnerException as SocketException
            ?? failure.InnerException?.InnerException as SocketException;
        return socket?.SocketErrorCode == SocketError.AddressAlreadyInUse
            ? "it is in use"
            : (failure.InnerException ?? failure).Message.TrimEnd('.');
    }

    /// <summary>The demo's own names first, then the process's.</summary>
    private string? Variable(string name) =>
        name switch
        {
            "DEMO_URL" => $"http://127.0.0.1:{ports.Broker}",
            "DEMO_MANAGEMENT" => $"http://127.0.0.1:{ports.Management}",
            "DEMO_LOG_LEVEL" => logLevel,
            "DEMO_TELEMAX" => this[DemoTour.Telemax].Address.ToString(),
            "DEMO_DAMOOV" => this[DemoTour.Damoov].Address.ToString(),
            "DEMO_DEVICEHIVE" => this[DemoTour.DeviceHive].Address.ToString(),
            "DEMO_OAUTH2" => this[DemoTour.Chargers].Address.ToString(),
            "DEMO_TELEMAX_PASSWORD" => TelemaxSimulator.Password,
            "DEMO_DAMOOV_PASSWORD" => DamoovSimulator.AdminPassword,
            "DEMO_DAMOOV_INSTANCE_KEY" => DamoovSimulator.InstanceKey,
            "DEMO_DEVICEHIVE_PASSWORD" => DeviceHiveSimulator.OperatorPassword,
            "DEMO_OAUTH2_SECRET" => OAuth2Simulator.BasicClientSecret,
            "DEMO_SIGNING_KEY" => signingKey,
            "DEMO_DASHBOARD_DIGEST" => Keys[DemoTour.Dashboard].Sha256,
            "DEMO_OPERATIONS_DIGEST" => Keys[DemoTour.Operations].Sha256,
            "DEMO_DRIVER_DIGEST" => Keys[DemoTour.Driver].Sha256,
            _ => streams.Environment(name),
        };
}
