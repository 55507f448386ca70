namespace Simulators;

/// <summary>What a DeviceHive token may do, by the numbers in its claim "a".</summary>
internal enum DeviceHiveAction
{
    Any,
    None,
    GetNetwork,
    GetDevice,
    GetDeviceNotification,
    GetDeviceCommand,
    RegisterDevice,
    CreateDeviceCommand,
    UpdateDeviceCommand,
    CreateDeviceNotification,
    GetCurrentUser,
    UpdateCurrentUser,
    ManageUser,
    ManageConfiguration,
    ManageNetwork,
    ManageToken,
    ManagePlugin,
    GetDeviceType,
    ManageDeviceType,
}
