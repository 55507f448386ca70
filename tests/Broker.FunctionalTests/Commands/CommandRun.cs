using Broker.Commands;

namespace Broker.FunctionalTests.Commands;

/// <summary>One command run in this process, and what it wrote.</summary>
internal sealed record CommandRun(int Exit, string Out, string Error)
{
    /// <summary>Everything that was written.</summary>
    public string Everything => Out + Error;

    public IReadOnlyList<string> ErrorLines => Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public static Task<CommandRun> Of(params string[] args) => With([], "", args);

    public static async Task<CommandRun> With((string Name, string Value)[] environment, string input, params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var streams = new ConsoleStreams(new StringReader(input), output, error, name =>
            environment.FirstOrDefault(pair => pair.Name == name).Value
        );
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var exit = await BrokerCommands.Run(args, streams, patience.Token);
        return new(exit, output.ToString(), error.ToString());
    }
}
