using Broker.Configuration;
using Broker.Credentials;

namespace Broker.TokenService;

/// <summary>What an upstream said of a login; the default is that nobody knows.</summary>
/// <param name="IsKnown">Whether it said anything.</param>
/// <param name="User">Whom it let in; null when it refused.</param>
internal readonly record struct UserLogin(bool IsKnown, UpstreamUser? User)
{
    /// <summary>Whether the upstream surely did not look at the password, and so did not count it.</summary>
    public bool IsUnasked { get; init; }
}

/// <summary>Users who are an upstream's: it says whether a password is right, and what its user may do.</summary>
internal interface IUserLogins
{
    /// <summary>Whether the broker itself logs in there under this name, in whatever spelling.</summary>
    bool IsOurs(Snapshot snapshot, string upstream, string login);

    Task<UserLogin> LogIn(Snapshot snapshot, string upstream, string login, string password, CancellationToken cancellation);

    /// <summary>Whether the upstream still lets in who logged in there before; null when it did not say.</summary>
    Task<bool?> IsLetIn(Snapshot snapshot, string upstream, Caller user, CancellationToken cancellation);
}
