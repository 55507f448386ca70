using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

public sealed class OAuthTests
{
    private const string Exchange =
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token_type=urn:ietf:params:oauth:token-type:access_token";
    private const string App = "client_id=app&client_secret=app-key";

    [Theory]
    [InlineData("", "GetCurrentUser GetDevice ManageToken network:1 network:7 devicetype:* device:*")]
    [InlineData("&scope=GetDevice", "GetDevice")]
    [InlineData("&scope=3+network:7+devicetype:3+device:abc", "3 network:7 devicetype:3 device:abc")]
    [InlineData("&scope=network:7&unknown=ignored", "network:7")]
    public async Task A_client_gets_an_access_token_of_the_scope_it_asks_for_and_no_refresh_token(string scope, string granted)
    {
        await using var bed = await TokenBed.Start();

        var token = await Ok(bed, $"grant_type=client_credentials&{App}{scope}");

        token.GetProperty("scope").GetString().ShouldBe(granted);
        token.GetProperty("token_type").GetString().ShouldBe("Bearer");
        token.GetProperty("expires_in").GetInt64().ShouldBeInRange(1790, 1800);
        token.TryGetProperty("refresh_token", out _).ShouldBeFalse();
        (await bed.Get("/net/7", token.GetProperty("access_token").GetString())).Status.ShouldBe(
            granted.Contains("devicetype:3", StringComparison.Ordinal) ? 403 : 200
        );
        (await bed.Get("/net/2", token.GetProperty("access_token").GetString())).Status.ShouldBe(403);
    }

    [Theory]
    [InlineData("grant_type=client_credentials&client_id=app&client_secret=wrong", 401, "invalid_client")]
    [InlineData("grant_type=client_credentials&client_id=tester&client_secret=app-key", 401, "invalid_client")]
    [InlineData("grant_type=client_credentials&client_id=gone&client_secret=correct+horse", 401, "invalid_client")]
    [InlineData("grant_type=client_credentials&client_id=app", 401, "invalid_client")]
    [InlineData("grant_type=client_credentials", 401, "invalid_client")]
    [InlineData(App, 400, "invalid_request")]
    [InlineData("grant_type=&" + App, 400, "invalid_request")]
    [InlineData("grant_type=client_credentials&grant_type=password&" + App, 400, "invalid_request")]
    [InlineData("grant_type=authorization_code&" + App, 400, "unsupported_grant_type")]
    [InlineData("grant_type=password&username=operator&password=correct+horse&" + App, 400, "unsupported_grant_type")]
    [InlineData("grant_type=client_credentials&scope=GetDevise&" + App, 400, "invalid_scope")]
    [InlineData("grant_type=client_credentials&scope=network:&" + App, 400, "invalid_scope")]
    [InlineData("grant_type=client_credentials&scope=ManageUser&" + App, 400, "invalid_scope")]
    [InlineData("grant_type=client_credentials&scope=*&" + App, 400, "invalid_scope")]
    [InlineData("grant_type=client_credentials&scope=network:2&" + App, 400, "invalid_scope")]
    [InlineData("grant_type=client_credentials&scope=network:*&" + App, 400, "invalid_scope")]
    [InlineData("grant_type=refresh_token&refresh_token=x&" + App, 400, "invalid_grant")]
    [InlineData("grant_type=refresh_token&" + App, 400, "invalid_grant")]
    [InlineData(Exchange + "&" + App, 400, "invalid_request")]
    [InlineData(Exchange + "&subject_token=x&" + App, 400, "invalid_request")]
    [InlineData(Exchange + "&subject_token={access}&actor_token=x&" + App, 400, "invalid_request")]
    [InlineData(Exchange + "&subject_token={refresh}&" + App, 400, "invalid_request")]
    [InlineData(Exchange + "&subject_token={plugin}&" + App, 400, "invalid_request")]
    [InlineData(Exchange + "&subject_token={access}&audience=other&" + App, 400, "invalid_target")]
    [InlineData(Exchange + "&subject_token={access}&resource=https://x&" + App, 400, "invalid_target")]
    [InlineData(
        Exchange + "&subject_token={access}&requested_token_type=urn:ietf:params:oauth:token-type:refresh_token&" + App,
        400,
        "invalid_request"
    )]
    [InlineData(Exchange + "&subject_token={access}&scope=network:7&" + App, 400, "invalid_scope")]
    [InlineData(Exchange + "&subject_token={access}&scope=network:2&" + App, 400, "invalid_scope")]
    public async Task A_request_that_is_not_in_order_is_refused_in_the_words_of_rfc_6749(string form, int status, string error)
    {
        await using var bed = await TokenBed.Start();
        var (access, refresh) = await bed.LogIn("operator");
        var plugin = TokenBed.Pair(
            await bed.Post("/token/plugin/create", $$"""{"tpc":"{{TokenBed.Topic}}"}""", (await bed.LogIn("admin")).Access)
        );

        var answer = await Post(
            bed,
            "token",
            form.Replace("{access}", access).Replace("{refresh}", refresh).Replace("{plugin}", plugin.Access)
        );

        (answer.Status, JsonElement.Parse(answer.Body).GetProperty("error").GetString()).ShouldBe((status, error));
        JsonElement.Parse(answer.Body).EnumerateObject().Select(member => member.Name).ShouldBe(["error", "error_description"]);
    }

