using System.Text;
using System.Text.Json;
using Broker.Credentials;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>Lines of the RFCs that OAuth2's endpoints follow, by number.</summary>
public sealed class OAuthRfcTests
{
    private const string App = "client_id=app&client_secret=app-key";
    private const string Operator = "client_id=operator&client_secret=correct+horse";
    private const string Form = "application/x-www-form-urlencoded";

    private static readonly string[] Grants = ["client_credentials", "refresh_token", "urn:ietf:params:oauth:grant-type:token-exchange"];

    [Fact]
    public async Task Rfc_6749_5_1_no_answer_that_holds_a_token_or_an_error_is_kept_by_a_cache()
    {
        await using var bed = await TokenBed.Start();
        foreach (
            var (path, form) in new[]
            {
                ("/oauth/token", "grant_type=client_credentials&" + App),
                ("/oauth/token", "grant_type=client_credentials&client_id=app&client_secret=wrong"),
                ("/oauth/introspect", "token=x&" + App),
                ("/oauth/revoke", "token=x&" + App),
            }
        )
        {
            using var answer = await bed.Client.PostAsync(path, new StringContent(form, Encoding.UTF8, Form));

            (answer.Headers.CacheControl?.ToString(), answer.Headers.Pragma.ToString()).ShouldBe(("no-store", "no-cache"), path);
        }
    }

    [Theory]
    [InlineData("/oauth/token")]
    [InlineData("/oauth/introspect")]
    [InlineData("/oauth/revoke")]
    public async Task Rfc_6749_3_2_a_get_is_refused_and_what_stands_in_the_address_is_no_credential(string path)
    {
        await using var bed = await TokenBed.Start();

        using var got = await bed.Client.GetAsync($"{path}?grant_type=client_credentials&token=x&{App}");
        ((int)got.StatusCode, string.Join(',', got.Content.Headers.Allow)).ShouldBe((405, "POST"));
        JsonElement.Parse(await got.Content.ReadAsStringAsync()).GetProperty("error").GetString().ShouldBe("invalid_request");

        var posted = await bed.Post($"{path}?{App}", "grant_type=client_credentials&token=x", type: Form);
        (posted.Status, Error(posted.Body)).ShouldBe((401, "invalid_client"));
        (await bed.Post(path, """{"grant_type":"client_credentials"}""")).Body.ShouldContain("invalid_request");
        bed.Upstream.Requests.ShouldBeEmpty();
    }

    [Fact]
    public async Task Rfc_6749_2_3_1_an_api_key_is_a_clients_password_by_basic_as_well()
    {
        await using var bed = await TokenBed.Start();
        string Basic(string login) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(login));

