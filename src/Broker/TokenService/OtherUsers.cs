using Broker.Credentials;

namespace Broker.TokenService;

/// <summary>Users of an upstream for whom another user of it may create a token.</summary>
internal static class OtherUsers
{
    public static readonly EndpointResult NeedsManageUser = DeviceHiveErrors.Make(
        403,
        "Access is denied: a token for another user needs the action ManageUser",
        "denied"
    );

    /// <summary>The user with this number at the creator's upstream, with the rights of their last login here.</summary>
    /// <remarks>
    /// What a user may do is known from their own login here alone: the upstream would make any token that it is asked for. It is asked
    /// whether it still lets both in, since it sees nobody but the other user in the requests that follow, and could not refuse the creator
    /// there.
    /// </remarks>
    public static async Task<(Caller? User, EndpointResult? Refusal)> Find(
        Issuance issuance,
        Caller creator,
        long id,
        CancellationToken cancellation
    )
    {
        if (!creator.Permissions.Actions.Contains("ManageUser"))
        {
            return (null, NeedsManageUser);
        }

        // A creator who is an upstream's user is here only while the config names that upstream.
        var upstream = issuance.Options.UsersOf!;
        var identity = UpstreamUser.SubjectPrefix + UpstreamUser.NameAt(upstream, id);
        if (!await issuance.Credentials.Tokens!.Recall(identity))
        {
            return (null, DeviceHiveErrors.NotNow);
        }

        if (issuance.Credentials.Tokens.Find(identity) is not { } user)
        {
            return (
                null,
                DeviceHiveErrors.Make(
                    403,
                    $"Access is denied: what the user with id = {id} may do is not known here: they have to log in here first",
                    "user-unknown"
                )
            );
        }

        foreach (var (caller, refusal) in new[] { (creator, DeviceHiveErrors.Unauthorized), (user.Caller, DeviceHiveErrors.UserInactive) })
        {
            switch (await issuance.Logins!.IsLetIn(issuance.Snapshot, upstream, caller, cancellation))
            {
                case null:
                    return (null, DeviceHiveErrors.NotNow);
                case false:
                    await issuance.Credentials.EndUser(caller);
                    return (null, refusal);
            }
        }

        return (user.Caller, null);
    }
}
