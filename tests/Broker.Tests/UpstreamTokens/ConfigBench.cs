using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.UpstreamTokens;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Policies;
using Shouldly;

namespace Broker.Tests.UpstreamTokens;

/// <summary>Compiles upstreams' options as a reload would, over one vault.</summary>
internal sealed class ConfigBench : IDisposable
{
    public static readonly IReadOnlyDictionary<string, string> NoValues = new Dictionary<string, string>();

    private long version;

    public ConfigBench(TimeProvider? time = null)
        : this(new TokenCellRegistry(time ?? new FakeTimeProvider(), NullLogger<TokenCellRegistry>.Instance)) { }

    public ConfigBench(TokenCellRegistry vault) => Vault = vault;

    public TokenCellRegistry Vault { get; }

    /// <summary>Null where tokens live in one process only.</summary>
    public RedisOptions? Redis { get; init; }

    public static Secret Secret(string value) => new("test", value);

    public static IReadOnlyDictionary<string, T> Accounts<T>(T account) => new Dictionary<string, T> { ["default"] = account };

    public static OAuth2UpstreamOptions OAuth2(OAuth2AccountOptions? account = null, string endpoint = "https://idp.example/token") =>
        new() { TokenEndpoint = endpoint, Accounts = Accounts(account ?? Client) };

    public static OAuth2AccountOptions Client =>
        new()
        {
            ClientId = "client",
            ClientSecret = Secret("secret"),
            Scopes = ["read"],
            Audience = "api",
            Parameters = new Dictionary<string, string> { ["resource"] = "r" },
        };

    public (UpstreamTable Table, IReadOnlyList<ConfigError> ConfigErrors) Compile(params (string Name, UpstreamOptions Options)[] upstreams)
    {
        var snapshot = new Snapshot
        {
            Version = ++version,
            Broker = new BrokerOptions
            {
                Redis = Redis,
                Upstreams = upstreams.ToDictionary(upstream => upstream.Name, upstream => upstream.Options),
                Issuers = new Dictionary<string, IssuerOptions> { ["corp"] = null! },
            },
            ReverseProxy = [],
            Kestrel = [],
            Serilog = [],
            Actions = null!,
        };
        var mistakes = new ConfigErrors();
        new UpstreamCompiler(Vault).Compile(snapshot, mistakes);
        return (snapshot.Part<UpstreamTable>(), mistakes.All);
    }

    public Account Account(UpstreamOptions options, string name = "default")
    {
        var (table, mistakes) = Compile(("up", options));
        mistakes.Where(mistake => mistake.Severity == Severity.Error).ShouldBeEmpty();
        return table.ByName["up"].Accounts[name];
    }

    public TokenCell Cell(UpstreamOptions options, IReadOnlyDictionary<string, string>? values = null) =>
        Account(options).Cell(values ?? NoValues).ShouldNotBeNull();

    public void Dispose() => Vault.Dispose();
}
