using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Broker.Tests.Redis;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>OAuth2's clients: one that does not show who it is gets nothing, and a rotating refresh token is one client's alone.</summary>
public sealed class OAuthClientTests
{
    private const string Form = "application/x-www-form-urlencoded";
    private const string App = "client_id=app&client_secret=app-key";
    private const string Exchange =
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token_type=urn:ietf:params:oauth:token-type:access_token";
    private const string InvalidClient =
        """{"error":"invalid_client","error_description":"The client is not known by these credentials."}""";
    private const string InvalidGrant =
        """{"error":"invalid_grant","error_description":"The grant is not valid, or not valid any more."}""";
    private const string NotNow =
        """{"error":"temporarily_unavailable","error_description":"This cannot be decided at the moment: send the request again."}""";

    [Theory]
    [InlineData("", null)]
    [InlineData("&client_id=app", null)]
    [InlineData("&client_id=app&client_secret=", null)]
    [InlineData("&client_id=app&client_secret=wrong", null)]
    [InlineData("&client_id=clerk&client_secret=app-key", null)]
    [InlineData("&client_id=gone&client_secret=correct+horse", null)]
    [InlineData("", "app:wrong")]
    [InlineData("", "bearer")]
    public async Task Rfc_6749_5_2_an_exchange_whose_client_does_not_show_who_it_is_is_a_401_that_asks_for_basic(
        string client,
        string? login
    )
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("operator");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/oauth/token")
        {
            Content = new StringContent($"{Exchange}&subject_token={access}{client}", Encoding.UTF8, Form),
        };
        request.Headers.Authorization =
            login is null ? null
            : login == "bearer" ? new("Bearer", access) // the subject is not the client, though its token is a good one
            : new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(login)));

        using var answer = await bed.Client.SendAsync(request);

        ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync()).ShouldBe((401, InvalidClient));
        answer.Headers.WwwAuthenticate.ShouldBe([new AuthenticationHeaderValue("Basic", "realm=\"broker\"")]);
        (await bed.Post("/oauth/token", $"{Exchange}&subject_token={access}&{App}", type: Form)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Within_the_grace_the_same_client_gets_the_same_successor_again_until_that_is_used_and_another_client_gets_none()
    {
        await using var bed = await TokenBed.Start(Rotating);
        var first = await Token(bed, LogIn);

        // Another client has no part in it: neither does it get one, nor does its try end anything.
        (
            await bed.Post(
                "/oauth/token",
                $"grant_type=refresh_token&refresh_token={first.Refresh}&client_id=clerk&client_secret=correct+horse",
                type: Form
            )
        ).ShouldBe((400, InvalidGrant));
        var lost = await Token(bed, Renew(first.Refresh));
        (
            await bed.Post(
                "/oauth/token",
                $"grant_type=refresh_token&refresh_token={first.Refresh}&client_id=clerk&client_secret=correct+horse",
                type: Form
            )
        ).ShouldBe((400, InvalidGrant));
        var again = await Token(bed, Renew(first.Refresh));

        (again.Refresh, again.Refresh == first.Refresh).ShouldBe((lost.Refresh, false));
        (await bed.Get("/net/1", again.Access)).Status.ShouldBe(200);

        var next = await Token(bed, Renew(again.Refresh));
        (await bed.Post("/oauth/token", Renew(first.Refresh), type: Form)).ShouldBe((400, InvalidGrant));
        foreach (var access in new[] { first.Access, lost.Access, next.Access })
        {
            (await bed.Get("/net/1", access)).Status.ShouldBe(401);
        }

        (await bed.Post("/oauth/token", Renew(next.Refresh), type: Form)).ShouldBe((400, InvalidGrant));
    }

    [Fact]
    public async Task A_rotating_refresh_token_is_a_503_while_redis_is_away_and_serves_when_it_is_back()
    {
        await using var redis = await RedisServer.Start();
        await using var bed = await TokenBed.Replica(redis.Endpoint, Rotating);
        (int Status, string Body) login = (503, "");
        await Eventually.Holds(
            async () => (login = await bed.Post("/oauth/token", LogIn, type: Form)).Status == 200,
            "the login is answered"
        );
        var refresh = JsonElement.Parse(login.Body).GetProperty("refresh_token").GetString()!;
        await bed.Knows(JsonElement.Parse(login.Body).GetProperty("access_token").GetString()!);
        redis.Freeze();

        using (var answer = await bed.Client.PostAsync("/oauth/token", new StringContent(Renew(refresh), Encoding.UTF8, Form)))
        {
            ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync()).ShouldBe((503, NotNow));
            answer.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(1));
        }

        redis.Thaw();
        (int Status, string Body) back = (503, "");
        await Eventually.Holds(
            async () => (back = await bed.Post("/oauth/token", Renew(refresh), type: Form)).Status != 503,
            "Redis is back"
        );
        back.Status.ShouldBe(200, back.Body);
    }

    private static string LogIn => $"grant_type=password&username=operator&password=correct+horse&{App}";

    private static string Renew(string refresh) => $"grant_type=refresh_token&refresh_token={refresh}&{App}";

    private static void Rotating(JsonObject broker) =>
        (broker["TokenService"]!["PasswordGrant"], broker["TokenService"]!["RefreshTokens"], broker["TokenService"]!["RotationGrace"]) = (
            true,
            "Rotating",
            "00:05:00"
        );

    private static async Task<(string Access, string Refresh)> Token(TokenBed bed, string form)
    {
        var (status, body) = await bed.Post("/oauth/token", form, type: Form);
        status.ShouldBe(200, body);
        var token = JsonElement.Parse(body);
        return (token.GetProperty("access_token").GetString()!, token.GetProperty("refresh_token").GetString()!);
    }
}
