using System.Buffers.Text;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using Broker.TokenService;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using Shouldly;

namespace Broker.FunctionalTests.TokenService;

/// <summary>A broker with a token service before an upstream that answers anything, and users who may log in.</summary>
internal sealed class TokenBed : IAsyncDisposable
{
    public const string Password = "correct horse";
    public const string Topic = "plugin_topic_1";

    public static readonly string Hash = HashOf(Password);
    private readonly EchoUpstream upstream;

    private TokenBed(EchoUpstream upstream, BrokerUnderTest broker) => (this.upstream, Broker) = (upstream, broker);

    public BrokerUnderTest Broker { get; }

    public EchoUpstream Upstream => upstream;

    public HttpClient Client => Broker.Client;

    public SigningKeys Keys => Broker.Snapshots.Current.Part<CredentialTable>().Keys!;

    /// <summary>Every route demands ManageUser, or GetDevice on a network: /net/{id}.</summary>
    public static JsonObject Config(Uri upstream, Action<JsonObject>? change = null)
    {
        var config = TestConfig.With(
            upstream,
            ("net", """{ "Match": { "Path": "/net/{id}" }, "Metadata": { "Action": "GetDevice", "Network": "route:id" } }"""),
            ("all", """{ "Match": { "Path": "/{**rest}" }, "Metadata": { "Action": "GetCurrentUser", "Reach": "none", "Body": "any" } }""")
        );
        var broker = config["Broker"]!.AsObject();
        broker["Issuing"] = JsonNode.Parse("""{ "SigningKeys": { "k1": { "Algorithm": "HS256", "Key": { "Env": "SIGNING" } } } }""");
        broker["TokenService"] = JsonNode.Parse($$"""{ "FirstWait": "00:10:00", "Plugins": { "{{Topic}}": { "Creator": "admin" } } }""");
        var callers = broker["Callers"]!.AsObject();
        callers["admin"] = User(1, "*", "*");
        callers["operator"] = User(2, "GetNetwork GetDevice CreateDeviceCommand GetCurrentUser ManageToken", "1 2");
        callers["clerk"] = User(3, "GetDevice GetCurrentUser", "2 3");
        callers["gone"] = User(4, "GetDevice", "1");
        callers["gone"]!["Disabled"] = true;
        callers["app"] = JsonNode.Parse(
            $$"""
            { "Keys": [ { "Sha256": "{{TestConfig.DigestOf("app-key")}}" } ], "Actions": [ "GetDevice", "GetCurrentUser", "ManageToken" ],
              "Networks": [ "1", "7" ], "DeviceTypes": [ "*" ], "Devices": [ "*" ] }
            """
        );
        change?.Invoke(broker);
        return config;
    }

    public static async Task<TokenBed> Start(Action<JsonObject>? change = null, params (string Name, string Value)[] more)
    {
        var upstream = await EchoUpstream.Start();
        var broker = await BrokerUnderTest.Start(
            Config(upstream.Address, change).ToJsonString(),
            [
                .. TestConfig.Environment,
                ("SIGNING", Convert.ToBase64String(Encoding.UTF8.GetBytes("a signing key of forty bytes and no less"))),
                ("HASH", Hash),
                ("REDIS_NAMES", "a name key of the tests, long enough"),
                ("REDIS_KEY", Convert.ToBase64String(new byte[32])),
                .. more,
            ]
        );
        return new(upstream, broker);
    }

    /// <summary>One of the replicas that share this Redis. Its times are short, so that a test is; what it says when is the same.</summary>
    public static Task<TokenBed> Replica(string redis, Action<JsonObject>? change = null) =>
        Start(broker =>
        {
            broker["Redis"] = JsonNode.Parse(
                $$"""
                { "Endpoints": [ "{{redis}}" ], "NamingKey": { "Env": "REDIS_NAMES" }, "Encryption": { "first": { "Env": "REDIS_KEY" } },
                  "CallTimeout": "00:00:00.400", "Poll": "00:00:00.200", "RecoveryDelay": "00:00:00.200" }
                """
            );
            change?.Invoke(broker);
        });

