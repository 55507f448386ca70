namespace Policies;

/// <summary>What an identity may do and reach: actions x networks x device types x devices. The default grants nothing.</summary>
/// <remarks>A device is permitted when its id is in <see cref="Devices"/> and its network in <see cref="Networks"/> and its type in
/// <see cref="DeviceTypes"/>.</remarks>
public readonly record struct Permissions(Selection Actions, Selection Networks, Selection DeviceTypes, Selection Devices)
{
    /// <summary>Every action on everything.</summary>
    public static Permissions Everything => new(Selection.Everything, Selection.Everything, Selection.Everything, Selection.Everything);

    /// <summary>Whether nothing is permitted here that <paramref name="other"/> does not permit.</summary>
    public bool IsWithin(in Permissions other) =>
        Actions.IsWithin(other.Actions)
        && Networks.IsWithin(other.Networks)
        && DeviceTypes.IsWithin(other.DeviceTypes)
        && Devices.IsWithin(other.Devices);

    /// <summary>What both permit.</summary>
    public Permissions Intersect(in Permissions other) =>
        new(
            Actions.Intersect(other.Actions),
            Networks.Intersect(other.Networks),
            DeviceTypes.Intersect(other.DeviceTypes),
            Devices.Intersect(other.Devices)
        );
}
