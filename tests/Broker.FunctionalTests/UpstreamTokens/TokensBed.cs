using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.Commands;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>A real Redis, a strict simulator, brokers that share its tokens, and the command beside them.</summary>
internal sealed class TokensBed : IAsyncDisposable
{
    public const string Password =
        """{ "Grant": "Password", "ClientId": "fleet-service", "ClientSecret": { "Env": "CLIENT_SECRET" }, "UserName": "driver@acme.example", "Password": { "Env": "USER_PASSWORD" } }""";

    private readonly List<BrokerUnderTest> brokers = [];

    private TokensBed(RedisServer redis, OAuth2Simulator simulator, JsonObject config) =>
        (Redis, Simulator, Config) = (redis, simulator, config);

    public RedisServer Redis { get; }

    public OAuth2Simulator Simulator { get; }

    public JsonObject Config { get; }

    public static async Task<TokensBed> Start(string account = Password, string more = TokenConfig.Quick)
    {
        var redis = await RedisServer.Start();
        var simulator = await OAuth2Simulator.StartAsync(new() { ReuseRevokes = true });
        var config = TokenConfig.For(simulator.Address, TokenConfig.OAuth2(simulator.Address, more, account));
        config["Broker"]!["Redis"] = JsonNode.Parse(
            $$"""
            { "Endpoints": [ "{{redis.Endpoint}}" ], "NamingKey": { "Env": "REDIS_NAMES" }, "Encryption": { "first": { "Env": "REDIS_KEY" } },
              "CallTimeout": "00:00:05", "Lease": "00:00:20", "Poll": "00:00:00.200", "RecoveryDelay": "00:00:00.200" }
            """
        );
        return new(redis, simulator, config);
    }

    public async Task<BrokerUnderTest> Broker()
    {
        var broker = await TokenConfig.Start(Config);
        brokers.Add(broker);
        return broker;
    }

    /// <summary>The token that this broker sends now.</summary>
    public async Task<string> TokenOf(BrokerUnderTest broker)
    {
        var id = $"{Guid.NewGuid():n}";
        await Eventually.Holds(
            async () =>
            {
                using var answer = await broker.Ask($"/api/things?id={id}");
                return answer.StatusCode == HttpStatusCode.OK; // on a loaded machine the first may come before Redis is reached
            },
            "a request gets through"
        );
        return Simulator
            .Received.Last(request => request.RawTarget.Contains(id, StringComparison.Ordinal))
            .Header("Authorization")!
            .Replace("Bearer ", "", StringComparison.Ordinal);
    }

    /// <summary>Runs 'broker tokens ...' on the bed's config, or another.</summary>
    public async Task<CommandRun> Run(string[] args, JsonObject? config = null, (string, string)[]? environment = null)
    {
        var folder = Directory.CreateTempSubdirectory("broker-tokens-");
        try
        {
            var file = Path.Combine(folder.FullName, "broker.json");
            await File.WriteAllTextAsync(file, (config ?? Config).ToJsonString());
            return await CommandRun.With(environment ?? TokenConfig.Secrets, "", ["upstream-tokens", .. args, "--config", file]);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    public async Task<JsonElement> Show(string account = "api")
    {
        var run = await Run(["show", account, "--json"]);
        run.Error.ShouldBeEmpty();
        run.Exit.ShouldBe(0);
        return JsonDocument.Parse(run.Out).RootElement;
    }

    public async Task<CommandRun> Done(params string[] args)
    {
        var run = await Run(args);
        run.Error.ShouldBeEmpty();
        run.Exit.ShouldBe(0);
        return run;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var broker in brokers)
        {
            await broker.DisposeAsync();
        }
        await Simulator.DisposeAsync();
        await Redis.DisposeAsync();
    }
}
