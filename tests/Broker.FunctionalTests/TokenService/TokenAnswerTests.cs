using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>What answers of the token service say, word for word: scope, refresh token, and the type of an empty answer.</summary>
public sealed class TokenAnswerTests
{
    private const string Form = "application/x-www-form-urlencoded";
    private const string App = "client_id=app&client_secret=app-key";
    private const string Whole = "GetCurrentUser GetDevice ManageToken network:1 devicetype:* device:*"; // operator's, within app's
    private const string ByPassword = "grant_type=password&username=operator&password=correct+horse&" + App;
    private const string ByClient = "grant_type=client_credentials&" + App;
    private const string ByExchange =
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token={login}"
        + "&subject_token_type=urn:ietf:params:oauth:token-type:access_token&"
        + App;

    [Theory]
    [InlineData(ByPassword, "GetDevice")]
    [InlineData(ByPassword, "3")]
    [InlineData(ByPassword, "device:abc network:1 GetDevice")]
    [InlineData(ByPassword, "GetDevice GetDevice")]
    [InlineData(ByPassword, " GetDevice  network:1 ")]
    [InlineData(ByPassword, "devicetype:*")]
    [InlineData(ByClient, "network:7 network:1")]
    [InlineData(ByClient, "10")]
    [InlineData(ByExchange, "GetCurrentUser network:1")]
    [InlineData(ByExchange, "getdevice")]
    public async Task A_scope_that_was_asked_for_is_answered_as_it_was_asked(string grant, string scope)
    {
        await using var bed = await Start();

        var token = await Token(bed, grant, scope);

        token.GetProperty("scope").GetString().ShouldBe(scope);
        TokenBed.Claims(token.GetProperty("access_token").GetString()!).GetProperty("scope").GetString().ShouldBe(scope); // RFC 9068, 2.2.3
    }

    [Theory]
    [InlineData(ByPassword, null, Whole)]
    [InlineData(ByPassword, "", Whole)]
    [InlineData(ByPassword, "  ", Whole)]
    [InlineData(ByExchange, null, Whole)]
    [InlineData(ByClient, null, "GetCurrentUser GetDevice ManageToken network:1 network:7 devicetype:* device:*")]
    public async Task Who_asks_for_no_scope_is_told_what_there_is(string grant, string? scope, string all)
    {
        await using var bed = await Start();

        var token = await Token(bed, grant, scope);

        token.GetProperty("scope").GetString().ShouldBe(all);
        TokenBed.Claims(token.GetProperty("access_token").GetString()!).TryGetProperty("scope", out _).ShouldBeFalse();
    }

    [Theory]
    [InlineData("GetDevice", null, "GetDevice")]
    [InlineData("3 network:1", null, "3 network:1")]
    [InlineData("GetDevice GetCurrentUser", "GetDevice", "GetDevice")]
    [InlineData(null, null, Whole)]
    [InlineData(null, "network:1", "network:1")]
    public async Task A_refresh_answers_the_scope_that_it_asks_for_and_else_the_one_that_was_asked_for_first(
        string? first,
        string? then,
        string expected
    )
    {
        foreach (var rotates in new[] { false, true })
        {
            await using var bed = await Start(rotates);
            var token = await Token(bed, ByPassword, first);
            for (var i = 0; i < 2; i++)
            {
                var before = token.GetProperty("refresh_token").GetString()!;
                token = await Token(bed, $"grant_type=refresh_token&refresh_token={before}&{App}", then);

                token.GetProperty("scope").GetString().ShouldBe(expected);
                // each answer has one, also where it is as before
                (token.GetProperty("refresh_token").GetString() == before).ShouldBe(!rotates);
            }

            // A narrower use does not narrow the refresh token (RFC 6749, 6).
            (await Token(bed, $"grant_type=refresh_token&refresh_token={token.GetProperty("refresh_token").GetString()}&{App}", null))
                .GetProperty("scope")
                .GetString()
                .ShouldBe(first ?? Whole);
        }
    }

