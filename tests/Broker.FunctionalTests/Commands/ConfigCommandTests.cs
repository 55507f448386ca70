using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using Broker.TokenService;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.Commands;

public sealed class ConfigCommandTests : IAsyncDisposable
{
    private const string Demanding =
        """{ "Match": { "Path": "/d/{id}" }, "Metadata": { "Action": "GetDevice", "Device": "route:id", "Network": "const:1" } }""";
    private const string OpenRoute = """{ "Match": { "Path": "/open" }, "AuthorizationPolicy": "Anonymous", "Metadata": {} }""";
    private const string DeniedRoute =
        """{ "Match": { "Path": "/c/{name}", "Methods": [ "GET" ] }, "Metadata": { "Action": "ManageConfiguration", "Reach": "none", "Deny": "route:name=jwt.secret" } }""";

    private const string BearerRoute =
        """{ "Match": { "Path": "/bearer/{id}" }, "Metadata": { "Action": "GetDevice", "Device": "route:id", "Network": "const:1", "Credentials": "Issuer" } }""";
    private const string CorpRoute =
        """{ "ClusterId": "corp", "Match": { "Path": "/corp/{id}" }, "Metadata": { "Action": "GetDevice", "Device": "route:id", "Network": "const:1", "Account": "own" } }""";

    private static readonly string SigningKey = Convert.ToBase64String(Enumerable.Range(1, 32).Select(number => (byte)number).ToArray());
    private static readonly (string, string)[] Environment = [.. TestConfig.Environment, ("SIGNING_KEY", SigningKey)];
    private readonly string folder = Directory.CreateTempSubdirectory("broker-commands-").FullName;

    public ValueTask DisposeAsync()
    {
        Directory.Delete(folder, recursive: true);
        return default;
    }

    [Fact]
    public async Task Check_tells_every_mistake_at_once_with_its_path()
    {
        var file = Write(
            """
            { "Broker": { "Nope": 1, "Callers": { "a": { "Keys": [ { "Sha256": "short" } ] } } },
              "ReverseProxy": { "Routes": { "r": { "ClusterId": "none", "Match": { "Path": "/x" }, "Metadata": {} } }, "Clusters": {} } }
            """
        );

        var run = await CommandRun.Of("check", "--config", file);

        run.Exit.ShouldBe(1);
        run.Out.ShouldContain("Broker:Nope");
        run.Out.ShouldContain("Broker:Callers:a:Keys:0:Sha256");
        run.Out.ShouldContain("The config does not load.");

        var json = await CommandRun.Of("check", "--config", file, "--json");
        json.Exit.ShouldBe(1);
        using var document = JsonDocument.Parse(json.Out);
        document.RootElement.GetProperty("loads").GetBoolean().ShouldBeFalse();
        document
            .RootElement.GetProperty("mistakes")
            .EnumerateArray()
            .Select(mistake => mistake.GetProperty("path").GetString())
            .ShouldContain("Broker:Nope");
    }

    [Fact]
    public async Task A_missing_secret_is_a_warning_and_an_error_when_secrets_are_asked_for()
    {
        var file = Config();

        var lenient = await CommandRun.Of("check", "--config", file);
        lenient.Exit.ShouldBe(0);
        lenient.Out.ShouldContain(
            "warning: Broker:Upstreams:api:Accounts:default:Value: the secret's environment variable UPSTREAM_SECRET is not set: "
                + "serve will not start without it"
        );
        (await CommandRun.Of("check", "--config", file, "--secrets")).Exit.ShouldBe(1);
        var there = await CommandRun.With(Environment, "", "check", "--config", file, "--secrets");
        there.Exit.ShouldBe(0);
        there.Everything.ShouldNotContain(TestConfig.UpstreamSecret);
    }

