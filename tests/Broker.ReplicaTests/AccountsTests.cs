using System.Text.Json.Nodes;
using Broker.Tests.Redis;
using Shouldly;
using Simulators;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>7, of the users that log in: each token is one user's, on every replica.</summary>
public sealed class AccountsTests : IAsyncLifetime
{
    private const int Brokers = 3;

    private readonly Landscape landscape = new();
    private RedisServer redis = null!;
    private DeviceHiveSimulator hive = null!;
    private Fleet fleet = null!;

    public async ValueTask InitializeAsync()
    {
        redis = await RedisServer.Start();
        hive = await landscape.DeviceHive("hive");
        await landscape.OAuth2("oauth");
        fleet = await Fleet.Start(landscape, Brokers, redis.Endpoint);
    }

    public async ValueTask DisposeAsync()
    {
        await fleet.DisposeAsync();
        await redis.DisposeAsync();
        await landscape.DisposeAsync();
    }

    [Fact]
    public async Task Two_accounts_of_one_upstream_never_share_a_token()
    {
        await EachAsHimself(logins: 2);
        hive.RevokeAccessTokens();
        await EachAsHimself(logins: 2); // refreshed
        // And from what Redis holds: another process.
        await fleet.Brokers[0].DisposeAsync();
        await fleet.Begin(0);
        await EachAsHimself(logins: 2);
        hive.Received.Data.Select(request => request.Bearer()).Distinct().Count().ShouldBe(4, "two of each");
    }

    [Fact]
    public async Task Another_user_in_the_config_goes_with_nothing_that_the_former_got()
    {
        (await fleet.AskAll(Brokers, "oauth")).ShouldAllBe(answer => answer.Status == 200);
        (await fleet.AskAll(Brokers, "hive")).ShouldAllBe(answer => answer.Status == 200);
        var (oauth, hiveAccount) = (Account("oauth"), Account("hive"));
        // The user alone, with the former's secret.
        (oauth["UserName"], hiveAccount["Login"]) = ("other@acme.example", "admin");
        await EveryReplica("oauth", answer => answer is { Status: 502, Code: "upstream-refused-login" });
        await EveryReplica("hive", answer => answer is { Status: 502, Code: "upstream-refused-login" });

        hiveAccount["Password"] = JsonNode.Parse("""{ "Env": "ADMIN_PASSWORD" }""");
        await EveryReplica("hive", answer => answer.Status == 200);
        (await fleet.AskAll(Brokers, "hive")).ShouldAllBe(answer => User(answer) == "admin");
        hive.LoginsGranted.ShouldBe(2);
        landscape["oauth"].LoginsGranted.ShouldBe(1);
    }

    private static string? User(Answered answer) => answer.Status == 200 ? (string?)JsonNode.Parse(answer.Body)!["login"] : $"{answer}";

    private JsonObject Account(string upstream) => landscape.Upstream(upstream)["Accounts"]!["default"]!.AsObject();

    /// <summary>Both callers at once at every replica.</summary>
    private async Task EachAsHimself(int logins)
    {
        var users = await Task.WhenAll(
            Enumerable
                .Range(0, 60)
                .Select(async i =>
                    (
                        IsOther: i % 2 == 1,
                        User: User(
                            await fleet.Ask(
                                fleet.Brokers[i % Brokers],
                                "hive",
                                "",
                                CancellationToken.None,
                                i % 2 == 1 ? Landscape.OtherKey : Landscape.Key
                            )
                        )
                    )
                )
        );
        users.ShouldAllBe(one => one.User == (one.IsOther ? "admin" : "operator"));
        hive.Logins.ShouldBe(logins);
    }

    private async Task EveryReplica(string upstream, Func<Answered, bool> answers)
    {
        for (var i = 0; i < Brokers; i++)
        {
            await fleet.Write(i, landscape.Config(redis.Endpoint));
        }
        for (var i = 0; i < Brokers; i++)
        {
            await Eventually.Holds(async () => answers(await fleet.Ask(i, upstream)), $"{upstream} at {i} goes as the new config says");
        }
    }
}
