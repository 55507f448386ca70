using System.Text;
using System.Text.Json.Nodes;
using Simulators;

namespace Broker.FunctionalTests.TokenService;

/// <summary>A broker whose users are a DeviceHive's, before that DeviceHive.</summary>
internal sealed class UpstreamUserBed : IAsyncDisposable
{
    /// <summary>Callers of <see cref="TokenBed.Config"/> who would log in in the place of the upstream's users.</summary>
    public static readonly string[] CallersOfTheConfig = ["admin", "operator", "clerk", "gone", "app"];

    public required DeviceHiveSimulator Simulator { get; init; }

    public required BrokerUnderTest Broker { get; init; }

    public static async Task<UpstreamUserBed> Start(Action<JsonObject>? change = null, DeviceHiveSimulator? same = null)
    {
        var simulator = same ?? await DeviceHiveSimulator.StartAsync(new() { BasePaths = ["/api/rest", "/auth/rest"] });
        var config = TokenBed.Config(simulator.Address);
        static JsonNode Route(string cluster, string prefix, string more = "") =>
            JsonNode.Parse(
                $$"""
                { "ClusterId": "{{cluster}}", "Match": { "Path": "{{prefix}}/device/{id}" }, "Transforms": [ { "PathPattern": "/api/rest/device/{id}" } ],
                  "Metadata": { "Action": "GetDevice", "Device": "route:id", "Network": "const:1", "DeviceType": "const:1"{{more}} } }
                """
            )!;
        config["ReverseProxy"]!["Routes"] = new JsonObject
        {
            ["own"] = Route("hive", "/api/rest"),
            ["shared"] = Route("hive", "/shared", ", \"Account\": \"default\""),
            ["other"] = Route("twin", "/other"),
        };
        var destination = $$"""{ "Destinations": { "main": { "Address": "{{simulator.Address}}" } } }""";
        config["ReverseProxy"]!["Clusters"] = new JsonObject
        {
            ["hive"] = JsonNode.Parse(destination),
            ["twin"] = JsonNode.Parse(destination),
        };
        var upstream = $$"""
            { "Kind": "DeviceHive", "AllowInsecure": true, "TokenEndpoint": "{{simulator.Address}}auth/rest/token",
              "Accounts": { "default": { "Login": "{{DeviceHiveSimulator.AdminLogin}}", "Password": { "Env": "DEVICEHIVE" } } } }
            """;
        config["Broker"]!["Upstreams"] = new JsonObject { ["hive"] = JsonNode.Parse(upstream), ["twin"] = JsonNode.Parse(upstream) };
        config["Broker"]!["TokenService"] = JsonNode.Parse("""{ "UsersOf": "hive", "FirstWait": "00:10:00" }""");
        foreach (var name in CallersOfTheConfig)
        {
            config["Broker"]!["Callers"]!.AsObject().Remove(name);
        }

        change?.Invoke(config["Broker"]!.AsObject());
        var broker = await BrokerUnderTest.Start(
            config.ToJsonString(),
            ("REDIS_NAMES", "a name key of the tests, long enough"),
            ("REDIS_KEY", Convert.ToBase64String(new byte[32])),
            ("HASH", TokenBed.Hash),
            ("DEVICEHIVE", DeviceHiveSimulator.AdminPassword),
            ("SIGNING", Convert.ToBase64String(Encoding.UTF8.GetBytes("a signing key of forty bytes and no less")))
        );
        return new() { Simulator = simulator, Broker = broker };
    }

    public Task<(int Status, string Body)> LogIn(string login, string password) =>
        Post("/token", $$"""{"login":"{{login}}","password":"{{password}}"}""");

    public async Task<(int Status, string Body)> Post(string path, string body, string? bearer = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        request.Headers.TryAddWithoutValidation("Authorization", bearer is null ? [] : ["Bearer " + bearer]);
        using var answer = await Broker.Client.SendAsync(request);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>What an administrator of the upstream does.</summary>
    public Task SetStatus(long user, int status) => Administer(HttpMethod.Put, $"/user/{user}", $$"""{"status":{{status}}}""");

    /// <summary>Any request of its administrator's to the upstream itself; gives the answer's body.</summary>
    public async Task<string> Administer(HttpMethod method, string path, string body)
    {
        using var http = new HttpClient { BaseAddress = Simulator.Address };
        using var login = await http.PostAsync(
            "/auth/rest/token",
            new StringContent(
                $$"""{"login":"{{DeviceHiveSimulator.AdminLogin}}","password":"{{DeviceHiveSimulator.AdminPassword}}"}""",
                Encoding.UTF8,
                "application/json"
            )
        );
        using var request = new HttpRequestMessage(method, "/api/rest" + path)
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        request.Headers.Authorization = new("Bearer", TokenBed.Pair((201, await login.Content.ReadAsStringAsync())).Access);
        using var answer = await http.SendAsync(request);
        return await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync();
    }

    public async Task<int> Get(string path, string credential)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.TryAddWithoutValidation(
            "Authorization",
            credential.StartsWith("key:", StringComparison.Ordinal) ? "ApiKey " + credential[4..] : "Bearer " + credential
        );
        using var answer = await Broker.Client.SendAsync(request);
        return (int)answer.StatusCode;
    }

    public async ValueTask DisposeAsync()
    {
        await Broker.DisposeAsync();
        await Simulator.DisposeAsync();
    }
}