    [Fact]
    public async Task A_client_authenticates_by_basic_or_in_the_body_but_not_by_both()
    {
        await using var bed = await TokenBed.Start();
        var basic = "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("op%65rator:correct+horse"));

        (await Post(bed, "token", "grant_type=client_credentials", basic)).Status.ShouldBe(200);
        (await Post(bed, "token", "grant_type=client_credentials&client_id=operator", basic)).Status.ShouldBe(200);
        (await Post(bed, "token", $"grant_type=client_credentials&{App}", basic)).Status.ShouldBe(400);
        (await Post(bed, "token", "grant_type=client_credentials&client_id=app", basic)).Status.ShouldBe(400);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/oauth/token") { Content = new FormUrlEncodedContent([]) };
        using var answer = await bed.Client.SendAsync(request);
        answer.Headers.WwwAuthenticate.ShouldBe([new AuthenticationHeaderValue("Basic", "realm=\"broker\"")]);
        answer.Headers.CacheControl!.NoStore.ShouldBeTrue();
    }

    [Fact]
    public async Task An_exchanged_token_is_within_both_its_subject_and_its_client_ends_no_later_and_joins_the_session()
    {
        await using var bed = await TokenBed.Start();
        var (login, refresh) = await bed.LogIn("operator");
        var (access, _) = await bed.Create(
            login,
            $$"""{"userId":2,"expiration":{{DateTimeOffset.UtcNow.AddMinutes(5).ToUnixTimeMilliseconds()}}}"""
        );

        var answer = await Ok(bed, $"{Exchange}&subject_token={access}&{App}");
        var exchanged = answer.GetProperty("access_token").GetString()!;

        answer.GetProperty("issued_token_type").GetString().ShouldBe("urn:ietf:params:oauth:token-type:access_token");
        answer.TryGetProperty("refresh_token", out _).ShouldBeFalse();
        answer.GetProperty("scope").GetString().ShouldBe("GetCurrentUser GetDevice ManageToken network:1 devicetype:* device:*");
        var (of, to) = (TokenBed.Claims(access), TokenBed.Claims(exchanged));
        to.GetProperty("exp").GetInt64().ShouldBeLessThanOrEqualTo(of.GetProperty("exp").GetInt64());
        to.GetProperty("sxp").GetInt64().ShouldBe(to.GetProperty("exp").GetInt64());
        to.GetProperty("sid").GetString().ShouldBe(of.GetProperty("sid").GetString());
        to.GetProperty("by").GetRawText().ShouldBe("""["key:app"]""");
        (await bed.Get("/net/1", exchanged)).Status.ShouldBe(200);

        // Nor does it leave a session behind that is longer than itself.
        var ofLogin = TokenBed.Claims((await Ok(bed, $"{Exchange}&subject_token={login}&{App}")).GetProperty("access_token").GetString()!);
        ofLogin.GetProperty("sxp").GetInt64().ShouldBe(ofLogin.GetProperty("exp").GetInt64());
        ofLogin.GetProperty("exp").GetInt64().ShouldBeLessThanOrEqualTo(TokenBed.Claims(login).GetProperty("exp").GetInt64());

        // What it creates cannot outlive it either.
        var made = await bed.Create(exchanged, """{"userId":2,"expiration":"2218-01-01T00:00:00"}""");
        TokenBed.Claims(made.Refresh).GetProperty("exp").GetInt64().ShouldBeLessThanOrEqualTo(to.GetProperty("exp").GetInt64());

        (await Post(bed, "revoke", $"token={refresh}&client_id=operator&client_secret=correct+horse")).Status.ShouldBe(200);
        (await bed.Get("/net/1", exchanged)).Status.ShouldBe(401);
        (await bed.Get("/net/1", made.Access)).Status.ShouldBe(401);
    }