    [Theory]
    [InlineData("GET", "/d/mine", "tester", 200, null)]
    [InlineData("GET", "/d/other", "tester", 403, "device-not-granted")]
    [InlineData("GET", "/d/mine", null, 401, "credential-missing")]
    [InlineData("GET", "/d/mine?x=1", "tester", 400, "not-allowed-here")]
    [InlineData("GET", "/d/a;b", "tester", 400, "bad-path")]
    [InlineData("GET", "/d/a%2Fb", "tester", 400, "bad-path")]
    [InlineData("GET", "/nowhere", "tester", 404, "not-found")]
    [InlineData("DELETE", "/c/x", "tester", 405, "method-not-allowed")]
    [InlineData("GET", "/c/x", "tester", 403, "action-not-granted")]
    [InlineData("GET", "/c/jwt.secret", "tester", 403, "denied")]
    [InlineData("GET", "/open", null, 200, null)]
    [InlineData("GET", "/d/%2e%2e", "tester", 404, "not-found")]
    [InlineData("GET", "/d/..", "tester", 404, "not-found")]
    [InlineData("GET", "/d/x/../mine", "tester", 400, "bad-path")]
    [InlineData("GET", "/x/%2E%2e/d/%2e/mine", "tester", 400, "bad-path")]
    [InlineData("GET", "/d/.", "tester", 404, "not-found")]
    [InlineData("GET", "/../open", null, 400, "bad-path")]
    [InlineData("GET", "/d//../mine", "tester", 400, "bad-path")]
    [InlineData("GET", "/d/%252e%252e", "tester", 400, "bad-path")]
    [InlineData("GET", "/d/%c3%a4", "tester", 403, "device-not-granted")]
    [InlineData("GET", "/bearer/mine", "tester", 401, "credential-invalid")] // its caller has an API key
    [InlineData("GET", "/corp/mine", "tester", 403, "denied")] // an account over an identity that it does not have
    public async Task Explain_says_what_a_real_request_gets(string method, string path, string? caller, int status, string? code)
    {
        await using var upstream = await EchoUpstream.Start();
        var config = Json(upstream.Address);
        await using var broker = await BrokerUnderTest.Start(config, Environment);
        using var request = new HttpRequestMessage(
            new(method),
            new Uri(
                broker.Address.GetLeftPart(UriPartial.Authority) + path,
                new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }
            )
        );
        if (caller is not null)
        {
            request.Headers.Add("X-Api-Key", TestConfig.Key);
        }

        using var answer = await broker.Client.SendAsync(request);
        var body = await answer.Content.ReadAsStringAsync();
        string[] args =
        [
            "explain",
            "--config",
            broker.ConfigFile,
            method,
            path,
            .. caller is null ? Array.Empty<string>() : ["--caller", caller],
        ];
        var run = await CommandRun.With(Environment, "", args);

        ((int)answer.StatusCode).ShouldBe(status, body);
        if (code is null)
        {
            run.Exit.ShouldBe(0, run.Everything);
            run.Out.ShouldContain("decision  granted");
            upstream.Requests.Count.ShouldBe(1, "explain sends nothing");
        }
        else
        {
            body.ShouldContain($"\"code\":\"{code}\"");
            run.Out.ShouldContain($"refused: {status} {code} ");
            run.Exit.ShouldBe(1);
            upstream.Requests.ShouldBeEmpty();
        }

