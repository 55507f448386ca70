using System.Text.Json.Nodes;
using Broker.Configuration;
using Microsoft.Extensions.Logging.Abstractions;

namespace Broker.FunctionalTests;

/// <summary>What is said of a config, by the parts that serve it and without a listener.</summary>
internal static class Judgement
{
    /// <summary>Every line, errors and warnings.</summary>
    public static string[] Of(JsonObject config, params (string, string)[] environment) => Of(config.ToJsonString(), environment);

    public static string[] Of(string config, params (string, string)[] environment)
    {
        var folder = Directory.CreateTempSubdirectory("broker-judged-").FullName;
        try
        {
            var file = Path.Combine(folder, "broker.json");
            File.WriteAllText(file, config);
            var variables = (environment.Length > 0 ? environment : TestConfig.Environment).ToDictionary(
                pair => pair.Item1,
                pair => pair.Item2
            );
            using var host = new BrokerHost([file], variables.GetValueOrDefault, NullLoggerFactory.Instance, TimeProvider.System);
            return [.. host.Loader.Load().ConfigErrors.All.Select(mistake => mistake.ToString())];
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    public static IEnumerable<string> Errors(this IEnumerable<string> lines) =>
        lines.Where(line => line.StartsWith("error", StringComparison.Ordinal));

    public static IEnumerable<string> Warnings(this IEnumerable<string> lines) =>
        lines.Where(line => line.StartsWith("warning", StringComparison.Ordinal));
}
