using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Simulators;

namespace Broker.ReplicaTests;

/// <summary>The upstreams that a fleet stands before, a strict simulator each, and the config that says so.</summary>
internal sealed class Landscape : IAsyncDisposable
{
    public const string Key = "the-callers-key-of-these-tests";
    public const string OtherKey = "the-other-callers-key-of-these-tests";
    public const string NamingKey = "a name key of the tests, long enough";
    public const string RingKey = "cmVwbGljYSB0ZXN0cyBlbmNyeXB0aW9uIGtleSAzMiE=";

    private const string Other = "other";

    /// <summary>A budget that no test reaches.</summary>
    public const string Ample = """[ { "Permit": 1000, "Per": "01:00:00" } ]""";

    private readonly Dictionary<string, (JsonObject Upstream, Simulator Simulator)> upstreams = [];

    public static readonly (string, string)[] Secrets =
    [
        ("CLIENT_SECRET", OAuth2Simulator.BasicClientSecret),
        ("USER_PASSWORD", OAuth2Simulator.Password),
        ("REFRESH_TOKEN", OAuth2Simulator.InitialRefreshToken),
        ("DAMOOV_PASSWORD", DamoovSimulator.AdminPassword),
        ("OPERATOR_PASSWORD", DeviceHiveSimulator.OperatorPassword),
        ("ADMIN_PASSWORD", DeviceHiveSimulator.AdminPassword),
        ("REDIS_KEY", RingKey),
        ("REDIS_NAMES", NamingKey),
        ("WRONG", "not-the-secret-that-is-right"),
    ];

    /// <summary>What <c>Broker:Redis</c> says besides endpoints and keys.</summary>
    public JsonObject Redis { get; init; } =
        Json("""{ "CallTimeout": "00:00:05", "Lease": "00:00:15", "RecoveryDelay": "00:00:00.200" }""");

    public IEnumerable<string> Names => upstreams.Keys;

    /// <summary>A refresh token that is used twice takes the live tokens with it.</summary>
    public static SimulatorOptions Strict => new() { ReuseRevokes = true };

    /// <summary>An OAuth2 upstream whose refresh tokens rotate.</summary>
    /// <param name="name">Its name, and the first segment of its path.</param>
    /// <param name="options">How its simulator behaves; strict when missing.</param>
    /// <param name="canLogin">Whether the account has a password; else it has nothing but a first refresh token.</param>
    /// <param name="more">Further keys of the upstream.</param>
    public async Task<OAuth2Simulator> OAuth2(string name, SimulatorOptions? options = null, bool canLogin = true, string more = "")
    {
        var simulator = await OAuth2Simulator.StartAsync(options ?? Strict);
        var account = canLogin
            ? """{ "Grant": "Password", "ClientId": "fleet-service", "ClientSecret": { "Env": "CLIENT_SECRET" }, "UserName": "driver@acme.example", "Password": { "Env": "USER_PASSWORD" } }"""
            : """{ "Grant": "RefreshToken", "ClientId": "fleet-service", "ClientSecret": { "Env": "CLIENT_SECRET" }, "RefreshToken": { "Env": "REFRESH_TOKEN" } }""";
        Add(name, simulator, "OAuth2", "oauth/token", account, more);
        return simulator;
    }

    /// <summary>A Damoov upstream: a login ends the other refresh token, and too many logins lock the address out.</summary>
    public async Task<DamoovSimulator> Damoov(string name, SimulatorOptions options, string more = "")
    {
        var simulator = await DamoovSimulator.StartAsync(options);
        Add(
            name,
            simulator,
            "Damoov",
            "v1/Auth/Login",
            """{ "Email": "admin@fleet.example", "Password": { "Env": "DAMOOV_PASSWORD" } }""",
            more
        );
        return simulator;
    }

    /// <summary>
    /// A DeviceHive upstream with an account for each of its users: the operator's, and the administrator's, with which the caller of the
    /// other key goes.
    /// </summary>
    public async Task<DeviceHiveSimulator> DeviceHive(string name)
    {
        var simulator = await DeviceHiveSimulator.StartAsync(Strict);
        Add(
            name,
            simulator,
            "DeviceHive",
            "auth/rest/token",
            """{ "Login": "operator", "Password": { "Env": "OPERATOR_PASSWORD" } }""",
            ""
        );
        Upstream(name)["Accounts"]![Other] = Json("""{ "Login": "admin", "Password": { "Env": "ADMIN_PASSWORD" } }""");
        return simulator;
    }

