using System.Globalization;
using System.Text.Json;
using Policies;

namespace Broker.Credentials;

/// <summary>Reads the claims of a token of ours, whose signature was verified; what is not exactly as we write it is not ours.</summary>
/// <remarks>Wire format of <c>payload</c>: devicehive-java-server, JwtTokenGenerator and BaseJwtClientService (u, a, n, dt, d, e, t,
/// tpc).</remarks>
internal static class TokenClaimsReader
{
    public static TokenClaims? Read(JsonElement claims)
    {
        if (
            !JwtText.OptionalString(claims, "sub", out var subject)
            || !JwtText.OptionalString(claims, "jti", out var id)
            || id is null
            || !IsIdentity(subject)
            || Moment(claims, "exp", 1000) is not { } exp
            || Moment(claims, "iat", 1000) is not { } iat
            || !claims.TryGetProperty("payload", out var payload)
            || payload.ValueKind != JsonValueKind.Object
            || Moment(payload, "e", 1) is not { } e
            || UseOf(payload) is not { } use
            || !TryUserId(payload, out var userId)
            || Integers(payload, "a") is not { } actions
            || Names(payload, "n") is not { } networks
            || Names(payload, "dt") is not { } types
            || Names(payload, "d") is not { } devices
        )
        {
            return null; // the name alone is not enough: alice of another source is somebody else
        }

        var end = exp < e ? exp : e;
        var read = new TokenClaims
        {
            Subject = subject!,
            UserId = userId,
            Actions = actions,
            Networks = networks,
            DeviceTypes = types,
            Devices = devices,
            Id = id,
            IssuedAt = iat,
            End = end,
            Use = use,
            Session = id,
            SessionEnd = end,
        };
        return WithSession(read, claims, payload);
    }

    private static TokenClaims? WithSession(TokenClaims read, JsonElement claims, JsonElement payload)
    {
        if (
            !JwtText.OptionalString(claims, "sid", out var session)
            || !JwtText.OptionalString(claims, "cid", out var client)
            || !JwtText.OptionalString(claims, "client_id", out var clientId)
            || !JwtText.OptionalString(claims, "scope", out var scope)
            || !JwtText.OptionalString(claims, "rtl", out var line)
            || !JwtText.OptionalString(payload, "tpc", out var topic)
            || Names(claims, "by") is not { IsEverything: false } creators
            || Longs(claims, "gen") is not { } generations
            || Integers(claims, "rtn") is not { Count: < 2 } place
            || generations.Exists(number => number < 0)
        )
        {
            return null;
        }

        var end = session is null ? read.End : Moment(claims, "sxp", 1000);
        var by = creators.Names.ToArray();
        // Aligned with the generations: the writer puts creators in ordinal order.
        return end is not { } sessionEnd || by.Length > TokenClaims.MaxCreators || !Array.TrueForAll(by, IsIdentity)
            ? null
            : read with
            {
                Session = session ?? read.Session,
                SessionEnd = sessionEnd,
                End = sessionEnd < read.End ? sessionEnd : read.End,
                Creators = by,
                Generations = generations,
                Client = client ?? (clientId == TokenClaims.OwnClientId(read.Subject) ? null : clientId),
                Scope = scope,
                Line = line,
                Place = place.Count == 0 ? 0 : place[0],
                Topic = topic,
            };
    }

    private static bool IsIdentity(string? text) =>
        text?.IndexOf(':', StringComparison.Ordinal) is { } colon && colon > 0 && colon < text.Length - 1;

    private static TokenUse? UseOf(JsonElement payload) =>
        payload.TryGetProperty("t", out var t) && t.ValueKind == JsonValueKind.Number && t.TryGetInt32(out var type) && type is 0 or 1
            ? (TokenUse)type
            : null;

    private static bool TryUserId(JsonElement payload, out long? userId)
    {
        userId = null;
        if (!payload.TryGetProperty("u", out var u))
        {
            return true;
        }

        var isNumber = u.ValueKind == JsonValueKind.Number && u.TryGetInt64(out var number);
        userId = isNumber ? u.GetInt64() : null;
        return isNumber;
    }

    private static DateTimeOffset? Moment(JsonElement parent, string name, long milliseconds) =>
        parent.TryGetProperty(name, out var member)
        && member.ValueKind == JsonValueKind.Number
        && member.TryGetInt64(out var value)
        && value >= 0
        && value <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() / milliseconds
            ? DateTimeOffset.FromUnixTimeMilliseconds(value * milliseconds)
            : null;

    // Unlike DeviceHive, where [] widens to everything a client may do: absent or empty is nothing.
    private static List<int>? Integers(JsonElement parent, string name) =>
        Longs(parent, name) is { } all && all.TrueForAll(number => number is >= int.MinValue and <= int.MaxValue)
            ? all.ConvertAll(number => (int)number)
            : null;

    private static List<long>? Longs(JsonElement parent, string name)
    {
        var all = new List<long>();
        if (!parent.TryGetProperty(name, out var list))
        {
            return all;
        }

        if (list.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        foreach (var item in list.EnumerateArray())
        {
            if (
                item.ValueKind != JsonValueKind.Number
                || !item.TryGetInt64(out var number)
                || item.GetRawText() != number.ToString(CultureInfo.InvariantCulture)
            )
            {
                return null; // 1e0, -0: a number that two readers could take for two
            }

            all.Add(number);
        }

        return all;
    }

    private static Selection? Names(JsonElement payload, string name)
    {
        if (!payload.TryGetProperty(name, out var list))
        {
            return Selection.Nothing;
        }

        if (list.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        var all = new List<string>();
        foreach (var item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.String || item.GetString() is not { Length: > 0 } text)
            {
                return null;
            }

            all.Add(text);
        }

        return Selection.Of(all);
    }
}
