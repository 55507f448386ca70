using System.Buffers.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Broker.FunctionalTests.Commands;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>
/// Whatever says <c>typ: at+jwt</c> has the claims that RFC 9068 requires, wherever it was issued; and its <c>iss</c> is what the metadata
/// say.
/// </summary>
public sealed class AccessTokenClaimsTests
{
    private const string App = "client_id=app&client_secret=app-key";
    private const string Exchange =
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token_type=urn:ietf:params:oauth:token-type:access_token";

    private static readonly string[] Required = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"];

    [Fact]
    public async Task Every_access_token_of_oauth2_names_the_client_that_got_it()
    {
        await using var bed = await TokenBed.Start(broker => broker["TokenService"]!["PasswordGrant"] = true);
        var (login, _) = await bed.LogIn("operator");
        var byPassword = await Token(bed, $"grant_type=password&username=operator&password=correct+horse&{App}");
        var refresh = byPassword.GetProperty("refresh_token").GetString()!;

        Judge(await Token(bed, $"grant_type=client_credentials&{App}"), "key:app", "app");
        Judge(byPassword, "key:operator", "app");
        Judge(await Token(bed, $"grant_type=refresh_token&refresh_token={refresh}&{App}"), "key:operator", "app");
        Judge(await Token(bed, $"{Exchange}&subject_token={login}&{App}"), "key:operator", "app");
        TokenBed.Claims(refresh).TryGetProperty("client_id", out _).ShouldBeFalse(); // no access token, and its type says so
        Type(refresh).ShouldBe("rt+jwt");
    }

    [Fact]
    public async Task A_token_of_devicehives_family_names_its_subject_as_its_own_client_and_stays_what_it_was()
    {
        await using var bed = await TokenBed.Start();
        var (access, refresh) = await bed.LogIn("operator");
        var (admin, _) = await bed.LogIn("admin");

        Judge(access, "key:operator", "operator");
        Judge((await bed.Create(admin, """{"userId":2}""")).Access, "key:operator", "operator");
        Judge(TokenBed.Pair(await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).Access, "key:operator", "operator");

        // To be one's own client is no binding: the family's refresh tokens go on working without any client, and at OAuth2's endpoint for
        // none.
        (
            await bed.Post(
                "/oauth/token",
                $"grant_type=refresh_token&refresh_token={refresh}&client_id=operator&client_secret=correct+horse",
                type: "application/x-www-form-urlencoded"
            )
        ).Status.ShouldBe(400);
        var plugin = TokenBed.Pair(await bed.Post("/token/plugin/create", $$"""{"tpc":"{{TokenBed.Topic}}"}""", admin));
        // and these are no access tokens of RFC 9068 either
        (Type(plugin.Access), Type(plugin.Refresh)).ShouldBe(("plugin+jwt", "plugin+jwt"));
    }

    [Fact]
    public async Task A_user_of_an_upstream_is_named_with_the_source_that_no_caller_of_the_config_has()
    {
        await using var bed = await UpstreamUserBed.Start();

        Judge(TokenBed.Pair(await bed.LogIn("operator", DeviceHiveSimulator.OperatorPassword)).Access, "user:hive.2", "user:hive.2");
    }