    public Simulator this[string name] => upstreams[name].Simulator;

    /// <summary>The upstream's section, to change it.</summary>
    public JsonObject Upstream(string name) => upstreams[name].Upstream;

    /// <summary>The config of a broker that shares its tokens there.</summary>
    public JsonObject Config(params IEnumerable<string> redis)
    {
        var config = Json(
            $$"""
            {
              "Kestrel": { "Endpoints": { "public": { "Url": "http://127.0.0.1:0" } } },
              "Broker": {
                "Management": { "Url": "http://127.0.0.1:0" }, "PollInterval": "00:00:00.200", "DrainDelay": "00:00:00",
                "Upstreams": {},
                "Callers": { "tester": {{Caller(Key)}}, "{{Other}}": {{Caller(OtherKey)}} }
              },
              "ReverseProxy": { "Routes": {}, "Clusters": {} }
            }
            """
        );
        var shared = Redis.DeepClone().AsObject();
        shared["Endpoints"] = new JsonArray([.. redis.Select(endpoint => JsonValue.Create(endpoint))]);
        shared["NamingKey"] = Json("""{ "Env": "REDIS_NAMES" }""");
        if (shared["AllowPlaintext"] is null)
        {
            shared["Encryption"] = Json("""{ "first": { "Env": "REDIS_KEY" } }""");
        }
        config["Broker"]!["Redis"] = shared;
        var others = upstreams.Where(upstream => upstream.Value.Upstream["Accounts"]![Other] is not null);
        config["Broker"]!["Callers"]![Other]!["Accounts"] = new JsonObject(
            others.Select(upstream => KeyValuePair.Create(upstream.Key, (JsonNode?)Other))
        );
        foreach (var (name, (upstream, simulator)) in upstreams)
        {
            config["Broker"]!["Upstreams"]![name] = upstream.DeepClone();
            config["ReverseProxy"]!["Clusters"]![name] = Json(
                $$"""{ "Destinations": { "main": { "Address": "{{simulator.Address}}" } } }"""
            );
            config["ReverseProxy"]!["Routes"]![name] = Json(
                $$"""
                { "ClusterId": "{{name}}", "Match": { "Path": "/{{name}}/{**rest}" }, "Transforms": [ { "PathRemovePrefix": "/{{name}}" } ],
                  "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any", "Query": "*" } }
                """
            );
        }
        return config;
    }

    /// <summary>A request that this upstream answers to whoever shows a live token.</summary>
    public string Path(string name) =>
        upstreams[name].Simulator switch
        {
            DamoovSimulator => $"/{name}/v1/Instances/{DamoovSimulator.InstanceId}",
            DeviceHiveSimulator => $"/{name}/api/rest/user/current",
            _ => $"/{name}/api/things",
        };

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, simulator) in upstreams.Values)
        {
            await simulator.DisposeAsync();
        }
    }

    private void Add(string name, Simulator simulator, string kind, string endpoint, string account, string more)
    {
        var upstream = Json(
            $$"""
            { "Kind": "{{kind}}", "AllowInsecure": true, "TokenEndpoint": "{{simulator.Address}}{{endpoint}}", "TokenWaitTimeout": "00:01:00",
              "RetryDelay": "00:00:00.100", "MaxRetryDelay": "00:00:01", "Logins": {{Ample}}, "Accounts": { "default": {{account}} } }
            """
        );
        foreach (var (key, value) in Json("{" + more + "}"))
        {
            upstream[key] = value?.DeepClone();
        }
        upstreams[name] = (upstream, simulator);
    }

    private static string Caller(string key) =>
        $$"""
            { "Keys": [ { "Sha256": "{{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))}}" } ],
              "Actions": [ "*" ], "Networks": [ "*" ], "DeviceTypes": [ "*" ], "Devices": [ "*" ] }
            """;

    private static JsonObject Json(string text) => JsonNode.Parse(text)!.AsObject();
}
