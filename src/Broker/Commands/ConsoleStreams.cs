namespace Broker.Commands;

/// <summary>Where a command writes, and what it knows of the machine: the process's own, or a test's.</summary>
internal sealed record ConsoleStreams(TextReader In, TextWriter Out, TextWriter Error, Func<string, string?> Environment)
{
#pragma warning disable RS0030 // The one place that touches the console; everything else is given its writer.
    public static ConsoleStreams Process { get; } = new(Console.In, Console.Out, Console.Error, System.Environment.GetEnvironmentVariable);
#pragma warning restore RS0030
}
