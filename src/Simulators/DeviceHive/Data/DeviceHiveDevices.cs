using System.Globalization;
using System.Text.Json;

namespace Simulators;

/// <summary>DeviceHive's device routes.</summary>
internal sealed class DeviceHiveDevices(DeviceHiveWorld world)
{
    public void Map(DeviceHiveRoutes routes)
    {
        routes.Guarded("GET", "/device", DeviceHiveAction.GetDevice, List);
        routes.Guarded("GET", "/device/count", DeviceHiveAction.GetDevice, Count);
        routes.OnDevice("GET", "/device/{deviceId}", DeviceHiveAction.GetDevice, (_, _, device) => Answer.Json(200, device.Document));
        routes.OnDevice("DELETE", "/device/{deviceId}", DeviceHiveAction.RegisterDevice, (_, _, device) =>
        {
            world.Devices.TryRemove(device.Id, out _);
            return Answer.Empty(204);
        });
        routes.Guarded("PUT", "/device/{deviceId}", DeviceHiveAction.RegisterDevice, Put);
    }

    private Answer List(Call call, DeviceHivePrincipal principal)
    {
        var skip = int.TryParse(call.Query("skip"), CultureInfo.InvariantCulture, out var first) ? first : 0;
        var take = int.TryParse(call.Query("take"), CultureInfo.InvariantCulture, out var count) ? count : 20;
        var devices = Filter(call, principal).Where(principal.Holds).OrderBy(device => device.Id, StringComparer.Ordinal);
        return Answer.Json(200, devices.Skip(skip).Take(take).Select(device => device.Document));
    }

    /// <summary>A token without the claim "n" counts all devices of its user: that is the vendor's flaw.</summary>
    private Answer Count(Call call, DeviceHivePrincipal principal)
    {
        var devices = Filter(call, principal);
        return Answer.Json(200, new { count = principal.HasNetworkClaim ? devices.Count(principal.Holds) : devices.Count() });
    }

    private IEnumerable<DeviceHiveDevice> Filter(Call call, DeviceHivePrincipal principal) =>
        world.Devices.Values.Where(device =>
            principal.Owns(device)
            && (call.Query("name") is not { } name || device.Name == name)
            && (call.Query("networkId") is not { } network || device.NetworkId == Ids.Parse(network))
        );

    /// <summary>
    /// The network in the body is held against the user's networks, never against the token's: that is the vendor's flaw.
    /// </summary>
    private Answer Put(Call call, DeviceHivePrincipal principal)
    {
        if (DeviceHiveTokens.RefuseBody(call) is { } refusal)
        {
            return refusal;
        }
        var id = call.Route("deviceId");
        if (!id.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-'))
        {
            return DeviceHiveErrors.Make(400, "Device Id can only contain letters, digits and dashes.");
        }
        if (principal.User is not { } user)
        {
            return DeviceHiveErrors.Denied;
        }
        var old = world.Devices.GetValueOrDefault(id);
        var network = call.Json.Number("networkId") ?? old?.NetworkId ?? user.Networks.FirstOrDefault(DeviceHiveSimulator.NetworkNorth);
        var device = new DeviceHiveDevice(
            id,
            call.Json.Text("name") ?? old?.Name ?? id,
            network,
            call.Json.Number("deviceTypeId") ?? old?.DeviceTypeId ?? 1,
            call.Json.Member("data") ?? old?.Data,
            call.Json.Member("isBlocked") is { ValueKind: JsonValueKind.True }
        );
        if (!world.Networks.ContainsKey(network))
        {
            return DeviceHiveErrors.Make(404, $"Network with id = {network} not found");
        }
        if (!principal.Owns(device) || (old is not null && !principal.Owns(old)))
        {
            return DeviceHiveErrors.Denied;
        }
        world.Devices[id] = device;
        return Answer.Empty(204);
    }
}
