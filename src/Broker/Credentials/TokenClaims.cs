using System.Globalization;
using System.Text.Json;
using Policies;

namespace Broker.Credentials;

/// <summary>What a token of ours claims: the standard claims, and DeviceHive's <c>payload</c> beside them.</summary>
/// <remarks>Wire format: devicehive-java-server, JwtTokenGenerator and BaseJwtClientService (u, a, n, dt, d, e, t).</remarks>
internal sealed record TokenClaims
{
    /// <summary>The caller's name in the config.</summary>
    public required string Name { get; init; }

    public required long? UserId { get; init; }

    /// <summary>Action numbers as they stand; what they mean is the present config's to say.</summary>
    public required IReadOnlyList<int> Actions { get; init; }

    public required Selection Networks { get; init; }

    public required Selection DeviceTypes { get; init; }

    public required Selection Devices { get; init; }

    public required string Id { get; init; }

    public required DateTimeOffset IssuedAt { get; init; }

    /// <summary>The earlier of <c>exp</c> and <c>payload.e</c>.</summary>
    public required DateTimeOffset End { get; init; }

    /// <summary>The permissions it claims among these actions.</summary>
    public Permissions Permissions(ActionNames actions)
    {
        // 0 is every action; a number that is no action, 1 ("none") among them, adds nothing.
        var names = Actions.Select(number => number == 0 ? Selection.Wildcard : actions.TryResolve(number, out var name) ? name : null);
        return new(Selection.Of(names.OfType<string>()), Networks, DeviceTypes, Devices);
    }

    /// <summary>Null when it is no access token of a caller of the config in every detail.</summary>
    public static TokenClaims? Read(JsonElement claims)
    {
        if (!JwtText.OptionalString(claims, "sub", out var subject) || !JwtText.OptionalString(claims, "jti", out var id) || id is null
            || subject?.StartsWith(ConfigCaller.SubjectPrefix, StringComparison.Ordinal) != true || subject.Length == ConfigCaller.SubjectPrefix.Length
            || Moment(claims, "exp", 1000) is not { } exp || Moment(claims, "iat", 1000) is not { } iat)
        {
            return null; // the name alone is not enough: alice of another source is somebody else
        }

        if (!claims.TryGetProperty("payload", out var payload) || payload.ValueKind != JsonValueKind.Object
            || Moment(payload, "e", 1) is not { } e || !IsAccess(payload) || !TryUserId(payload, out var userId)
            || Numbers(payload) is not { } actions || Names(payload, "n") is not { } networks
            || Names(payload, "dt") is not { } types || Names(payload, "d") is not { } devices)
        {
            return null;
        }

        return new()
        {
            Name = subject[ConfigCaller.SubjectPrefix.Length..],
            UserId = userId,
            Actions = actions,
            Networks = networks,
            DeviceTypes = types,
            Devices = devices,
            Id = id,
            IssuedAt = iat,
            End = exp < e ? exp : e,
        };
    }

    // 1 is an access token, 0 a refresh token, which is never taken as a bearer's.
    private static bool IsAccess(JsonElement payload) =>
        payload.TryGetProperty("t", out var t) && t.ValueKind == JsonValueKind.Number && t.TryGetInt32(out var type) && type == 1;

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
        parent.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.Number && member.TryGetInt64(out var value)
        && value >= 0 && value <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() / milliseconds
            ? DateTimeOffset.FromUnixTimeMilliseconds(value * milliseconds)
            : null;

    // Unlike DeviceHive, where [] widens to everything a client may do: absent or empty is nothing.
    private static List<int>? Numbers(JsonElement payload)
    {
        var all = new List<int>();
        if (!payload.TryGetProperty("a", out var list))
        {
            return all;
        }

        if (list.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        foreach (var item in list.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out var number)
                || item.GetRawText() != number.ToString(CultureInfo.InvariantCulture))
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