    [Fact]
    public async Task A_token_from_the_command_line_has_them_too_and_the_broker_takes_it()
    {
        await using var bed = await TokenBed.Start(broker => broker["TokenService"]!["PublicUrl"] = "https://broker.example/");
        var run = await CommandRun.With(
            [
                ("SIGNING", Convert.ToBase64String("a signing key of forty bytes and no less"u8.ToArray())),
                ("HASH", TokenBed.Hash),
                .. TestConfig.Environment,
            ],
            "",
            "token",
            "new",
            "--config",
            bed.Broker.ConfigFile,
            "--caller",
            "app"
        );
        run.Exit.ShouldBe(0, run.Everything);

        var token = run.Out.Trim().Split('\n')[^1].Trim();
        Judge(token, "key:app", "app", "https://broker.example");
        (await bed.Get("/net/1", token)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData(null, null, "broker")]
    [InlineData("https://broker.example", null, "https://broker.example")]
    [InlineData("https://broker.example/", null, "https://broker.example")]
    [InlineData("https://example.com/iot/broker", null, "https://example.com/iot/broker")]
    [InlineData("https://broker.example", "https://broker.example", "https://broker.example")]
    [InlineData("https://broker.example", "another", "another")]
    [InlineData("https://broker.example/", "https://broker.example/", "https://broker.example/")]
    [InlineData(null, "another", "another")]
    public async Task The_issuer_is_the_public_address_unless_the_config_names_one_and_check_tells_when_the_metadata_differ(
        string? url,
        string? issuer,
        string expected
    )
    {
        await using var bed = await TokenBed.Start();
        var loaded = await bed.Broker.Reload(TokenBed.Config(bed.Upstream.Address, broker => Set(broker, url, issuer)).ToJsonString());

        var (access, refresh) = await bed.LogIn("operator");
        Judge(access, "key:operator", "operator", expected);
        TokenBed.Claims(refresh).GetProperty("iss").GetString().ShouldBe(expected);
        (await bed.Get("/net/1", access)).Status.ShouldBe(200);
        var told = JsonElement.Parse(
            (await bed.Post("/oauth/introspect", $"token={access}&{App}", type: "application/x-www-form-urlencoded")).Body
        );
        told.GetProperty("iss").GetString().ShouldBe(expected);

        var warned = loaded
            .ConfigErrors.All.Where(mistake => mistake.Path == "Broker:Issuing:Issuer")
            .Select(mistake => mistake.Message)
            .ToList();
        if (url is null)
        {
            warned.ShouldBeEmpty();
            return;
        }

        var path = new Uri(url).AbsolutePath.TrimEnd('/');
        var metadata = JsonElement
            .Parse((await bed.Get("/.well-known/oauth-authorization-server" + path)).Body)
            .GetProperty("issuer")
            .GetString();
        metadata.ShouldBe(url.TrimEnd('/'));
        warned.Count.ShouldBe(metadata == expected ? 0 : 1);
        warned.ShouldAllBe(message =>
            message.Contains($"'{expected}'", StringComparison.Ordinal) && message.Contains($"'{metadata}'", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task Tokens_from_before_the_public_address_was_the_issuer_count_on_and_no_other_issuers_do()
    {
        await using var bed = await TokenBed.Start();
        var (access, refresh) = await bed.LogIn("operator");

        await bed.Reload(broker => Set(broker, "https://broker.example", null));
        (await bed.Get("/net/1", access)).Status.ShouldBe(200);
        var renewed = TokenBed.Pair(await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).Access;
        Judge(renewed, "key:operator", "operator", "https://broker.example");

        // Another address is another issuer; and where the config names one, that one alone counts.
        await bed.Reload(broker => Set(broker, "https://other.example", null));
        (await bed.Get("/net/1", renewed)).Status.ShouldBe(401);
        (await bed.Get("/net/1", access)).Status.ShouldBe(200);
        await bed.Reload(broker => Set(broker, "https://broker.example", "https://broker.example"));
        (await bed.Get("/net/1", renewed)).Status.ShouldBe(200);
        (await bed.Get("/net/1", access)).Status.ShouldBe(401);
    }

    [Theory]
    [InlineData("https://broker.example")]
    [InlineData("https://broker.example/")]
    [InlineData("broker")]
    public async Task No_external_issuer_has_the_name_of_ours(string name)
    {
        await using var bed = await TokenBed.Start();
        using var rsa = System.Security.Cryptography.RSA.Create(2048);
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, rsa.ExportSubjectPublicKeyInfoPem());

        var loaded = await bed.Broker.Reload(
            TokenBed
                .Config(bed.Upstream.Address, broker =>
                {
                    Set(broker, "https://broker.example", null);
                    broker["Issuers"] = JsonNode.Parse(
                        $$"""
                        { "corp": { "Issuer": "{{name}}", "KeyFile": "{{file}}", "Audiences": [ "broker" ], "Actions": { "Const": [] },
                            "Networks": { "Const": [] },
                          "DeviceTypes": { "Const": [] }, "Devices": { "Const": [] } } }
                        """
                    );
                })
                .ToJsonString()
        );

        loaded.Snapshot.ShouldBeNull();
        loaded
            .ConfigErrors.All.Where(mistake => mistake.Severity == Broker.Configuration.Severity.Error)
            .Select(mistake => mistake.Path)
            .ShouldBe(["Broker:Issuers:corp:Issuer"]);
        File.Delete(file);
    }

    private static void Set(JsonObject broker, string? url, string? issuer)
    {
        if (url is not null)
        {
            broker["TokenService"]!["PublicUrl"] = url;
        }

        if (issuer is not null)
        {
            broker["Issuing"]!["Issuer"] = issuer;
        }
    }

    private static void Judge(JsonElement answer, string subject, string client) =>
        Judge(answer.GetProperty("access_token").GetString()!, subject, client);

    private static void Judge(string token, string subject, string client, string issuer = "broker")
    {
        var claims = TokenBed.Claims(token);
        Type(token).ShouldBe("at+jwt");
        Required.Where(name => !claims.TryGetProperty(name, out _)).ShouldBeEmpty();
        (
            claims.GetProperty("sub").GetString(),
            claims.GetProperty("client_id").GetString(),
            claims.GetProperty("iss").GetString()
        ).ShouldBe((subject, client, issuer));
    }

    private static string? Type(string token) =>
        JsonElement.Parse(Base64Url.DecodeFromChars(token.Split('.')[0])).GetProperty("typ").GetString();

    private static async Task<JsonElement> Token(TokenBed bed, string form)
    {
        var (status, body) = await bed.Post("/oauth/token", form, type: "application/x-www-form-urlencoded");
        status.ShouldBe(200, body);
        return JsonElement.Parse(body);
    }
}
