namespace Policies;

/// <summary>The rule of the broker: a demand is granted when each of its parts is permitted.</summary>
public static class Policy
{
    /// <summary>Decides. Pure, allocates nothing; whatever is unknown or forgotten is refused.</summary>
    public static Decision Decide(in Permissions permissions, in Demand demand)
    {
        if (demand.Action is null || !permissions.Actions.Contains(demand.Action))
        {
            return Decision.ActionNotGranted;
        }

        if (!demand.Networks.IsWithin(permissions.Networks))
        {
            return Decision.NetworkNotGranted;
        }

        if (!demand.DeviceTypes.IsWithin(permissions.DeviceTypes))
        {
            return Decision.DeviceTypeNotGranted;
        }

        return demand.Devices.IsWithin(permissions.Devices) ? Decision.Granted : Decision.DeviceNotGranted;
    }
}