    /// <summary>Until tokens of ours count here: until this replica knows what was ended.</summary>
    public Task Knows(string access) => Eventually.Holds(async () => (await Get("/net/1", access)).Status == 200, "the token counts here");

    /// <summary>Loads the config with another change.</summary>
    public async Task Reload(Action<JsonObject> change)
    {
        var loaded = await Broker.Reload(Config(upstream.Address, change).ToJsonString());
        if (loaded.Snapshot is null)
        {
            throw new InvalidOperationException(string.Join('\n', loaded.ConfigErrors.All));
        }
    }

    public static JsonNode User(long id, string actions, string networks) =>
        new JsonObject
        {
            ["UserId"] = id,
            ["Basic"] = JsonNode.Parse("""{ "Hash": { "Env": "HASH" } }"""),
            ["Actions"] = Words(actions),
            ["Networks"] = Words(networks),
            ["DeviceTypes"] = Words("*"),
            ["Devices"] = Words("*"),
        };

    public async Task<(int Status, string Body)> Post(string path, string body, string? bearer = null, string? type = "application/json")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        if (type is not null)
        {
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        Authorize(request, bearer);
        using var answer = await Client.SendAsync(request);
        if (path.Contains("token", StringComparison.OrdinalIgnoreCase))
        {
            // DeviceHive's or OAuth2's, never a problem's
            (answer.Content.Headers.ContentType?.MediaType ?? "application/json").ShouldBe("application/json");
        }

        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    public async Task<(int Status, string Body)> Get(string path, string? bearer = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        Authorize(request, bearer);
        using var answer = await Client.SendAsync(request);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
    }

    /// <summary>Logs in and gives the pair.</summary>
    public async Task<(string Access, string Refresh)> LogIn(string login) =>
        Pair(await Post("/token", $$"""{"login":"{{login}}","password":"{{Password}}"}"""));

    /// <summary>Creates, and gives the pair.</summary>
    public async Task<(string Access, string Refresh)> Create(string bearer, string body) =>
        Pair(await Post("/token/create", body, bearer));

    public static (string Access, string Refresh) Pair((int Status, string Body) answer)
    {
        if (answer.Status != 201)
        {
            throw new InvalidOperationException($"{answer.Status} {answer.Body}");
        }

        var pair = JsonElement.Parse(answer.Body);
        return (
            pair.GetProperty("accessToken").GetString()!,
            pair.TryGetProperty("refreshToken", out var refresh) ? refresh.GetString()! : ""
        );
    }

    public static JsonElement Claims(string token) => JsonElement.Parse(Base64Url.DecodeFromChars(token.Split('.')[1]));

    public static string Payload(string token, string member) => Claims(token).GetProperty("payload").GetProperty(member).GetRawText();

    /// <summary>A token as the broker would have signed it, but changed.</summary>
    public string Changed(string token, Func<TokenClaims, TokenClaims> change) =>
        TokenIssuer.Sign(change(TokenClaims.Read(Claims(token))!), Keys);

    public async ValueTask DisposeAsync()
    {
        await Broker.DisposeAsync();
        await upstream.DisposeAsync();
    }

    private static void Authorize(HttpRequestMessage request, string? bearer)
    {
        if (bearer is not null)
        {
            request.Headers.TryAddWithoutValidation(
                bearer.StartsWith("key:", StringComparison.Ordinal) ? "X-Api-Key" : "Authorization",
                bearer.StartsWith("key:", StringComparison.Ordinal) ? bearer[4..]
                    : bearer.StartsWith("Basic ", StringComparison.Ordinal) ? bearer
                    : "Bearer " + bearer
            );
        }
    }

    private static JsonArray Words(string text) => new([.. text.Split(' ').Select(word => (JsonNode)word)]);

    public static string HashOf(string password) =>
        new PasswordHasher<CallerOptions>(Options.Create(new PasswordHasherOptions { IterationCount = 10_000 })).HashPassword(
            null!,
            password
        );
}
