using System.CommandLine;

namespace Broker.Commands;

/// <summary><c>broker demo</c>.</summary>
internal static class DemoCommand
{
    public static Command Create(Streams streams) => new("demo", "x");
}
