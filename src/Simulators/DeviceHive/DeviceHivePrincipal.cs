using System.Collections.Frozen;
using System.Text.Json;

namespace Simulators;

/// <summary>Who asks DeviceHive, with what; null networks or device types are all.</summary>
internal sealed record DeviceHivePrincipal(
    DeviceHiveUser? User,
    string? Topic,
    FrozenSet<DeviceHiveAction> Actions,
    FrozenSet<long>? Networks,
    FrozenSet<long>? DeviceTypes,
    bool HasNetworkClaim,
    JsonElement? Payload
)
{
    public bool IsAdmin => User is { IsAdmin: true };

    /// <summary>A device passes the token's sets.</summary>
    public bool Holds(DeviceHiveDevice device) =>
        (Networks?.Contains(device.NetworkId) ?? true) && (DeviceTypes?.Contains(device.DeviceTypeId) ?? true);

    /// <summary>A client's user sees only the networks assigned to it, whatever the token says.</summary>
    public bool Owns(DeviceHiveDevice device) => IsAdmin || (User?.Networks.Contains(device.NetworkId) ?? false);
}
