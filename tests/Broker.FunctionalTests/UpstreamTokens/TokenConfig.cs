using System.Text.Json.Nodes;
using Simulators;

namespace Broker.FunctionalTests.UpstreamTokens;

/// <summary>TestConfig's, with an upstream whose tokens are fetched instead of the fixed key.</summary>
internal static class TokenConfig
{
    /// <summary>Every path below '/', any body and query.</summary>
    public const string AnyRoute =
        """{ "Match": { "Path": "/{**rest}" }, "Metadata": { "Action": "ManageUser", "Reach": "none", "Body": "any", "Query": "*" } }""";

    public const string Client = """{ "ClientId": "fleet-service", "ClientSecret": { "Env": "CLIENT_SECRET" } }""";

    /// <summary>Renewals and logins as often as a test likes.</summary>
    public const string Quick =
        """, "RetryDelay": "00:00:00.050", "MaxRetryDelay": "00:00:00.200", "Logins": [ { "Permit": 1000, "Per": "01:00:00" } ]""";

    public static readonly (string, string)[] Secrets =
    [
        ("CLIENT_SECRET", OAuth2Simulator.BasicClientSecret),
        ("BODY_SECRET", OAuth2Simulator.BodyClientSecret),
        ("TENANT_SECRET", OAuth2Simulator.TenantClientSecret),
        ("USER_PASSWORD", OAuth2Simulator.Password),
        ("REFRESH_TOKEN", OAuth2Simulator.InitialRefreshToken),
        ("TELEMAX_PASSWORD", TelemaxSimulator.Password),
        ("TELEMAX_KEY", TelemaxSimulator.ApiKey),
        ("DAMOOV_PASSWORD", DamoovSimulator.AdminPassword),
        ("DAMOOV_KEY", DamoovSimulator.InstanceKey),
        ("DEVICEHIVE_PASSWORD", DeviceHiveSimulator.OperatorPassword),
        ("WRONG", "not-the-secret-that-is-right"),
        ("REDIS_KEY", Convert.ToBase64String(new byte[32])),
        ("REDIS_NAMES", "a name key of the tests, long enough"),
        ("UPSTREAM_SECRET", TestConfig.UpstreamSecret),
    ];

    public static JsonObject For(Uri data, string upstream, params (string Name, string Route)[] routes)
    {
        var config = TestConfig.With(data, routes.Length == 0 ? [("all", AnyRoute)] : routes);
        config["Broker"]!["Upstreams"]!["api"] = JsonNode.Parse(upstream);
        return config;
    }

    public static string OAuth2(Uri tokens, string more = Quick, string account = Client) =>
        $$"""{ "Kind": "OAuth2", "AllowInsecure": true, "TokenEndpoint": "{{tokens}}oauth/token"{{more}}, "Accounts": { "default": {{account}} } }""";

    public static Task<BrokerUnderTest> Start(JsonObject config) => BrokerUnderTest.Start(config.ToJsonString(), Secrets);

    public static Task<HttpResponseMessage> Ask(
        this BrokerUnderTest broker,
        string path,
        HttpMethod? method = null,
        string key = TestConfig.Key
    ) => broker.Client.SendAsync(TestConfig.Request(method ?? HttpMethod.Get, path, key));

    /// <summary>The token that a data request carried.</summary>
    public static string? Bearer(this ReceivedRequest request) =>
        request.Header("Authorization")?.Replace("Bearer ", "", StringComparison.Ordinal);
}
