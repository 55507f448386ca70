using System.Text.Json;
using System.Text.Json.Nodes;
using Broker.Tests.Redis;
using Shouldly;
using Xunit;

namespace Broker.ReplicaTests;

/// <summary>
/// Signing keys change at one broker after the other while callers log in at both and show what they got at both: add, sign with the new,
/// verify with both, drop.
/// </summary>
[Collection(Lanes.TokenService)]
public sealed class KeyRotationTests
{
    [Fact]
    public async Task Signing_keys_change_over_two_brokers_without_one_refusal()
    {
        await using var redis = await RedisServer.Start();
        await using var fleet = await TokenFleet.Start(2, _ => [redis.Endpoint]);
        var old = await TokenFleet.Login(fleet.Brokers[0]);
        foreach (var broker in fleet.Brokers)
        {
            await fleet.Counts(broker, old.Access);
        }
        using var stop = new CancellationTokenSource();
        List<string> refused = [];
        HashSet<string> kinds = [];
        var callers = Callers(fleet, refused, kinds, stop.Token);
        var lasting = old;

        async Task Step(params string[] keys)
        {
            foreach (var i in new[] { 1, 0 })
            {
                fleet.Write(i, [redis.Endpoint], broker => broker["Issuing"]!["SigningKeys"] = Keys(keys));
                await Eventually.Holds(async () => (await KeySet(fleet.Brokers[i])).SequenceEqual(keys), "the broker has read its config");
                lasting = TokenFleet.PairOf(await TokenFleet.Use(fleet.Brokers[i], lasting.Refresh)); // a session goes through all of it
            }
        }

        await Step("first", "second");
        await Step("second", "first");
        (KeyOf(lasting.Access), KeyOf(lasting.Refresh)).ShouldBe(("second", "second"));
        (await fleet.Ask(fleet.Brokers[0], old.Access)).ShouldBe(200);
        (await fleet.Ask(fleet.Brokers[1], old.Access)).ShouldBe(200);
        // Dropped when nothing lives that it signed: here the callers stop first, as if their tokens had ended.
        await stop.CancelAsync();
        await callers;
        await Step("second");

        refused.ShouldBeEmpty();
        kinds.Order().ShouldBe(["first", "second"]);
        foreach (var broker in fleet.Brokers)
        {
            (await fleet.Ask(broker, lasting.Access)).ShouldBe(200);
            (await fleet.Ask(broker, old.Access)).ShouldBe(401);
            (await TokenFleet.Use(broker, old.Refresh)).Status.ShouldBe(401);
        }
    }

    /// <summary>One after the other: a login at one, a request at each, a refresh at the other, a request at each.</summary>
    private static async Task Callers(TokenFleet fleet, List<string> refused, HashSet<string> kinds, CancellationToken stop)
    {
        void Must(int status, int expected, string what)
        {
            if (status != expected)
            {
                refused.Add($"{what}: {status}");
            }
        }

        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var (one, other) = (fleet.Brokers[i % 2], fleet.Brokers[1 - (i % 2)]);
            var login = await TokenFleet.LogIn(one);
            Must(login.Status, 201, "login");
            var pair = TokenFleet.PairOf(login);
            kinds.Add(KeyOf(pair.Access));
            Must(await fleet.Ask(one, pair.Access), 200, "where it was issued");
            Must(await fleet.Ask(other, pair.Access), 200, "at the other broker");
            var renewed = await TokenFleet.Use(other, pair.Refresh);
            Must(renewed.Status, 201, "refresh");
            pair = TokenFleet.PairOf(renewed);
            Must(await fleet.Ask(other, pair.Access), 200, "where it was renewed");
            Must(await fleet.Ask(one, pair.Access), 200, "at the first broker");
        }
    }

    private static JsonObject Keys(string[] ids) =>
        new(
            ids.Select(id =>
                KeyValuePair.Create<string, JsonNode?>(
                    id,
                    JsonNode.Parse($$"""{ "Algorithm": "ES256", "Key": { "Env": "{{id.ToUpperInvariant()}}" } }""")
                )
            )
        );

    private static async Task<IEnumerable<string>> KeySet(BrokerProcess broker) =>
        JsonElement
            .Parse(await broker.Client.GetStringAsync("/.well-known/jwks.json"))
            .GetProperty("keys")
            .EnumerateArray()
            .Select(key => key.GetProperty("kid").GetString()!);

    private static string KeyOf(string token) =>
        JsonElement.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[0])).GetProperty("kid").GetString()!;
}
