using System.Text.Json;
using Broker.Credentials;
using FsCheck;
using FsCheck.Fluent;
using Policies;
using Shouldly;
using Xunit;

namespace Broker.FunctionalTests.TokenService;

/// <summary>For any chain of creates, renewals and exchanges the last token lies within the first, in rights and in time.</summary>
public sealed class AttenuationTests
{
    private static readonly string[] Kinds = ["create", "create for clerk", "renew", "exchange"];
    private static readonly string[] Clients = ["app:app-key", "operator:correct+horse", "admin:correct+horse"];

    private sealed record Step(string Kind, string Client, string?[] Lists, long? Minutes);

    [Fact]
    public async Task For_any_chain_the_last_tokens_permissions_and_end_lie_within_the_firsts()
    {
        await using var bed = await TokenBed.Start();
        var made = new Dictionary<string, int>();
        var ids = Gen.Elements("", "\"1\"", "\"2\"", "\"7\"", "1,\"2\"", "\"*\"", "3");
        var actions = Gen.Elements("", "3", "\"GetDevice\",15", "\"GetDevice\",\"GetCurrentUser\",\"ManageToken\"", "2,3,10,12,15", "0");
        var step =
            from kind in Gen.Elements(Kinds)
            from client in Gen.Elements(Clients)
            from a in Maybe(actions)
            from n in Maybe(ids)
            from t in Maybe(ids)
            from d in Maybe(ids)
            from minutes in Gen.Elements((long?)null, null, 5, 20, 100_000_000)
            select new Step(kind, client, [a, n, t, d], minutes);
        var chains = from login in Gen.Elements("admin", "operator") from steps in Gen.ListOf(step) select (login, steps.Take(6).ToList());

        Check.One(Config.QuickThrowOnFailure.WithMaxTest(150), Prop.ForAll(Arb.From(chains), chain =>
            {
                var first = bed.LogIn(chain.login).GetAwaiter().GetResult();
                var (access, refresh) = first;
                foreach (var next in chain.Item2)
                {
                    var before = access;
                    (access, refresh) = Take(bed, next, access, refresh).GetAwaiter().GetResult();
                    made[next.Kind] = made.GetValueOrDefault(next.Kind) + (access == before ? 0 : 1);
                    Within(bed, access, first.Access).ShouldBeTrue();
                    if (next.Kind == "exchange" && access != before)
                    {
                        TokenClaims
                            .Read(TokenBed.Claims(access))!
                            .SessionEnd.ShouldBeLessThanOrEqualTo(TokenClaims.Read(TokenBed.Claims(before))!.End);
                    }

                    if (next.Kind != "renew")
                    {
                        // what is renewed lies within the refresh token's, which may be the older
                        Within(bed, access, before).ShouldBeTrue();
                    }
                }
            }));

        Kinds.ShouldAllBe(kind => made[kind] > 10); // or nothing was shown
    }

    private static async Task<(string Access, string Refresh)> Take(TokenBed bed, Step step, string access, string refresh)
    {
        switch (step.Kind)
        {
            case "renew" when refresh.Length > 0:
                return (TokenBed.Pair(await bed.Post("/token/refresh", $$"""{"refreshToken":"{{refresh}}"}""")).Access, refresh);
            case "exchange":
                var client = step.Client.Split(':');
                var answer = await bed.Post(
                    "/oauth/token",
                    $"grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token_type=urn:ietf:params:oauth:token-type:access_token&subject_token={access}&client_id={client[0]}&client_secret={client[1]}"
                        + (step.Lists[1] is { Length: > 0 } network ? $"&scope=network:{network.Trim('"')}" : ""),
                    type: "application/x-www-form-urlencoded"
                );
                return answer.Status == 200
                    ? (JsonElement.Parse(answer.Body).GetProperty("access_token").GetString()!, "")
                    : (access, refresh);
            case "create" or "create for clerk":
                string[] names = ["actions", "networkIds", "deviceTypeIds", "deviceIds"];
                var members = names
                    .Zip(step.Lists)
                    .Where(pair => pair.Second is not null)
                    .Select(pair => $",\"{pair.First}\":[{pair.Second}]");
                var end = step.Minutes is { } minutes
                    ? $",\"expiration\":{DateTimeOffset.UtcNow.AddMinutes(minutes).ToUnixTimeMilliseconds()}"
                    : "";
                var user = step.Kind == "create" ? TokenBed.Payload(access, "u") : "3";
                var created = await bed.Post("/token/create", $"{{\"userId\":{user}{string.Concat(members)}{end}}}", access);
                return created.Status == 201 ? TokenBed.Pair(created) : (access, refresh);
            default:
                return (access, refresh);
        }
    }

    private static bool Within(TokenBed bed, string token, string other)
    {
        var (one, two) = (TokenClaims.Read(TokenBed.Claims(token))!, TokenClaims.Read(TokenBed.Claims(other))!);
        var actions = bed.Broker.Snapshots.Current.Actions;
        var (held, bound) = (
            new Grant(one.Permissions(actions), one.SessionEnd.ToUnixTimeMilliseconds()),
            new Grant(two.Permissions(actions), two.SessionEnd.ToUnixTimeMilliseconds())
        );
        return held.IsWithin(bound) && one.End <= two.SessionEnd && one.Session == two.Session;
    }

    private static Gen<string?> Maybe(Gen<string> gen) =>
        Gen.Frequency((2, Gen.Constant((string?)null)), (1, gen.Select(value => (string?)value)));
}