    [Fact]
    public async Task A_foreign_issuers_access_token_is_exchanged_for_a_narrower_one_of_ours_which_dies_with_the_issuers_place_in_the_config()
    {
        using var key = RSA.Create(2048);
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, key.ExportSubjectPublicKeyInfoPem());
        void Corp(JsonObject broker) =>
            broker["Issuers"] = new JsonObject
            {
                ["corp"] = JsonNode.Parse(
                    $$"""
                    { "KeyFile": "{{file}}", "Issuer": "https://corp.example", "Audiences": [ "broker" ], "Actions": { "Const": [ "GetDevice", "GetNetwork" ] },
                      "Networks": { "Claim": "nets" }, "DeviceTypes": { "Const": [ "*" ] }, "Devices": { "Const": [ "*" ] } }
                    """
                ),
            };
        await using var bed = await TokenBed.Start(Corp);
        var end = DateTimeOffset.UtcNow.AddMinutes(3).ToUnixTimeSeconds();
        string Foreign(string more = "", string audience = "broker") =>
            Signed(key, $$"""{"iss":"https://corp.example","sub":"alice","aud":"{{audience}}","exp":{{end}},"nets":["7","8"]{{more}}}""");

        var token = (await Ok(bed, $"{Exchange}&subject_token={Foreign()}&{App}")).GetProperty("access_token").GetString()!;

        TokenBed.Claims(token).GetProperty("sub").GetString().ShouldBe("corp:alice");
        TokenBed.Claims(token).GetProperty("exp").GetInt64().ShouldBeLessThanOrEqualTo(end);
        (await bed.Get("/net/7", token)).Status.ShouldBe(200);
        (await bed.Get("/net/8", token)).Status.ShouldBe(403);
        (await Post(bed, "token", $"{Exchange}&subject_token={Foreign(audience: "other")}&{App}")).Status.ShouldBe(400);
        var idToken = Signed(
            key,
            $$"""{"iss":"https://corp.example","sub":"alice","aud":"broker","exp":{{end}},"nets":["7"],"nonce":"x"}""",
            "JWT"
        );
        (await Post(bed, "token", $"{Exchange}&subject_token={idToken}&{App}")).Status.ShouldBe(400);

