using System.Collections.Frozen;
using System.Text.Json;

namespace Simulators;

/// <summary>DeviceHive's authentication of a request, and its permission checks.</summary>
internal sealed class DeviceHiveAccess(DeviceHiveWorld world, DeviceHiveJwt jwt, IssuedTokens issued)
{
    /// <summary>Reads the Authorization header; its first six letters are compared, case and all.</summary>
    public (Answer? Refusal, DeviceHivePrincipal? Principal) Authenticate(Call call)
    {
        var header = call.Header("Authorization");
        if (header is null || !header.StartsWith("Bearer", StringComparison.Ordinal))
        {
            return (DeviceHiveErrors.Unauthorized, null);
        }
        var token = header[6..].Trim();
        if (jwt.Read(token) is not { } payload || Claim(payload, "t") != DeviceHiveJwt.Access)
        {
            return (DeviceHiveErrors.Unauthorized, null);
        }
        var state = issued.Find(token).State;
        if (jwt.IsExpired(payload) || state == TokenState.Expired)
        {
            return (DeviceHiveErrors.Expired, null);
        }
        var principal = state == TokenState.Revoked ? null : ToPrincipal(payload);
        return principal is null ? (DeviceHiveErrors.Unauthorized, null) : (null, principal);
    }

    public Answer? Refuse(Call call, DeviceHiveAction action, out DeviceHivePrincipal principal)
    {
        var (refusal, found) = Authenticate(call);
        principal = found!;
        return refusal ?? (found!.Actions.Contains(action) ? null : DeviceHiveErrors.Denied);
    }

    /// <summary>Checks a device by its id: 403 for what a limited token does not hold, 404 for what is not there for a full one.</summary>
    public (Answer? Refusal, DeviceHiveDevice? Device) Find(DeviceHivePrincipal principal, string id)
    {
        var isFull = principal is { Networks: null, DeviceTypes: null, Topic: null };
        var device = world.Devices.TryGetValue(id, out var found) && principal.Owns(found) ? found : null;
        return device is not null && principal.Holds(device) ? (null, device)
            : isFull ? (DeviceHiveErrors.NoDevice(id), null)
            : (DeviceHiveErrors.Denied, null);
    }

    private DeviceHivePrincipal? ToPrincipal(JsonElement payload)
    {
        JsonElement? claims = payload;
        if (DeviceHiveActions.FromClaim(claims.Items("a")) is not { } actions)
        {
            return null;
        }
        if (Claim(payload, "u") is not { } id)
        {
            return new(null, claims.Text("tpc"), actions, [], [], false, payload);
        }
        return world.Users.TryGetValue(id, out var user) && user.IsActive
            ? new(
                user,
                null,
                actions,
                Ids(claims.Items("n")),
                DeviceTypesOf(user, claims.Items("dt")),
                claims.Items("n") is not null,
                payload
            )
            : null;
    }

    /// <summary>The restriction to some types is ignored for a user who has them all.</summary>
    private static FrozenSet<long>? DeviceTypesOf(DeviceHiveUser user, IReadOnlyList<JsonElement>? claim) =>
        user.AllDeviceTypes ? null : Ids(claim);

    private static FrozenSet<long>? Ids(IReadOnlyList<JsonElement>? claim)
    {
        var texts = (claim ?? []).Select(item => item.ToString()).ToList();
        return texts.Contains("*") ? null : texts.Select(Simulators.Ids.Parse).ToFrozenSet();
    }

    private static long? Claim(JsonElement? payload, string name) => payload.Number(name);
}
