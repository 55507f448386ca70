using System.Text.Json.Nodes;
using Broker.Credentials;
using Broker.Tests.Redis;
using Broker.TokenService;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>What one client revokes is bounded over all replicas, and whatever it ended stays ended.</summary>
public sealed class RevocationFloodTests
{
    private const string Form = "application/x-www-form-urlencoded";
    private const string App = "client_id=app&client_secret=app-key";

    // A replica hears of the other's entries a moment later.
    private const int Late = 50;

    [Fact]
    public async Task Who_makes_and_revokes_tokens_without_end_at_two_replicas_has_the_room_of_one()
    {
        await using var redis = await RedisServer.Start();
        await using var one = await TokenBed.Replica(redis.Endpoint, Patient);
        await using var other = await TokenBed.Replica(redis.Endpoint, Patient);
        var (untouched, _) = await one.LogIn("operator");
        await other.Knows(untouched);
        var (ended, answers) = (new List<string>(), new List<int>());
        for (var i = 0; i < RevocationShares.MostOfItsOwn + 300; i++)
        {
            var (token, status) = await MakeAndRevoke(i % 2 == 0 ? one : other);
            answers.Add(status);
            if (status == 200)
            {
                ended.Add(token);
            }
        }

        answers.ShouldAllBe(status => status == 200 || status == 429);
        answers.Take(RevocationShares.MostOfItsOwn).ShouldAllBe(status => status == 200);
        answers.Skip(RevocationShares.MostOfItsOwn).ShouldContain(429);
        await Eventually.Holds(() => Task.FromResult(Known(one) == Known(other)), "both know the same");
        Known(one).ShouldBeLessThanOrEqualTo(RevocationShares.MostOfItsOwn + Late);
        foreach (var token in ended.Where((_, i) => i % 50 == 0).Append(ended[^1]))
        {
            (await one.Get("/net/1", token)).Status.ShouldBe(401);
            await Eventually.Holds(async () => (await other.Get("/net/1", token)).Status == 401, "it is ended at the other one too");
        }

        (await other.Get("/net/1", untouched)).Status.ShouldBe(200);

        // One that starts later knows from Redis alone what was ended, and how much of it is whose.
        await using var third = await TokenBed.Replica(redis.Endpoint, Patient);
        await third.Knows(untouched);
        (await third.Get("/net/1", ended[0])).Status.ShouldBe(401);
        var before = Known(third);
        for (var i = 0; i < 20; i++)
        {
            await MakeAndRevoke(third);
        }

        Known(third).ShouldBeLessThanOrEqualTo(before + 1); // all of the client at once
    }

    [Fact]
    public async Task Sessions_that_end_because_a_refresh_token_was_reused_take_room_of_their_client_and_end_without_room_too()
    {
        await using var bed = await TokenBed.Start(broker =>
            (broker["TokenService"]!["RefreshTokens"], broker["TokenService"]!["RotationGrace"]) = ("Rotating", "00:00:00")
        );
        for (var i = 0; i < 5; i++)
        {
            await Reuse(bed);
        }

        var (access, _) = await bed.LogIn("operator");
        var credential = $"client_id=operator&client_secret={Uri.EscapeDataString(TokenBed.Password)}";
        for (var i = 0; i < RevocationShares.MostOfItsOwn - 5; i++)
        {
            var made = await bed.Create(access, """{"userId":2}""");
            (await bed.Post("/oauth/revoke", $"token={made.Access}&{credential}", type: Form)).Status.ShouldBe(200);
        }

        (await bed.Get("/net/1", access)).Status.ShouldBe(200); // all had room of their own
        var ids = Ids(bed);
        await Reuse(bed); // there is none: all of the client ends
        (await bed.Get("/net/1", access)).Status.ShouldBe(401);
        for (var i = 0; i < 5; i++)
        {
            await Reuse(bed); // nor is it time for that again: what can be renewed ends
        }

        Ids(bed).ShouldBe(ids);
    }

    /// <summary>A session whose first refresh token is used twice: none of it can be renewed.</summary>
    /// <summary>A thousand calls in a row are all to be answered, on a machine with other work too.</summary>
    private static void Patient(JsonObject broker) => broker["Redis"]!["CallTimeout"] = "00:00:04";

    private static async Task Reuse(TokenBed bed)
    {
        var (_, first) = await bed.LogIn("operator");
        var renewed = await bed.Post("/token/refresh", $$"""{"refreshToken":"{{first}}"}""");
        renewed.Status.ShouldBe(201);
        var second = JsonNode.Parse(renewed.Body)!["refreshToken"]!.GetValue<string>();
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{first}}"}""")).Status.ShouldBe(401);
        (await bed.Post("/token/refresh", $$"""{"refreshToken":"{{second}}"}""")).Status.ShouldBe(401);
    }

    private static async Task<(string Token, int Status)> MakeAndRevoke(TokenBed bed)
    {
        var made = await bed.Post("/oauth/token", $"grant_type=client_credentials&{App}", type: Form);
        var token = JsonNode.Parse(made.Body)!["access_token"]!.GetValue<string>();
        return (token, (await bed.Post("/oauth/revoke", $"token={token}&{App}", type: Form)).Status);
    }

    /// <summary>How much stands there: tokens and sessions, and callers.</summary>
    private static int Known(TokenBed bed) => ((RevocationList)bed.Broker.Revocations).Known().Count();

    private static int Ids(TokenBed bed) =>
        ((RevocationList)bed.Broker.Revocations).Known().Count(fact => fact.Kind == Broker.Credentials.RevocationEventKind.Ended);
}
