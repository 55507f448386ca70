using System.Text.Json.Nodes;
using Broker.Tests.Redis;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>Ending all that came of a caller, or a session by one of its tokens.</summary>
public sealed class RevokeAllTests
{
    private const string Form = "application/x-www-form-urlencoded";

    [Fact]
    public async Task Who_manages_users_ends_all_that_came_of_a_caller_and_what_comes_after_counts()
    {
        await using var bed = await TokenBed.Start();
        var (first, second, admin) = (await bed.LogIn("operator"), await bed.LogIn("operator"), await bed.LogIn("admin"));
        var madeByHim = await bed.Create(first.Access, """{"userId":2}""");

        (await Ask(bed, "admin", "caller=key%3Aoperator")).ShouldBe((200, ""));

        foreach (var token in new[] { first.Access, second.Access, madeByHim.Access })
        {
            (await bed.Get("/net/1", token)).Status.ShouldBe(401);
        }

        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{second.Refresh}}"}""")).ShouldBe((401, ""));
        (await bed.Get("/net/1", admin.Access)).Status.ShouldBe(200);
        var after = await bed.LogIn("operator");
        (await bed.Get("/net/1", after.Access)).Status.ShouldBe(200);
        (await Ask(bed, "admin", "caller=key%3Aoperator")).Status.ShouldBe(200);
        (await bed.Get("/net/1", after.Access)).Status.ShouldBe(401);
    }

    [Fact]
    public async Task A_session_ends_by_any_token_of_it_for_its_user_and_for_who_manages_users()
    {
        await using var bed = await TokenBed.Start();
        var (mine, kept) = (await bed.LogIn("operator"), await bed.LogIn("operator"));

        (await Ask(bed, "clerk", $"token={mine.Access}")).Status.ShouldBe(400);
        (await bed.Get("/net/1", mine.Access)).Status.ShouldBe(200);
        (await Ask(bed, "operator", $"token={mine.Access}")).ShouldBe((200, ""));

        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{mine.Refresh}}"}""")).ShouldBe((401, ""));
        (await bed.Get("/net/1", kept.Access)).Status.ShouldBe(200);
        (await Ask(bed, "operator", "caller=key%3Aoperator")).ShouldBe((200, "")); // everybody may end his own
        (await bed.Get("/net/1", kept.Access)).Status.ShouldBe(401);
    }

    [Theory]
    [InlineData("clerk", "caller=key%3Aoperator", "unauthorized_client")]
    [InlineData("app", "caller=key%3Aoperator", "unauthorized_client")]
    [InlineData("admin", "caller=key%3Anobody", "invalid_request")]
    [InlineData("admin", "caller=operator", "invalid_request")]
    [InlineData("admin", "caller=user%3Ahive.2", "invalid_request")]
    [InlineData("admin", "", "invalid_request")]
    [InlineData("admin", "caller=key%3Aoperator&token=x", "invalid_request")]
    public async Task Nobody_ends_what_is_anothers_or_nobodys(string client, string form, string error)
    {
        await using var bed = await TokenBed.Start();
        var (access, _) = await bed.LogIn("operator");

        var answer = await Ask(bed, client, form);

        (answer.Status, JsonNode.Parse(answer.Body)!["error"]!.GetValue<string>()).ShouldBe((400, error));
        (await bed.Get("/net/1", access)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_callers_end_reaches_the_other_replica_and_is_not_confirmed_while_redis_is_away()
    {
        await using var redis = await RedisServer.Start();
        await using var one = await TokenBed.Replica(redis.Endpoint);
        await using var other = await TokenBed.Replica(redis.Endpoint);
        var (access, _) = await one.LogIn("operator");
        await one.Knows(access);
        await other.Knows(access);

        (await Ask(one, "admin", "caller=key%3Aoperator")).ShouldBe((200, ""));
        await Eventually.Holds(async () => (await other.Get("/net/1", access)).Status == 401, "the other replica is told");

        await redis.Kill();
        (await Ask(one, "admin", "caller=key%3Aoperator")).Status.ShouldBe(503);
    }

    private static Task<(int Status, string Body)> Ask(TokenBed bed, string client, string form) =>
        bed.Post(
            "/oauth/revoke-all",
            $"{form}&client_id={client}&client_secret={Uri.EscapeDataString(client == "app" ? "app-key" : TokenBed.Password)}",
            type: Form
        );
}
