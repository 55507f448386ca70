using System.Text.Json;

namespace Simulators;

/// <summary>One command or notification of a device.</summary>
internal sealed record DeviceHiveMessage(long Id, DeviceHiveDevice Device, string Name, DateTimeOffset Timestamp, JsonElement? Parameters)
{
    public string? Status { get; init; }
    public JsonElement? Result { get; init; }
    public long? UserId { get; init; }
}
