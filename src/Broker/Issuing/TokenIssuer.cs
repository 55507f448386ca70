using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using Policies;

namespace Broker.Issuing;

/// <summary>Signs tokens of our own with the first signing key.</summary>
internal sealed class TokenIssuer(TimeProvider time)
{
    private const int IdBytes = 16;
    private const int AccessToken = 1;
    private const int EveryAction = 0;

    /// <summary>An access token for a caller of the config, never wider than what that caller may do there.</summary>
    /// <param name="snapshot">Whose keys, callers and actions.</param>
    /// <param name="callerName">The caller's name in the config.</param>
    /// <param name="wanted">What it shall hold; null is all that the caller may do. What goes beyond that is left out.</param>
    /// <param name="lifetime">How long; null is the config's.</param>
    /// <exception cref="InvalidOperationException">The config has no such caller, no key that signs, or more names than fit; the message says which.</exception>
    public string Issue(Snapshot snapshot, string callerName, Permissions? wanted, TimeSpan? lifetime)
    {
        var table = snapshot.Part<CredentialTable>();
        var caller = table.CallerNamed(callerName) ?? throw new InvalidOperationException("The config has no caller of that name.");
        if (table.Keys is not { Signer: { } signer } keys)
        {
            throw new InvalidOperationException("The config has no key that signs: see Broker:Issuing:SigningKeys.");
        }

        var life = lifetime ?? keys.AccessLifetime;
        ArgumentOutOfRangeException.ThrowIfLessThan(life, TimeSpan.FromSeconds(1), nameof(lifetime));
        var held = (wanted ?? caller.Permissions).Intersect(caller.Permissions);
        var now = time.GetUtcNow().ToUnixTimeSeconds();
        var end = checked(now + (long)life.TotalSeconds);
        var payload = new JsonObject
        {
            ["iss"] = keys.Issuer,
            ["sub"] = caller.Identity,
            ["aud"] = keys.Audience,
            ["iat"] = now,
            ["exp"] = end,
            ["jti"] = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(IdBytes)),
            ["payload"] = DeviceHivePayload(held, snapshot.Actions, table.UserIdOf(callerName), end),
        };
        var token = Sign(payload, signer);
        return token.Length <= JwtText.MaxLength ? token
            : throw new InvalidOperationException($"The token would have {token.Length} characters; {JwtText.MaxLength} are read. Name fewer devices.");
    }

    // DeviceHive's clients read this and nothing else. All four dimensions stand there: one that is missing would be nothing.
    private static JsonObject DeviceHivePayload(in Permissions held, ActionNames actions, long? userId, long end)
    {
        var payload = new JsonObject();
        if (userId is { } number)
        {
            payload["u"] = number;
        }

        payload["a"] = held.Actions.IsEverything
            ? new JsonArray(EveryAction)
            : new JsonArray([.. held.Actions.Names.Select(actions.NumberOf).Order().Select(action => (JsonNode)action)]);
        payload["n"] = Names(held.Networks);
        payload["dt"] = Names(held.DeviceTypes);
        payload["d"] = Names(held.Devices);
        payload["e"] = checked(end * 1000);
        payload["t"] = AccessToken;
        return payload;
    }

    private static JsonArray Names(Selection selection) =>
        selection.IsEverything ? new JsonArray(Selection.Wildcard) : new JsonArray([.. selection.Names.Select(name => (JsonNode)name)]);

    private static string Sign(JsonObject payload, SigningKey key)
    {
        // RFC 9068: an access token says so; what is typed otherwise is not taken for one.
        var header = new JsonObject { ["alg"] = key.Algorithm, ["kid"] = key.Id, ["typ"] = "at+jwt" };
        var input = $"{Encode(header)}.{Encode(payload)}";
        return $"{input}.{Base64Url.EncodeToString(key.Sign(Encoding.ASCII.GetBytes(input)))}";
    }

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));
}
