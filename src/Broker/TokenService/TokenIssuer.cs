using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Broker.Configuration;
using Broker.Credentials;
using Policies;

namespace Broker.TokenService;

/// <summary>Signs tokens of our own with the first signing key.</summary>
internal sealed class TokenIssuer(TimeProvider time)
{
    private const int IdBytes = 16;
    private const int EveryAction = 0;

    /// <summary>An access token for a caller of the config, never wider than what that caller may do there.</summary>
    /// <param name="snapshot">Whose keys, callers and actions.</param>
    /// <param name="callerName">The caller's name in the config.</param>
    /// <param name="wanted">What it shall hold; null is all that the caller may do. What goes beyond that is left out.</param>
    /// <param name="lifetime">How long; null is the config's.</param>
    /// <exception cref="InvalidOperationException">The config has no such caller, no key that signs, or more names than fit; the message
    /// says which.</exception>
    public string Issue(Snapshot snapshot, string callerName, Permissions? wanted, TimeSpan? lifetime)
    {
        var table = snapshot.Part<CredentialTable>();
        var caller = table.CallerNamed(callerName) ?? throw new InvalidOperationException("The config has no caller of that name.");
        if (table.Keys is not { Signer: not null } keys)
        {
            throw new InvalidOperationException("The config has no key that signs: see Broker:Issuing:SigningKeys.");
        }

        var life = lifetime ?? keys.AccessLifetime;
        ArgumentOutOfRangeException.ThrowIfLessThan(life, TimeSpan.FromSeconds(1), nameof(lifetime));
        var held = (wanted ?? caller.Permissions).Intersect(caller.Permissions);
        var now = DateTimeOffset.FromUnixTimeSeconds(time.GetUtcNow().ToUnixTimeSeconds());
        var end = now.AddSeconds((long)life.TotalSeconds);
        return Sign(
            Holding(held, snapshot.Actions) with
            {
                Subject = caller.Identity,
                UserId = table.UserIdOf(callerName),
                IssuedAt = now,
                End = end,
                Id = NewId(),
                Session = NewId(),
                SessionEnd = end,
            },
            keys
        );
    }

    public static string NewId() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(IdBytes));

    /// <summary>Claims of these permissions, of nobody yet.</summary>
    public static TokenClaims Holding(in Permissions held, ActionNames actions) =>
        new()
        {
            Actions = held.Actions.IsEverything ? [EveryAction] : [.. held.Actions.Names.Select(actions.NumberOf).Order()],
            Networks = held.Networks,
            DeviceTypes = held.DeviceTypes,
            Devices = held.Devices,
            Subject = "",
            UserId = null,
            Id = "",
            IssuedAt = default,
            End = default,
            Session = "",
            SessionEnd = default,
        };

    /// <exception cref="InvalidOperationException">Nothing signs, or it holds more names than fit.</exception>
    public static string Sign(TokenClaims claims, SigningKeys keys)
    {
        if (claims.Creators.Count > TokenClaims.MaxCreators)
        {
            throw new TokenTooWideException($"The token would rest on more than {TokenClaims.MaxCreators} identities.");
        }

        var signer = keys.Signer
            ?? throw new InvalidOperationException("The config has no key that signs: see Broker:Issuing:SigningKeys.");
        var payload = new JsonObject
        {
            ["iss"] = keys.Issuer,
            ["sub"] = claims.Subject,
            ["aud"] = keys.Audience,
            ["iat"] = claims.IssuedAt.ToUnixTimeSeconds(),
            ["exp"] = claims.End.ToUnixTimeSeconds(),
            ["jti"] = claims.Id,
            ["sid"] = claims.Session,
            ["sxp"] = claims.SessionEnd.ToUnixTimeSeconds(),
        };
        Add(payload, "by", claims.Creators.Count == 0 ? null : new JsonArray([.. claims.Creators.Select(creator => (JsonNode)creator)]));
        Add(
            payload,
            "gen",
            claims.Generations.All(number => number == 0) ? null : new JsonArray([.. claims.Generations.Select(number => (JsonNode)number)])
        );
        if (claims is { Use: TokenUse.Access, Topic: null })
        {
            payload["client_id"] = claims.ClientId; // RFC 9068, 2.2: every access token names one
        }
        else
        {
            Add(payload, "cid", claims.Client);
        }

        Add(payload, "scope", claims.Scope);
        Add(payload, "rtl", claims.Line);
        Add(payload, "rtn", claims.Line is null ? null : new JsonArray(claims.Place));
        payload["payload"] = DeviceHivePayload(claims);

        // RFC 9068: an access token says so; what is typed otherwise is not taken for one.
        var type =
            claims.Topic is not null ? TokenReader.PluginType
            : claims.Use == TokenUse.Refresh ? TokenReader.RefreshType
            : "at+jwt";
        var header = new JsonObject
        {
            ["alg"] = signer.Algorithm,
            ["kid"] = signer.Id,
            ["typ"] = type,
        };
        var input = $"{Encode(header)}.{Encode(payload)}";
        var token = $"{input}.{Base64Url.EncodeToString(signer.Sign(Encoding.ASCII.GetBytes(input)))}";
        return token.Length <= TokenReader.MaxLength
            ? token
            : throw new TokenTooWideException(
                $"The token would have {token.Length} characters; {TokenReader.MaxLength} are read. Name fewer devices."
            );
    }

    // DeviceHive's clients read this and nothing else. All four dimensions stand there: one that is missing would be nothing.
    private static JsonObject DeviceHivePayload(TokenClaims claims)
    {
        var payload = new JsonObject();
        Add(payload, "u", claims.Topic is null ? claims.UserId : null); // DeviceHive's readers take any token with a 'u' for a user's
        payload["a"] = new JsonArray([.. claims.Actions.Select(action => (JsonNode)action)]);
        if (claims.Topic is null)
        {
            payload["n"] = Names(claims.Networks);
            payload["dt"] = Names(claims.DeviceTypes);
            payload["d"] = Names(claims.Devices);
        }

        payload["e"] = claims.End.ToUnixTimeMilliseconds();
        payload["t"] = (int)claims.Use;
        Add(payload, "tpc", claims.Topic);
        return payload;
    }

    private static void Add(JsonObject to, string name, JsonNode? value)
    {
        if (value is not null)
        {
            to[name] = value;
        }
    }

    private static JsonArray Names(Selection selection) =>
        selection.IsEverything ? new JsonArray(Selection.Wildcard) : new JsonArray([.. selection.Names.Select(name => (JsonNode)name)]);

    private static string Encode(JsonObject part) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));
}

/// <summary>A token holds more than fits into one: the message says what.</summary>
internal sealed class TokenTooWideException(string message) : InvalidOperationException(message);
