using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Rights;

/// <summary>One broker before one upstream, with the callers that the rules are about; a class says its routes.</summary>
public abstract class Stage : IAsyncLifetime
{
    /// <summary>May do everything everywhere.</summary>
    internal const string All = TestConfig.Key;

    /// <summary>May do everything to device 'mine' of network '12', type '3'.</summary>
    internal const string Narrow = "narrow-key";

    /// <summary>As <see cref="Narrow"/>, with every network and type.</summary>
    internal const string MineAnywhere = "mine-key";

    /// <summary>May only GetDevice.</summary>
    internal const string Reader = "reader-key";

    /// <summary>Network '12' and everything in it.</summary>
    internal const string Network12 = "network-key";

    internal BrokerUnderTest Broker { get; private set; } = null!;

    internal EchoUpstream Upstream { get; private set; } = null!;

    protected abstract IEnumerable<(string Name, string Route)> Routes { get; }

    protected virtual (string, string)[] Environment => TestConfig.Environment;

    public virtual async ValueTask InitializeAsync()
    {
        Upstream = await EchoUpstream.Start();
        Broker = await BrokerUnderTest.Start(Config().ToJsonString(), Environment);
    }

    public async ValueTask DisposeAsync()
    {
        await Broker.DisposeAsync();
        await Upstream.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected virtual JsonObject Config() => ConfigOf(Upstream.Address, [.. Routes]);

    internal static JsonObject ConfigOf(Uri upstream, params (string Name, string Route)[] routes)
    {
        var config = TestConfig.With(upstream, routes);
        AddCaller(config, "narrow", Narrow, "*", "12", "3", "mine");
        AddCaller(config, "mine-anywhere", MineAnywhere, "*", "*", "*", "mine");
        AddCaller(config, "reader", Reader, "GetDevice", "*", "*", "*");
        AddCaller(config, "network-12", Network12, "*", "12", "*", "*");
        config["Broker"]!["Upstreams"]!["api"]!["IdHeaders"] = new JsonArray("DeviceToken", "UserDeviceToken");
        return config;
    }

    internal static void AddCaller(
        JsonObject config,
        string name,
        string key,
        string actions,
        string networks,
        string types,
        string devices
    ) =>
        config["Broker"]!["Callers"]![name] = JsonNode.Parse(
            $$"""
            { "Keys": [ { "Sha256": "{{TestConfig.DigestOf(key)}}" } ],
              "Actions": [ "{{actions}}" ], "Networks": [ "{{networks}}" ], "DeviceTypes": [ "{{types}}" ], "Devices": [ "{{devices}}" ] }
            """
        );

    /// <summary>A request with this raw target, byte for byte; the key is the caller's, null for none.</summary>
    internal async Task<RawAnswer> Ask(string method, string target, string? key = All, string[]? headers = null, string body = "")
    {
        var lines = new List<string> { "Host: broker.example" };
        if (key is not null)
        {
            lines.Add($"X-Api-Key: {key}");
        }

        lines.AddRange(headers ?? []);
        if (body.Length > 0 && !lines.Exists(line => line.StartsWith("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)))
        {
            lines.Add($"Content-Length: {body.Length}");
        }

        Upstream.Requests.Clear();
        return await RawHttp.Ask(Broker.Address, $"{method} {target} HTTP/1.1", lines, body);
    }

    internal Task<RawAnswer> Get(string target, string? key = All, params string[] headers) => Ask("GET", target, key, headers);

    /// <summary>The refusal came, and nothing reached the upstream.</summary>
    internal void ShouldBeRefused(RawAnswer answer, int status, string code)
    {
        $"{answer.Status} {answer.Code}".ShouldBe($"{status} {code}", answer.ToString());
        Upstream.Requests.ShouldBeEmpty();
    }

    /// <summary>The upstream answered; what it received.</summary>
    internal Received ShouldHaveCrossed(RawAnswer answer)
    {
        answer.Status.ShouldBe(200, answer.ToString());
        return Upstream.Only;
    }
}
