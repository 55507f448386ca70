using System.Globalization;
using System.Text;

namespace Broker.Commands;

/// <summary>The tour as curl lines that work as they stand.</summary>
internal static class DemoFormatter
{
    private const int WatchSeconds = 5;

    public static async Task Write(DemoEnvironment stand, TimeSpan tokenLife, TextWriter output)
    {
        await output.WriteLineAsync($"The broker listens on {stand.Address}; what each upstream received:");
        foreach (var (kind, simulator) in stand.Simulators)
        {
            await output.WriteLineAsync($"  {kind, -10} {simulator.Address}_simulator/received");
        }

        // First, since its time runs: whoever tries the others line by line comes too late for it at the end.
        var rounds = ((int)tokenLife.TotalSeconds / WatchSeconds) + 2;
        await output.WriteLineAsync(
            $"\n# 200, then 401 token-expired: a bearer token of ours that lives until {stand.TokenEnd:HH:mm:ss} UTC. Leave this in "
                + "another terminal and watch it expire"
        );
        await output.WriteLineAsync(
            $"for i in $(seq {rounds}); do {Line(stand, DemoTour.WatchedToken, "-o /dev/null -w '%{http_code} '")}; "
                + $"sleep {WatchSeconds}; done; {Line(stand, DemoTour.WatchedToken, "-i")}"
        );
        foreach (var step in DemoTour.Steps.Where(step => step.Given is null))
        {
            await output.WriteLineAsync(
                $"\n# {step.Status}{(step.Code is null ? "" : $" {step.Code}")}: {step.Title}\n{Line(stand, step, "-i")}"
            );
        }

        await output.WriteLineAsync("\nCtrl-C ends it. 'demo --once' walks all this by itself, and revocations and failures on top.");
    }

    private static string Line(DemoEnvironment stand, DemoStep step, string options)
    {
        var line = new StringBuilder($"curl -s {options}");
        line.Append(step.Method == "GET" ? "" : $" -X {step.Method}");
        line.Append(step.Target.Contains("..", StringComparison.Ordinal) ? " --path-as-is" : "");
        foreach (var (name, value) in stand.HeadersOf(step))
        {
            line.Append(CultureInfo.InvariantCulture, $" -H '{name}: {value}'");
        }

        line.Append(step.Body is null ? "" : $" -H 'Content-Type: application/json' -d '{step.Body}'");
        return line.Append(CultureInfo.InvariantCulture, $" '{stand.UrlOf(step)}'").ToString();
    }
}
