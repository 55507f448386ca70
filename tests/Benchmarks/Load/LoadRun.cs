using System.Globalization;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Benchmarks.Load;

/// <summary>Starts server and proxies, lets them take turns, and prints what a request costs each of them.</summary>
internal static class LoadRun
{
    private const int UpstreamTokenBytes = 450; // 600 characters

    public static async Task<int> Run(string[] args)
    {
        LoadOptions options;
        try
        {
            options = LoadOptions.Parse(args);
        }
        catch (ArgumentException mistake)
        {
            await Console.Error.WriteLineAsync($"error: {mistake.Message}\n{LoadOptions.Usage}");
            return 2;
        }

        var candidates = new List<Candidate>();
        try
        {
            using var config = new BrokerConfig(options.Algorithm);
            var upstreamToken = Convert
                .ToBase64String(RandomNumberGenerator.GetBytes(UpstreamTokenBytes))
                .Replace('+', '-')
                .Replace('/', '_');
            await using var server = await ProxyProcess.Start([AnswerServer.Verb, upstreamToken], []);
            var bearer = await Start(candidates, options, config, server.Address);
            Console.WriteLine(
                $"{Environment.ProcessorCount} cores, .NET {Environment.Version}, {options.Connections} connections, "
                    + $"{options.Rounds} x {options.Seconds} s after "
                    + $"{options.WarmUp} s of warm-up; caller's token {options.Algorithm}, {bearer.Length} characters; upstream's "
                    + $"token {upstreamToken.Length}"
            );
            await Measure(candidates, options, bearer);
            Report(candidates);
            return 0;
        }
        catch (Exception failure) when (failure is InvalidOperationException or SocketException or TimeoutException)
        {
            await Console.Error.WriteLineAsync($"error: {failure.Message}");
            return 1;
        }
        finally
        {
            foreach (var candidate in candidates)
            {
                await candidate.DisposeAsync();
            }
        }
    }

    /// <summary>The caller's token; the bare proxy is the first of the candidates.</summary>
    private static async Task<string> Start(List<Candidate> candidates, LoadOptions options, BrokerConfig config, Uri server)
    {
        candidates.Add(
            new(
                "bare YARP",
                await ProxyProcess.Start(
                    [BareProxy.Verb, BrokerConfig.Plain(server) + AnswerServer.Open + "/"],
                    options.VariablesOf("bare")
                ),
                logs: false
            )
        );
        var bearer = "";
        var builds = options
            .Against.Select((file, i) => (Name: $"broker {i + 2}", File: Path.GetFullPath(file)))
            .Prepend((Name: "broker", File: Path.Combine(AppContext.BaseDirectory, "broker.dll")));
        foreach (var (name, file) in builds)
        {
            foreach (var logs in options.Logs)
            {
                var listen = new Uri($"http://127.0.0.1:{ProxyProcess.FreePort()}");
                var configFile = config.File($"{name}-{logs}.json", server, listen, logs);
                bearer = bearer.Length == 0 ? BrokerConfig.Token(configFile) : bearer;
                var process = await ProxyProcess.Start(file, ["serve", "--config", configFile], listen, options.VariablesOf("broker"));
                candidates.Add(new($"{name}, log {(logs ? "on" : "off")}", process, logs));
            }
        }

        if (options.Revocations > 0)
        {
            await AddRevoking(candidates, options, config, server);
        }

        return bearer;
    }

    private static async Task AddRevoking(List<Candidate> candidates, LoadOptions options, BrokerConfig config, Uri server)
    {
        var listen = new Uri($"http://127.0.0.1:{ProxyProcess.FreePort()}");
        var file = config.File("revoking.json", server, listen, logs: false, config.TokenService(options.Redis));
        var process = await ProxyProcess.Start(
            Path.Combine(AppContext.BaseDirectory, "broker.dll"),
            ["serve", "--config", file],
            listen,
            options.VariablesOf("broker")
        );
        candidates.Add(
            new(
                $"broker, log off, {options.Revocations} revocations{(options.Redis is null ? "" : " through Redis")}",
                process,
                logs: false
            )
        );
        await Revocations.Make(process.Address, options.Revocations);
    }

    private static async Task Measure(List<Candidate> candidates, LoadOptions options, string bearer)
    {
        foreach (var candidate in candidates)
        {
            Console.WriteLine(candidate.Tell);
            candidate.WarmUp(options, bearer);
        }

        for (var round = 1; round <= options.Rounds; round++)
        {
            // Each round begins with another one: what follows a turn of the broker must not always be the same.
            for (var i = 0; i < candidates.Count; i++)
            {
                candidates[(i + round) % candidates.Count].Measure(options, bearer);
            }

            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture, $"round {round}: ")
                    + string.Join(
                        "; ",
                        candidates.Select(candidate =>
                            string.Create(CultureInfo.InvariantCulture, $"{candidate.Name} {candidate.Turns[^1].Microseconds:F1} us")
                        )
                    )
            );
        }

        foreach (var candidate in candidates)
        {
            await candidate.CheckLog();
        }
    }

    private static void Report(List<Candidate> candidates)
    {
        Console.WriteLine();
        Console.WriteLine(
            "| proxy | CPU us a request: median (min-max) | requests a second | p50 / p99 ms | CPU against bare YARP: of medians, "
                + "median of pairs (min-max) |"
        );
        Console.WriteLine("|---|---|---|---|---|");
        var bare = candidates[0];
        foreach (var candidate in candidates)
        {
            var cost = candidate.Turns.Select(turn => turn.Microseconds).Order().ToList();
            var pairs = candidate.Turns.Zip(bare.Turns, (own, other) => own.Microseconds / other.Microseconds).Order().ToList();
            var ofMedians = Median(cost) / Median([.. bare.Turns.Select(turn => turn.Microseconds).Order()]);
            var perSecond = Median([.. candidate.Turns.Select(turn => turn.PerSecond).Order()]);
            Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {candidate.Name} | {Median(cost):F1} ({cost[0]:F1}-{cost[^1]:F1}) | {perSecond:F0} | {candidate.P50:F1} / "
                        + $"{candidate.P99:F1} | {ofMedians:F3}, {Median(pairs):F3} ({pairs[0]:F3}-{pairs[^1]:F3}) |"
                )
            );
        }
    }

    private static double Median(List<double> sorted) =>
        sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;
}
