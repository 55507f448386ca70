using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

public sealed class GuessingTests
{
    private const string TooMany = """{"error":429,"message":"Too many failed logins: wait before the next one."}""";

    [Theory]
    [InlineData("operator")]
    [InlineData("nobody")]
    public async Task After_ten_failed_logins_in_a_row_the_name_waits_whether_it_is_known_or_not_and_live_tokens_do_not(string login)
    {
        await using var bed = await TokenBed.Start();
        var (access, refresh) = await bed.LogIn("operator");
        var wrong = $$"""{"login":"{{login}}","password":"wrong"}""";
        for (var i = 0; i < 10; i++)
        {
            (await bed.Post("/token", wrong)).Status.ShouldBe(401);
        }

        using var answer = await bed.Client.PostAsync(
            "/token",
            new StringContent($$"""{"login":"{{login}}","password":"{{TokenBed.Password}}"}""", null, "text/plain")
        );
        ((int)answer.StatusCode, answer.Headers.RetryAfter?.Delta).ShouldBe((415, null)); // text/plain: nothing was tried

        (await bed.Post("/token", $$"""{"login":"{{login}}","password":"{{TokenBed.Password}}"}""")).ShouldBe((429, TooMany));
        (
            await bed.Post(
                "/oauth/token",
                $"grant_type=client_credentials&client_id={login}&client_secret=wrong",
                type: "application/x-www-form-urlencoded"
            )
        ).Status.ShouldBe(429);
        (await bed.Get("/net/1", access)).Status.ShouldBe(200);
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).Status.ShouldBe(201);
        (await bed.Post("/token", $$"""{"login":"admin","password":"{{TokenBed.Password}}"}""")).Status.ShouldBe(201);
    }

    [Fact]
    public async Task Guesses_by_basic_on_a_forwarded_route_count_as_well_and_the_right_password_waits_too_though_it_is_remembered()
    {
        await using var bed = await TokenBed.Start();
        static string Basic(string password) =>
            "Basic " + Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes("operator:" + password));
        (await bed.Get("/net/1", Basic(TokenBed.Password))).Status.ShouldBe(200);
        for (var i = 0; i < 10; i++)
        {
            (await bed.Get("/net/1", Basic($"wrong {i}"))).Status.ShouldBe(401);
        }

        var answer = await bed.Get("/net/1", Basic(TokenBed.Password));

        answer.Status.ShouldBe(429);
        answer.Body.ShouldContain("\"code\":\"rate-limited\"");
        bed.Upstream.Requests.Count.ShouldBe(1);
        (await bed.Post("/token", $$"""{"login":"operator","password":"{{TokenBed.Password}}"}""")).Status.ShouldBe(429);
    }

    [Fact]
    public async Task A_success_breaks_the_row()
    {
        await using var bed = await TokenBed.Start();
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 9; i++)
            {
                (await bed.Post("/token", """{"login":"operator","password":"wrong"}""")).Status.ShouldBe(401);
            }

            await bed.LogIn("operator");
        }
    }
}
