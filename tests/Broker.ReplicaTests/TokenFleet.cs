using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Identity;

namespace Broker.ReplicaTests;

/// <summary>What a login or a refresh answered.</summary>
internal sealed record Pair(string Access, string Refresh);

/// <summary>Broker processes with the token service on, that share one Redis, before one upstream.</summary>
internal sealed class TokenFleet : IAsyncDisposable
{
    public const string User = "operator";

    private const string Password = "correct horse";
    private const string Form = "application/x-www-form-urlencoded";

    private static readonly (string, string)[] Secrets =
    [
        .. Landscape.Secrets,
        ("HASH", HashOf(Password)),
        ("FIRST", NewKey()),
        ("SECOND", NewKey()),
    ];

    private readonly string folder = Directory.CreateTempSubdirectory("token-fleet-").FullName;
    private readonly Landscape landscape;
    private readonly Action<JsonObject>? change;
    private volatile BrokerProcess[] brokers = [];

    private TokenFleet(Landscape landscape, Action<JsonObject>? change) => (this.landscape, this.change) = (landscape, change);

    public IReadOnlyList<BrokerProcess> Brokers => brokers;

    /// <param name="count">How many brokers.</param>
    /// <param name="redis">How each reaches Redis.</param>
    /// <param name="more">What the config says of Redis besides.</param>
    /// <param name="change">What is otherwise in the section <c>Broker</c>.</param>
    public static async Task<TokenFleet> Start(
        int count,
        Func<int, IEnumerable<string>> redis,
        string more = "{}",
        Action<JsonObject>? change = null
    )
    {
        // An epoch is young for 5.5 s; all else has the product's own times.
        var times = JsonNode.Parse("""{ "CallTimeout": "00:00:00.500", "RecoveryDelay": "00:00:00.500" }""")!.AsObject();
        foreach (var (key, value) in JsonNode.Parse(more)!.AsObject())
        {
            times[key] = value!.DeepClone();
        }
        var landscape = new Landscape { Redis = times };
        // A broker that never reached Redis may log in at the upstream after one such window.
        await landscape.OAuth2("things", more: """ "Logins": [ { "Permit": 1000, "Per": "00:00:01" } ] """);
        var fleet = new TokenFleet(landscape, change);
        for (var i = 0; i < count; i++)
        {
            await fleet.Add(redis(i));
        }
        return fleet;
    }

    /// <summary>One broker more, that starts now.</summary>
    public async Task<BrokerProcess> Add(IEnumerable<string> redis, Action<JsonObject>? with = null)
    {
        var i = brokers.Length;
        Write(i, redis, with);
        brokers = [.. brokers, await BrokerProcess.Start(File(i), Secrets)];
        return brokers[i];
    }

    /// <summary>Writes a config; a broker that runs finds it at its next poll.</summary>
    public void Write(int i, IEnumerable<string> redis, Action<JsonObject>? with = null)
    {
        var config = landscape.Config(redis);
        var broker = config["Broker"]!.AsObject();
        broker["Issuing"] = JsonNode.Parse("""{ "SigningKeys": { "first": { "Algorithm": "ES256", "Key": { "Env": "FIRST" } } } }""");
        broker["TokenService"] = new JsonObject { ["RefreshTokens"] = "Rotating", ["RotationGrace"] = "00:05:00" };
        foreach (var name in new[] { User, "clerk", "driver" })
        {
            broker["Callers"]![name] = JsonNode.Parse(
                """
                { "Basic": { "Hash": { "Env": "HASH" } }, "Actions": [ "*" ], "Networks": [ "*" ], "DeviceTypes": [ "*" ], "Devices": [ "*" ] }
                """
            );
            broker["Callers"]![name]!["UserId"] = name.Length;
        }
        change?.Invoke(broker);
        with?.Invoke(broker);
        // Whole, or not at all: a broker may read it at this moment.
        var next = File(i) + ".next";
        System.IO.File.WriteAllText(next, config.ToJsonString());
        System.IO.File.Move(next, File(i), overwrite: true);
    }

