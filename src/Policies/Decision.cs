namespace Policies;

/// <summary>Granted, or which part was not; the default refuses.</summary>
public enum Decision
{
    /// <summary>Refused by a denial, or nobody decided.</summary>
    Denied,

    /// <summary>All that was demanded is permitted.</summary>
    Granted,

    /// <summary>The action is not permitted.</summary>
    ActionNotGranted,

    /// <summary>A network is not permitted.</summary>
    NetworkNotGranted,

    /// <summary>A device type is not permitted.</summary>
    DeviceTypeNotGranted,

    /// <summary>A device is not permitted.</summary>
    DeviceNotGranted,
}