        (await bed.Post("/oauth/token", "grant_type=client_credentials", Basic("app:app-key"), Form)).Status.ShouldBe(200);
        foreach (var login in new[] { "app:app-key2", "operator:app-key", "app:", ":app-key", "app" })
        {
            var answer = await bed.Post("/oauth/token", "grant_type=client_credentials", Basic(login), Form);
            (answer.Status, Error(answer.Body)).ShouldBe((401, "invalid_client"), login);
        }
    }

    [Fact]
    public async Task Rfc_6749_6_a_refresh_token_rotates_keeps_its_scope_is_not_spent_on_a_refusal_and_its_reuse_ends_the_session()
    {
        await using var bed = await TokenBed.Start(broker =>
        {
            (broker["TokenService"]!["PasswordGrant"], broker["TokenService"]!["RefreshTokens"], broker["TokenService"]!["RotationGrace"]) =
                (true, "Rotating", "00:00:00");
        });
        var login = await Token(bed, $"grant_type=password&username=operator&password=correct+horse&{App}");
        string Renew(string refresh, string more = "") => $"grant_type=refresh_token&refresh_token={refresh}{more}&{App}";

        var wider = await bed.Post("/oauth/token", Renew(login.Refresh, "&scope=GetNetwork"), type: Form);
        Error(wider.Body).ShouldBe("invalid_scope");
        var narrowed = await Token(bed, Renew(login.Refresh, "&scope=GetDevice"));
        var whole = await Token(bed, Renew(narrowed.Refresh));
        (narrowed.Scope, whole.Scope).ShouldBe(("GetDevice", login.Scope));
        (await bed.Get("/net/1", whole.Access)).Status.ShouldBe(200);

        Error((await bed.Post("/oauth/token", Renew(login.Refresh), type: Form)).Body).ShouldBe("invalid_grant");

        Error((await bed.Post("/oauth/token", Renew(whole.Refresh), type: Form)).Body).ShouldBe("invalid_grant");
        foreach (var access in new[] { login.Access, narrowed.Access, whole.Access })
        {
            (await bed.Get("/net/1", access)).Status.ShouldBe(401);
        }
    }

    [Fact]
    public async Task Rfc_7009_2_1_a_wrong_hint_is_no_hindrance_and_without_a_token_there_is_nothing_to_revoke()
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("operator");
        var (other, refresh) = await bed.LogIn("operator");

        Error((await bed.Post("/oauth/revoke", Operator, type: Form)).Body).ShouldBe("invalid_request");
        (await bed.Post("/oauth/revoke", $"token={access}&token_type_hint=refresh_token&{Operator}", type: Form)).ShouldBe((200, ""));
        (await bed.Get("/net/1", access)).Status.ShouldBe(401);
        (await bed.Post("/oauth/revoke", $"token={refresh}&token_type_hint=access_token&{Operator}", type: Form)).ShouldBe((200, ""));
        (await bed.Get("/net/1", other)).Status.ShouldBe(401);
        // again: the same
        (await bed.Post("/oauth/revoke", $"token={refresh}&token_type_hint=no_such_type&{Operator}", type: Form)).ShouldBe((200, ""));
    }

    [Fact]
    public async Task Rfc_7662_2_2_a_live_refresh_token_is_told_and_of_any_other_nothing_but_that_it_is_not_active()
    {
        await using var bed = await TokenBed.Start();
        var (access, refresh) = await bed.LogIn("operator");
        async Task<string> Told(string token) => (await bed.Post("/oauth/introspect", $"token={token}&{Operator}", type: Form)).Body;
        const string inactive = """{"active":false}""";

        Error((await bed.Post("/oauth/introspect", Operator, type: Form)).Body).ShouldBe("invalid_request");
        var (ofAccess, ofRefresh) = (JsonElement.Parse(await Told(access)), JsonElement.Parse(await Told(refresh)));
        ofAccess
            .EnumerateObject()
            .Select(member => member.Name)
            .ShouldBe(["active", "scope", "username", "token_type", "exp", "iat", "sub", "aud", "iss", "jti", "client_id"]);
        (
            ofAccess.GetProperty("token_type").GetString(),
            ofAccess.GetProperty("username").GetString(),
            ofAccess.GetProperty("exp").GetInt64()
        ).ShouldBe(("Bearer", "operator", TokenBed.Claims(access).GetProperty("exp").GetInt64()));
        ofRefresh.GetProperty("token_type").GetString().ShouldBe("refresh_token");
        (
            await Told(
                bed.Changed(access, claims => claims with { IssuedAt = claims.IssuedAt.AddHours(-2), End = claims.IssuedAt.AddHours(-1) })
            )
        ).ShouldBe(inactive);
        (await Told(bed.Changed(access, claims => claims with { Subject = "key:gone" }))).ShouldBe(inactive);
        (await Told(access[..^2])).ShouldBe(inactive);

        await bed.Post("/oauth/revoke", $"token={refresh}&{Operator}", type: Form);
        (await Told(access)).ShouldBe(inactive);
        (await Told(refresh)).ShouldBe(inactive);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rfc_8414_2_the_metadata_says_what_is_true(bool hasPasswordGrant)
    {
        await using var bed = await TokenBed.Start(broker =>
            (broker["TokenService"]!["PublicUrl"], broker["TokenService"]!["PasswordGrant"], broker["TokenService"]!["OAuthPrefix"]) = (
                "https://broker.example",
                hasPasswordGrant,
                "/sso"
            )
        );

        var told = JsonElement.Parse((await bed.Get("/.well-known/oauth-authorization-server")).Body);

        foreach (
            var (name, path) in new[]
            {
                ("token_endpoint", "/sso/token"),
                ("introspection_endpoint", "/sso/introspect"),
                ("revocation_endpoint", "/sso/revoke"),
                ("jwks_uri", "/.well-known/jwks.json"),
            }
        )
        {
            told.GetProperty(name).GetString().ShouldBe("https://broker.example" + path);
            // it is there
            (await bed.Post(path, "", type: Form)).Status.ShouldBe(path.EndsWith(".json", StringComparison.Ordinal) ? 405 : 401);
        }

        // required and never empty, and there is no authorization endpoint
        told.GetProperty("response_types_supported").GetRawText().ShouldBe("""["none"]""");
        told.GetProperty("grant_types_supported")
            .EnumerateArray()
            .Select(grant => grant.GetString()!)
            .ShouldBe(hasPasswordGrant ? [.. Grants, "password"] : Grants);
        foreach (var name in new[] { "token_endpoint", "introspection_endpoint", "revocation_endpoint" })
        {
            told.GetProperty(name + "_auth_methods_supported").GetRawText().ShouldBe("""["client_secret_basic","client_secret_post"]""");
        }
    }

    [Theory]
    [InlineData("&subject_token_type=urn:ietf:params:oauth:token-type:access_token", 200, null)]
    [InlineData(
        "&subject_token_type=urn:ietf:params:oauth:token-type:jwt&requested_token_type=urn:ietf:params:oauth:token-type:jwt",
        200,
        null
    )]
    [InlineData("&subject_token_type=urn:ietf:params:oauth:token-type:access_token&audience=broker", 200, null)]
    [InlineData("", 400, "invalid_request")]
    [InlineData("&subject_token_type=urn:ietf:params:oauth:token-type:id_token", 400, "invalid_request")]
    [InlineData("&subject_token_type=urn:ietf:params:oauth:token-type:refresh_token", 400, "invalid_request")]
    [InlineData("&subject_token_type=urn:ietf:params:oauth:token-type:saml2", 400, "invalid_request")]
    public async Task Rfc_8693_2_1_an_access_token_alone_is_exchanged_and_its_type_is_said(string types, int status, string? error)
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("operator");

        var answer = await bed.Post(
            "/oauth/token",
            $"grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token={access}{types}&{App}",
            type: Form
        );

        (answer.Status, JsonElement.Parse(answer.Body).TryGetProperty("error", out var said) ? said.GetString() : null).ShouldBe(
            (status, error)
        );
    }

    private static string? Error(string body) => JsonElement.Parse(body).GetProperty("error").GetString();

    private static async Task<(string Access, string Refresh, string Scope)> Token(TokenBed bed, string form)
    {
        var (status, body) = await bed.Post("/oauth/token", form, type: Form);
        status.ShouldBe(200, body);
        var token = JsonElement.Parse(body);
        return (
            token.GetProperty("access_token").GetString()!,
            token.GetProperty("refresh_token").GetString()!,
            token.GetProperty("scope").GetString()!
        );
    }
}
