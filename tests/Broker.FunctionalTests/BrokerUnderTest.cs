using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using Broker.Operations;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Broker.FunctionalTests;

/// <summary>
/// A real broker on real sockets in this process, on a config of its own in a folder of its own; every port is a free one.
/// </summary>
internal sealed class BrokerUnderTest : IAsyncDisposable
{
    private readonly ILoggerFactory loggers;
    private readonly BrokerHost host;
    private readonly WebApplication app;
    private readonly StringWriter log;
    private readonly ConcurrentDictionary<string, string> environment;

    private BrokerUnderTest(
        ILoggerFactory loggers,
        BrokerHost host,
        WebApplication app,
        StringWriter log,
        ConcurrentDictionary<string, string> environment,
        string file
    )
    {
        (this.loggers, this.host, this.app, this.log, this.environment, ConfigFile) = (loggers, host, app, log, environment, file);
        Address = AddressOf(app.Services);
        Management = app.Services.GetServices<IHostedService>().OfType<ManagementServer>().Single().Address;
        Client = new(
            new SocketsHttpHandler
            {
                UseProxy = false,
                UseCookies = false,
                AllowAutoRedirect = false,
            }
        )
        {
            BaseAddress = Address,
            Timeout = TimeSpan.FromSeconds(30),
        };
    }

    public Uri Address { get; }

    /// <summary>Where it listens, of several.</summary>
    public IEnumerable<Uri> Addresses => app.Urls.Select(url => new Uri(url));

    /// <summary>Whether its first listener speaks HTTP/2 alone.</summary>
    public bool IsHttp2 =>
        host.Snapshots.Current.Kestrel["Endpoints"]?.AsObject().FirstOrDefault().Value?["Protocols"]?.ToString() == "Http2";

    public Uri Management { get; }

    /// <summary>Follows no redirect and keeps no cookie.</summary>
    public HttpClient Client { get; }

    public string ConfigFile { get; }

    /// <summary>What the broker logged, as JSON lines.</summary>
    public string Log
    {
        get
        {
            lock (log)
            {
                return log.ToString();
            }
        }
    }

    public SnapshotStore Snapshots => host.Snapshots;

    public IRevocations Revocations => host.Revocations;

    public IServiceProvider Services => app.Services;

    /// <summary>Starts a broker on this config. Listeners that it does not name are free ports on loopback.</summary>
    /// <exception cref="InvalidOperationException">The config does not load; the message holds every mistake.</exception>
    public static async Task<BrokerUnderTest> Start(string config, params (string Name, string Value)[] environment)
    {
        var folder = Directory.CreateTempSubdirectory("broker-test-").FullName;
        var file = Path.Combine(folder, "broker.json");
        await File.WriteAllTextAsync(file, WithListeners(config));
        var variables = new ConcurrentDictionary<string, string>(environment.ToDictionary(pair => pair.Name, pair => pair.Value));
        var loggers = Logging.NewFactory();
        var host = new BrokerHost([file], name => variables.GetValueOrDefault(name), loggers, TimeProvider.System);
        var loaded = host.Loader.TryReload();
        if (loaded.Snapshot is null)
        {
            host.Dispose();
            throw new InvalidOperationException(string.Join('\n', loaded.ConfigErrors.All));
        }

        var log = new StringWriter();
        loggers.AddSerilog(loaded.Snapshot, log);
        var app = host.Build();
        await app.StartAsync();
        return new(loggers, host, app, log, variables, file);
    }

    /// <summary>Writes another config and has it loaded now, as the next poll would.</summary>
    public async Task<LoadResult> Reload(string config)
    {
        await File.WriteAllTextAsync(ConfigFile, WithListeners(config));
        return Poll();
    }

    /// <summary>Looks at the files and variables now; what was loaded is in force for the next request.</summary>
    public LoadResult Poll() => host.Loader.TryReload();

    public void SetEnvironment(string name, string value) => environment[name] = value;

    /// <summary>SIGTERM's way out.</summary>
    public Task Stop() => app.StopAsync();

    /// <summary>Waits until the log holds this text; log lines come a moment after the answer.</summary>
    public async Task<string> LogHolding(string text, Func<Task>? ask = null)
    {
        await Eventually.Holds(
            async () =>
            {
                await (ask?.Invoke() ?? Task.CompletedTask);
                return Log.Contains(text, StringComparison.Ordinal);
            },
            $"the log holds '{text}'"
        );
        return Log;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.DisposeAsync();
        host.Dispose();
        loggers.Dispose();
        Directory.Delete(Path.GetDirectoryName(ConfigFile)!, recursive: true);
    }

    private static string WithListeners(string config)
    {
        JsonObject root;
        try
        {
            root = JsonNode
                .Parse(
                    config,
                    documentOptions: new() { CommentHandling = System.Text.Json.JsonCommentHandling.Skip, AllowTrailingCommas = true }
                )!
                .AsObject();
        }
        catch (System.Text.Json.JsonException)
        {
            return config; // a test about broken JSON
        }

        root.TryAdd("Kestrel", JsonNode.Parse("""{ "Endpoints": { "public": { "Url": "http://127.0.0.1:0" } } }"""));
        root.TryAdd("Broker", new JsonObject());
        if (root["Broker"] is JsonObject broker)
        {
            broker.TryAdd("Management", JsonNode.Parse("""{ "Url": "http://127.0.0.1:0" }"""));
            broker.TryAdd("DrainDelay", "00:00:00");
            broker.TryAdd("ShutdownTimeout", "00:00:02");
        }

        return root.ToJsonString();
    }

    private static Uri AddressOf(IServiceProvider services)
    {
        var addresses = services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        return new(addresses.First());
    }
}
