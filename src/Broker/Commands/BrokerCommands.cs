using System.CommandLine;

namespace Broker.Commands;

/// <summary>What the broker's command line knows.</summary>
internal static class BrokerCommands
{
    public static Task<int> Run(string[] args, ConsoleStreams streams, CancellationToken cancellation)
    {
        var configuration = new InvocationConfiguration
        {
            Output = streams.Out,
            Error = streams.Error,
            ProcessTerminationTimeout = null,
        };
        return Create(streams).Parse(args).InvokeAsync(configuration, cancellation);
    }

    /// <summary>All commands and their options.</summary>
    public static RootCommand Create(ConsoleStreams streams)
    {
        var config = ConfigOption();
        const string What = "The token broker for telematics and IoT APIs: a caller's credential in, a decision, an upstream's token out.";
        var root = new RootCommand(What)
        {
            config,
            ServeCommand.Create(streams),
            DemoCommand.Create(streams),
            SimulateCommand.Create(streams),
            CheckCommand.Create(streams),
            ExplainCommand.Create(streams),
            KeyCommand.Create(streams),
            TokenCommand.Create(streams),
            UpstreamTokensCommand.Create(streams),
            SchemaCommand.Create(streams),
        };
        root.SetAction((parsed, stop) => ServeCommand.Run(parsed.GetValue(config) ?? [], streams, stop));
        return root;
    }

    /// <summary>The config files; the one that ships where none is named.</summary>
    public static Option<string[]> ConfigOption() =>
        new("--config", "-c")
        {
            Description = "A config file; may be given several times: a later one goes before an earlier.",
            DefaultValueFactory = _ => [Path.Combine(AppContext.BaseDirectory, "config", "broker.json")],
        };
}
