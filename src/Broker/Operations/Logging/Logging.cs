using Broker.Configuration;
using Serilog;
using Serilog.Events;
using Serilog.Extensions.Logging;

namespace Broker.Operations;

/// <summary>Serilog as the config has it; JSON lines on the console where it says nothing.</summary>
internal static class Logging
{
    // These write whole addresses, or the very line that could not be read: a query or a header may hold a secret. No config turns them on.
    private static readonly string[] Talkative =
    [
        "Microsoft.AspNetCore.Server.Kestrel",
        "Microsoft.AspNetCore.HttpLogging",
        "Yarp.ReverseProxy.Forwarder",
    ];

    /// <summary>
    /// The loggers of a process, silent until Serilog is added: the config that decides about it is read by parts that log.
    /// </summary>
    /// <remarks>Hosting's own request log stays off: it would make a span and a scope for each request, only to have the edge's line beside
    /// them.</remarks>
    public static ILoggerFactory NewFactory() =>
        LoggerFactory.Create(logging =>
            logging.SetMinimumLevel(LogLevel.Trace).AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None)
        );

    /// <summary>Adds Serilog as the snapshot has it.</summary>
    public static void AddSerilog(this ILoggerFactory loggers, Snapshot snapshot, TextWriter output)
    {
        // At Information these write several lines a request, and any stranger could fill the disk. The section may still turn one on by
        // name.
        var configuration = new LoggerConfiguration()
            .MinimumLevel.Information()
            .MinimumLevel.Override("Microsoft", LogEventLevel.Warning)
            .MinimumLevel.Override("System", LogEventLevel.Warning)
            .MinimumLevel.Override("Yarp", LogEventLevel.Warning);
        if (snapshot.Serilog.Count > 0)
        {
            var section = JsonObjectConfiguration.Flatten(snapshot.Serilog, "Serilog");
            configuration.ReadFrom.Configuration(new ConfigurationBuilder().AddInMemoryCollection(section).Build());
        }

        foreach (var source in Talkative)
        {
            configuration.MinimumLevel.Override(source, LogEventLevel.Warning);
        }

        if (!snapshot.Serilog.ContainsKey("WriteTo"))
        {
            configuration.WriteTo.Sink(new LogLines(output, TimeProvider.System));
        }

        // Behind the config's own enrichers and before every sink.
        configuration.Enrich.With(new Printable());
        loggers.AddProvider(new SampledLines(new SerilogLoggerProvider(configuration.CreateLogger(), dispose: true), TimeProvider.System));
    }
}