        run.Everything.ShouldNotContain(TestConfig.UpstreamSecret);
    }

    [Theory]
    [InlineData("give the path only", "GET", "http://broker/d/mine")]
    [InlineData("a header is written as 'Name: value'", "GET", "/d/mine", "-H", "X-Nope")]
    [InlineData("a header is written as 'Name: value'", "GET", "/d/mine", "-H", ": x")]
    [InlineData("no caller 'nobody'", "GET", "/d/mine", "--caller", "nobody")]
    public async Task Explain_says_what_it_cannot_read(string told, params string[] args)
    {
        var run = await CommandRun.With(Environment, "", ["explain", "--config", Config(), .. args]);

        run.Exit.ShouldBe(1);
        run.ErrorLines.Single().ShouldContain(told);
    }

    [Fact]
    public async Task A_new_key_has_128_bits_at_least_and_the_digest_that_the_config_needs()
    {
        var (first, second) = (await CommandRun.Of("key", "new"), await CommandRun.Of("key", "new"));

        var key = first.Out.Split('\n')[0].Split(' ')[^1];
        first.Out.ShouldContain($"\"Sha256\": \"{TestConfig.DigestOf(key)}\"");
        key.Length.ShouldBeGreaterThanOrEqualTo("brk_".Length + (128 / 6) + 1);
        second.Out.ShouldNotContain(key);
    }

    [Fact]
    public async Task A_hash_of_a_password_lets_its_caller_in_by_Basic()
    {
        var hash = (await CommandRun.With([], "open sesame\n", "key", "hash")).Out.Trim();
        await using var upstream = await EchoUpstream.Start();
        var config = JsonNode.Parse(Json(upstream.Address))!;
        config["Broker"]!["Callers"]!["tester"]!["Basic"] = JsonNode.Parse("""{ "Hash": { "Env": "HASH" } }""");
        await using var broker = await BrokerUnderTest.Start(config.ToJsonString(), [.. Environment, ("HASH", hash)]);

        (await AsBasic(broker, "tester:open sesame")).ShouldBe(200);
        (await AsBasic(broker, "tester:open says me")).ShouldBe(401);
        (await CommandRun.With([], "", "key", "hash")).Exit.ShouldBe(1);
    }

    [Fact]
    public async Task A_new_token_works_as_bearer_and_holds_no_more_than_was_asked_for()
    {
        await using var upstream = await EchoUpstream.Start();
        await using var broker = await BrokerUnderTest.Start(Json(upstream.Address), Environment);

        (await AsBearer(broker, await Token(broker), "/d/mine")).ShouldBe(200);
        foreach (
            var both in new[]
            {
                new[] { "--devices", "mine,other" },
                ["--devices", "mine", "other"],
                ["--devices", "other", "--devices", " mine, "],
            }
        )
        {
            var narrowed = await CommandRun.With(
                Environment,
                "",
                ["token", "new", "--config", broker.ConfigFile, "--caller", "tester", .. both]
            );
            (await AsBearer(broker, narrowed.Out.Trim(), "/d/mine")).ShouldBe(200);
            (await AsBearer(broker, narrowed.Out.Trim(), "/d/other")).ShouldBe(403, "the caller does not hold it");
            narrowed.ErrorLines.Single().ShouldBe("warning: --devices: the caller does not hold other: left out.");
        }

        (await AsBearer(broker, await Token(broker, "--networks"), "/d/mine")).ShouldBe(403, "no value takes everything away");
        (await AsBearer(broker, await Token(broker, "--actions", "GetDevice", "--lifetime", "00:01:00"), "/d/mine")).ShouldBe(200);
        var unknown = await CommandRun.With(
            Environment,
            "",
            "token",
            "new",
            "--config",
            broker.ConfigFile,
            "--caller",
            "tester",
            "--actions",
            "Fly"
        );
        unknown.Exit.ShouldBe(1);
        unknown.ErrorLines.Single().ShouldContain("Fly");
        (await CommandRun.With(Environment, "", "token", "new", "--config", broker.ConfigFile, "--caller", "nobody")).Exit.ShouldBe(1);
    }

    [Theory]
    [InlineData("--lifetime: a time is needed as \"hh:mm:ss\"", "--lifetime", "10")]
    [InlineData("--lifetime: a time is needed as \"hh:mm:ss\"", "--lifetime", "1h")]
    [InlineData("--lifetime: at least a second", "--lifetime", "00:00:00")]
    [InlineData("--lifetime: at most 1.00:00:00", "--lifetime", "1.00:00:01")]
    [InlineData("--devices: the caller holds none of what is asked for", "--devices", "elsewhere,other")]
    [InlineData("--actions: the caller holds none of what is asked for", "--actions", "ManageUser")]
    public async Task A_token_that_nobody_can_mean_is_not_made(string told, params string[] options)
    {
        var run = await CommandRun.With(Environment, "", ["token", "new", "--config", Config(), "--caller", "tester", .. options]);

        run.Exit.ShouldBe(1);
        run.Error.ShouldContain(told);
        run.Out.ShouldNotContain("ey");
    }

    [Fact]
    public async Task The_schema_is_the_one_that_ships() =>
        (await CommandRun.Of("schema")).Out.ShouldBe(
            await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "config", "broker.schema.json"))
        );

    [Fact]
    public async Task The_reference_of_the_keys_is_the_page_of_the_documentation() =>
        (await CommandRun.Of("schema", "--format", "markdown")).Out.ShouldBe(Broker.Configuration.ReferenceWriter.Write());

    [Theory]
    [InlineData("schema", "--format", "yaml")]
    [InlineData("serv")]
    [InlineData("check", "--nope")]
    [InlineData("simulate", "tesla")]
    [InlineData("token", "new")]
    public async Task An_unknown_word_is_refused(params string[] args)
    {
        var run = await CommandRun.Of(args);
        run.Exit.ShouldNotBe(0);
        run.Error.ShouldNotBeEmpty();
    }

    private static string Json(Uri upstream)
    {
        var config = TestConfig.With(
            upstream,
            ("d", Demanding),
            ("c", DeniedRoute),
            ("open", OpenRoute),
            ("bearer", BearerRoute),
            ("corp", CorpRoute)
        );
        config["ReverseProxy"]!["Clusters"]!["corp"] = config["ReverseProxy"]!["Clusters"]!["api"]!.DeepClone();
        config["Broker"]!["Upstreams"]!["corp"] = JsonNode.Parse(
            """
            { "Kind": "DeviceHive", "AllowInsecure": true, "TokenEndpoint": "http://127.0.0.1:1/token", "Accounts": { "own": { "Login": "{corp:sub}", "Password": { "Env": "UPSTREAM_SECRET" } } } }
            """
        );
        config["Broker"]!["Issuers"] = JsonNode.Parse(
            """
            { "corp": { "Authority": "https://issuer.example", "Audiences": [ "broker" ], "Algorithms": [ "RS256" ],
              "Actions": { "Const": [] }, "Networks": { "Const": [] }, "DeviceTypes": { "Const": [] }, "Devices": { "Const": [] } } }
            """
        );
        config["Broker"]!["Callers"]!["tester"]!["Actions"] = new JsonArray("GetDevice");
        config["Broker"]!["Callers"]!["tester"]!["Devices"] = new JsonArray("mine");
        config["Broker"]!["Issuing"] = JsonNode.Parse(
            """{ "SigningKeys": { "k": { "Algorithm": "HS256", "Key": { "Env": "SIGNING_KEY" } } } }"""
        );
        return config.ToJsonString();
    }

    private string Config() => Write(Json(new("http://127.0.0.1:1/")));

    private string Write(string text)
    {
        var file = Path.Combine(folder, "broker.json");
        File.WriteAllText(file, text);
        return file;
    }

    private static async Task<string> Token(BrokerUnderTest broker, params string[] options)
    {
        var run = await CommandRun.With(Environment, "", ["token", "new", "--config", broker.ConfigFile, "--caller", "tester", .. options]);
        run.Exit.ShouldBe(0, run.Everything);
        return run.Out.Trim();
    }

    private static Task<int> AsBearer(BrokerUnderTest broker, string token, string path) => Ask(broker, path, new("Bearer", token));

    private static Task<int> AsBasic(BrokerUnderTest broker, string login) =>
        Ask(broker, "/d/mine", new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(login))));

    private static async Task<int> Ask(BrokerUnderTest broker, string path, AuthenticationHeaderValue credential)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = credential;
        using var answer = await broker.Client.SendAsync(request);
        return (int)answer.StatusCode;
    }
}