        await bed.Reload(_ => { });
        (await bed.Get("/net/7", token)).Status.ShouldBe(401);
        File.Delete(file);
    }

    [Fact]
    public async Task The_password_grant_is_there_when_the_config_says_so_and_its_refresh_token_is_that_clients_alone()
    {
        await using var bed = await TokenBed.Start(broker => broker["TokenService"]!["PasswordGrant"] = true);

        var token = await Ok(bed, $"grant_type=password&username=operator&password=correct+horse&{App}");
        var refresh = token.GetProperty("refresh_token").GetString()!;

        token.GetProperty("scope").GetString().ShouldBe("GetCurrentUser GetDevice ManageToken network:1 devicetype:* device:*");
        (await Ok(bed, $"grant_type=refresh_token&refresh_token={refresh}&scope=GetDevice&{App}"))
            .GetProperty("scope")
            .GetString()
            .ShouldBe("GetDevice");
        (await Post(bed, "token", $"grant_type=refresh_token&refresh_token={refresh}&scope=RegisterDevice&{App}")).Status.ShouldBe(400);
        (
            await Post(bed, "token", $"grant_type=refresh_token&refresh_token={refresh}&client_id=clerk&client_secret=correct+horse")
        ).Status.ShouldBe(400);
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).ShouldBe((401, ""));
        (await Post(bed, "token", $"grant_type=password&username=operator&password=wrong&{App}")).Body.ShouldContain("invalid_grant");
        var devicehives = (await bed.LogIn("operator")).Refresh;
        (await Post(bed, "token", $"grant_type=refresh_token&refresh_token={devicehives}&{App}")).Status.ShouldBe(400);
    }

    [Fact]
    public async Task Introspection_tells_whom_a_token_concerns_and_nobody_else_and_an_ended_one_is_not_active()
    {
        await using var bed = await TokenBed.Start();
        var token = (await Ok(bed, $"grant_type=client_credentials&{App}")).GetProperty("access_token").GetString()!;

        var told = JsonElement.Parse((await Post(bed, "introspect", $"token={token}&{App}")).Body);
        (told.GetProperty("active").GetBoolean(), told.GetProperty("client_id").GetString(), told.GetProperty("sub").GetString()).ShouldBe(
            (true, "app", "key:app")
        );
        (await Post(bed, "introspect", $"token={token}&client_id=clerk&client_secret=correct+horse")).ShouldBe(
            (200, """{"active":false}""")
        );
        (await Post(bed, "introspect", $"token=garbage&{App}")).ShouldBe((200, """{"active":false}"""));
        (await Post(bed, "introspect", $"token={token}")).Status.ShouldBe(401);

        (await Post(bed, "revoke", $"token={token}&client_id=clerk&client_secret=correct+horse")).Body.ShouldContain("unauthorized_client");
        (await Post(bed, "revoke", $"token=garbage&{App}")).ShouldBe((200, ""));
        (await bed.Get("/net/1", token)).Status.ShouldBe(200);
        (await Post(bed, "revoke", $"token={token}&token_type_hint=access_token&{App}")).ShouldBe((200, ""));
        (await bed.Get("/net/1", token)).Status.ShouldBe(401);
        (await Post(bed, "introspect", $"token={token}&{App}")).ShouldBe((200, """{"active":false}"""));
    }

    [Fact]
    public async Task The_key_set_holds_public_keys_alone_and_a_token_verifies_under_it()
    {
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var rsa = RSA.Create(2048);
        var (ecFile, rsaFile) = (Path.GetTempFileName(), Path.GetTempFileName());
        await File.WriteAllTextAsync(ecFile, ec.ExportPkcs8PrivateKeyPem());
        await File.WriteAllTextAsync(rsaFile, rsa.ExportPkcs8PrivateKeyPem());
        await using var bed = await TokenBed.Start(broker =>
            broker["Issuing"]!["SigningKeys"] = JsonNode.Parse(
                $$"""
                { "e": { "Algorithm": "ES256", "Key": { "File": "{{ecFile}}" } }, "r": { "Algorithm": "RS256", "Key": { "File": "{{rsaFile}}" } },
                  "k1": { "Algorithm": "HS256", "Key": { "Env": "SIGNING" } } }
                """
            )
        );

        var (status, body) = await bed.Get("/.well-known/jwks.json");
        var keys = new Microsoft.IdentityModel.Tokens.JsonWebKeySet(body).Keys;

        status.ShouldBe(200);
        keys.Select(key => (key.Kid, key.Kty, key.Alg, key.HasPrivateKey, key.K))
            .ShouldBe([("e", "EC", "ES256", false, null!), ("r", "RSA", "RS256", false, null!)]);
        var (access, _) = await bed.LogIn("operator");
        var result = await new Microsoft.IdentityModel.JsonWebTokens.JsonWebTokenHandler().ValidateTokenAsync(
            access,
            new()
            {
                IssuerSigningKeys = keys,
                ValidIssuer = "broker",
                ValidAudience = "broker",
                ValidTypes = ["at+jwt"],
            }
        );
        result.IsValid.ShouldBeTrue();
        File.Delete(ecFile);
        File.Delete(rsaFile);
    }

    [Fact]
    public async Task The_metadata_names_what_there_is_under_the_public_address_and_is_absent_without_one()
    {
        await using var bed = await TokenBed.Start();
        (await bed.Get("/.well-known/oauth-authorization-server")).Status.ShouldBe(401); // the forwarded catch-all's answer

        await bed.Reload(broker => broker["TokenService"]!["PublicUrl"] = "https://broker.example/");
        var told = JsonElement.Parse((await bed.Get("/.well-known/oauth-authorization-server")).Body);
        told.GetProperty("issuer").GetString().ShouldBe("https://broker.example");
        told.GetProperty("token_endpoint").GetString().ShouldBe("https://broker.example/oauth/token");
        told.GetProperty("jwks_uri").GetString().ShouldBe("https://broker.example/.well-known/jwks.json");
        told.GetProperty("grant_types_supported").EnumerateArray().Select(grant => grant.GetString()).ShouldNotContain("password");
    }

    private static Task<(int Status, string Body)> Post(TokenBed bed, string endpoint, string form, string? authorization = null) =>
        bed.Post("/oauth/" + endpoint, form, authorization, "application/x-www-form-urlencoded");

    private static async Task<JsonElement> Ok(TokenBed bed, string form)
    {
        var answer = await Post(bed, "token", form);
        answer.Status.ShouldBe(200, answer.Body);
        return JsonElement.Parse(answer.Body);
    }

    private static string Signed(RSA key, string claims, string type = "at+jwt")
    {
        static string Encode(byte[] bytes) => System.Buffers.Text.Base64Url.EncodeToString(bytes);
        var input = $"{Encode(Encoding.UTF8.GetBytes($$"""{"alg":"RS256","typ":"{{type}}"}"""))}.{Encode(Encoding.UTF8.GetBytes(claims))}";
        return $"{input}.{Encode(key.SignData(Encoding.ASCII.GetBytes(input), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1))}";
    }
}