    [Fact]
    public async Task A_refresh_after_the_config_narrowed_says_what_is_left_and_one_that_asks_for_more_is_refused()
    {
        await using var bed = await Start();
        var refresh = (await Token(bed, ByPassword, "GetDevice GetCurrentUser")).GetProperty("refresh_token").GetString()!;

        await bed.Reload(broker =>
        {
            broker["TokenService"]!["PasswordGrant"] = true;
            broker["Callers"]!["operator"]!["Actions"] = new JsonArray("GetDevice");
        });

        (await Token(bed, $"grant_type=refresh_token&refresh_token={refresh}&{App}", null))
            .GetProperty("scope")
            .GetString()
            .ShouldBe("GetDevice network:1 devicetype:* device:*");
        (await Token(bed, $"grant_type=refresh_token&refresh_token={refresh}&{App}", "GetDevice"))
            .GetProperty("scope")
            .GetString()
            .ShouldBe("GetDevice");
        (
            await bed.Post(
                "/oauth/token",
                $"grant_type=refresh_token&refresh_token={refresh}&scope=GetDevice+GetCurrentUser&{App}",
                type: Form
            )
        ).Body.ShouldContain("invalid_scope");
    }

    [Fact]
    public async Task A_scope_too_long_for_a_token_is_answered_all_the_same_and_the_token_holds_its_permissions_once()
    {
        await using var bed = await Start();
        var scope = "GetDevice " + string.Join(' ', Enumerable.Range(1, 80).Select(i => $"device:{i}"));

        var token = await Token(bed, ByPassword, scope);

        token.GetProperty("scope").GetString().ShouldBe(scope);
        TokenBed.Claims(token.GetProperty("access_token").GetString()!).TryGetProperty("scope", out _).ShouldBeFalse();
        (await Token(bed, $"grant_type=refresh_token&refresh_token={token.GetProperty("refresh_token").GetString()}&{App}", null))
            .GetProperty("scope")
            .GetString()!
            .Split(' ')
            .Length.ShouldBe(83); // all that there is: action, devices, network and type
    }

    [Fact]
    public async Task Devicehives_refresh_answers_an_access_token_alone_as_the_vendor_does()
    {
        await using var bed = await Start();
        var (_, refresh) = await bed.LogIn("operator");

        var answer = JsonElement.Parse((await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).Body);

        answer.EnumerateObject().Select(member => member.Name).ShouldBe(["accessToken"]);
    }

    [Theory]
    [InlineData("/oauth/revoke", "token={access}")]
    [InlineData("/oauth/revoke", "token={refresh}")]
    [InlineData("/oauth/revoke", "token=garbage")]
    [InlineData("/oauth/revoke", "token={access}&token_type_hint=no_such_type")]
    [InlineData("/oauth/revoke-all", "caller=key:operator")]
    [InlineData("/oauth/revoke-all", "token={access}")]
    [InlineData("/oauth/revoke-all", "token=garbage")]
    public async Task A_revocation_answers_an_empty_body_with_its_length_and_a_type_that_clients_of_json_read(string path, string form)
    {
        await using var bed = await Start();
        var (access, refresh) = await bed.LogIn("operator");
        form = form.Replace("{access}", access, StringComparison.Ordinal).Replace("{refresh}", refresh, StringComparison.Ordinal);

        using var answer = await bed.Client.PostAsync(
            path,
            new StringContent($"{form}&client_id=operator&client_secret=correct+horse", Encoding.UTF8, Form)
        );

        ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync()).ShouldBe((200, ""));
        (answer.Content.Headers.ContentType?.ToString(), answer.Content.Headers.ContentLength).ShouldBe(("application/json", 0));
        answer.Headers.CacheControl!.NoStore.ShouldBeTrue();
    }

    private static Task<TokenBed> Start(bool rotates = false) =>
        TokenBed.Start(broker =>
            (broker["TokenService"]!["PasswordGrant"], broker["TokenService"]!["RefreshTokens"]) = (true, rotates ? "Rotating" : "Static")
        );

    private static async Task<JsonElement> Token(TokenBed bed, string form, string? scope)
    {
        form = form.Replace(
            "{login}",
            form.Contains("{login}", StringComparison.Ordinal) ? (await bed.LogIn("operator")).Access : "",
            StringComparison.Ordinal
        );
        var (status, body) = await bed.Post(
            "/oauth/token",
            scope is null ? form : $"{form}&scope={Uri.EscapeDataString(scope)}",
            type: Form
        );
        status.ShouldBe(200, body);
        return JsonElement.Parse(body);
    }
}