    public static Task<Answered> LogIn(BrokerProcess broker, string user = User) =>
        Post(broker, "/token", $$"""{"login":"{{user}}","password":"{{Password}}"}""");

    /// <summary>A pair of a login there, once logins are answered.</summary>
    public static async Task<Pair> Login(BrokerProcess broker, string user = User)
    {
        Answered? answer = null;
        await Eventually.Holds(async () => (answer = await LogIn(broker, user)).Status == 201, "the login is answered");
        return PairOf(answer!);
    }

    public static Task<Answered> Use(BrokerProcess broker, string refresh) =>
        Post(broker, "/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""");

    /// <summary>What comes of the use once it is known.</summary>
    public static async Task<Answered> Used(BrokerProcess broker, string refresh)
    {
        Answered? answer = null;
        await Eventually.Holds(async () => (answer = await Use(broker, refresh)).Status != 503, "the use is answered");
        return answer!;
    }

    /// <summary>Ends a token, the session of a refresh token, or all of a caller (<c>caller=key:NAME</c>).</summary>
    public static Task<Answered> End(BrokerProcess broker, string what) =>
        Post(
            broker,
            what.StartsWith("caller=", StringComparison.Ordinal) ? "/oauth/revoke-all" : "/oauth/revoke",
            $"{what}&client_id={User}&client_secret={Uri.EscapeDataString(Password)}",
            Form
        );

    /// <summary>Ends it until it is known to be ended everywhere.</summary>
    public static Task Ended(BrokerProcess broker, string what) =>
        Eventually.Holds(async () => (await End(broker, what)).Status == 200, "it is ended");

    /// <summary>A request of a forwarded route.</summary>
    public async Task<int> Ask(BrokerProcess broker, string access)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, landscape.Path("things"));
        request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + access);
        using var answer = await broker.Client.SendAsync(request);
        return (int)answer.StatusCode;
    }

    /// <summary>The same by an API key, of which Redis knows nothing.</summary>
    public async Task<int> AskByKey(BrokerProcess broker)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, landscape.Path("things"));
        request.Headers.Add("X-Api-Key", Landscape.Key);
        using var answer = await broker.Client.SendAsync(request);
        return (int)answer.StatusCode;
    }

    /// <summary>Until the token counts there.</summary>
    public Task Counts(BrokerProcess broker, string access) =>
        Eventually.Holds(async () => await Ask(broker, access) == 200, "the token counts");

    /// <summary>Until it is refused there.</summary>
    public Task IsRefused(BrokerProcess broker, string access) =>
        Eventually.Holds(async () => await Ask(broker, access) == 401, "the token is refused");

    public static Pair PairOf(Answered answer)
    {
        if (answer.Status != 201)
        {
            throw new InvalidOperationException($"{answer.Status} {answer.Body}");
        }
        var pair = JsonElement.Parse(answer.Body);
        return new(pair.GetProperty("accessToken").GetString()!, pair.GetProperty("refreshToken").GetString()!);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var broker in brokers)
        {
            await broker.DisposeAsync();
        }
        await landscape.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private static async Task<Answered> Post(BrokerProcess broker, string path, string body, string type = "application/json")
    {
        using var content = new StringContent(body, Encoding.UTF8, type);
        using var answer = await broker.Client.PostAsync(path, content);
        return new((int)answer.StatusCode, null, await answer.Content.ReadAsStringAsync());
    }

    private string File(int i) => Path.Combine(folder, $"broker-{i}.json");

    private static string NewKey()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return key.ExportPkcs8PrivateKeyPem();
    }

    private static string HashOf(string password) =>
        new PasswordHasher<object>(
            Microsoft.Extensions.Options.Options.Create(new PasswordHasherOptions { IterationCount = 10_000 })
        ).HashPassword(new(), password);
}
