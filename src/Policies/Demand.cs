namespace Policies;

/// <summary>What one request needs: an action, and what it reaches in each dimension. The default is refused by every policy.</summary>
/// <param name="Action">The action's canonical name; null is granted by nobody.</param>
/// <param name="Networks">What it reaches of the networks.</param>
/// <param name="DeviceTypes">What it reaches of the device types.</param>
/// <param name="Devices">What it reaches of the devices.</param>
public readonly record struct Demand(string? Action, Reach Networks, Reach DeviceTypes, Reach Devices);
