namespace Policies;

/// <summary>
/// What an issued token may hold, and until when. A grant is only ever narrowed and shortened: that is the law of attenuation.
/// </summary>
/// <param name="Permissions">What it may do and reach.</param>
/// <param name="EndsAt">Milliseconds since 1970 at which it, and all that comes of it, is over. The default is long over.</param>
public readonly record struct Grant(Permissions Permissions, long EndsAt)
{
    /// <summary>Whether nothing is permitted here, at any moment, that <paramref name="other"/> does not permit then.</summary>
    public bool IsWithin(in Grant other) => EndsAt <= other.EndsAt && Permissions.IsWithin(other.Permissions);

    /// <summary>What both permit, until the earlier end.</summary>
    public Grant Within(in Grant other) => new(Permissions.Intersect(other.Permissions), Math.Min(EndsAt, other.EndsAt));

    /// <summary>Gives what is wished for, or says which part goes beyond this grant; then nothing is given.</summary>
    /// <remarks>What is not wished for is as it is here. A later end is cut, not refused: nobody is harmed by an earlier one.</remarks>
    public Decision Narrow(in Wish wish, out Grant narrowed)
    {
        narrowed = default;
        var wanted = new Permissions(
            wish.Actions ?? Permissions.Actions,
            wish.Networks ?? Permissions.Networks,
            wish.DeviceTypes ?? Permissions.DeviceTypes,
            wish.Devices ?? Permissions.Devices
        );
        if (!wanted.Actions.IsWithin(Permissions.Actions))
        {
            return Decision.ActionNotGranted;
        }

        if (!wanted.Networks.IsWithin(Permissions.Networks))
        {
            return Decision.NetworkNotGranted;
        }

        if (!wanted.DeviceTypes.IsWithin(Permissions.DeviceTypes))
        {
            return Decision.DeviceTypeNotGranted;
        }

        if (!wanted.Devices.IsWithin(Permissions.Devices))
        {
            return Decision.DeviceNotGranted;
        }

        narrowed = new(wanted, Math.Min(wish.EndsAt ?? EndsAt, EndsAt));
        return Decision.Granted;
    }
}

/// <summary>What someone asks to be put into a token: null is "as mine", an empty selection is nothing.</summary>
public readonly record struct Wish(Selection? Actions, Selection? Networks, Selection? DeviceTypes, Selection? Devices, long? EndsAt);
