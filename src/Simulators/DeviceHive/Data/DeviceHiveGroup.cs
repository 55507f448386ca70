namespace Simulators;

/// <summary>A DeviceHive network or device type.</summary>
internal sealed record DeviceHiveGroup(long Id, string Name, string? Description)
{
    public object Document =>
        new
        {
            id = Id,
            name = Name,
            description = Description,
        };
}
