using System.Text.Json;

namespace Simulators;

/// <summary>A DeviceHive device.</summary>
internal sealed record DeviceHiveDevice(
    string Id,
    string Name,
    long NetworkId,
    long DeviceTypeId,
    JsonElement? Data = null,
    bool IsBlocked = false
)
{
    public object Document =>
        new
        {
            id = Id,
            name = Name,
            data = Data,
            networkId = NetworkId,
            deviceTypeId = DeviceTypeId,
            isBlocked = IsBlocked,
        };
}
